"""Progress and report of a campaign."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from smsgate.bulk._rows import FINAL, STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from smsgate.bulk._journal import Journal
    from smsgate.bulk._rows import RejectedRow, Row, RowState

Phase = Literal["sending", "waiting", "following", "cancelling"]
_WINDOW = 30.0  # seconds over which the rate is measured
_INTERVAL = 0.25  # seconds between two reports of progress
_MOST_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a campaign.

    Attributes:
        phase: "sending", "waiting" (for the end of quiet hours), "following" (states of messages) or "cancelling".
        done: rows of this phase that are done.
        total: rows of this phase.
        rate: rows a second, over the last half minute.
        seconds_left: estimate; None when nothing is known.
        until: end of the quiet hours, while "waiting".
    """

    phase: Phase
    done: int
    total: int
    rate: float
    seconds_left: float | None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """Rows that had reached a state until a time.

    Attributes:
        at: end of an interval; aware.
        counts: all rows so far by state: "enqueued", and the states of rows whose last change was until then.
    """

    at: datetime
    counts: Mapping[RowState, int]


@dataclass(frozen=True, slots=True)
class Report:
    """State of a campaign.

    Attributes:
        campaign_id: id of the campaign.
        counts: number of rows in each state; rejected rows are not among them.
        rejected: number of rejected rows by reason.
        enqueued: rows that the gateway has got, whatever became of them.
        parts: SMS parts of these.
        duration: seconds that this run took; 0.0 for `Campaign.status`.
        stopped: why the campaign stopped before its end, in a sentence; None if it did not.
    """

    campaign_id: str
    counts: Mapping[RowState, int]
    rejected: Mapping[str, int]
    enqueued: int
    parts: int
    duration: float
    stopped: str | None
    _journal: Journal = field(repr=False, compare=False)

    @property
    def path(self) -> Path:
        """File of the journal."""
        return self._journal.path

    @property
    def total(self) -> int:
        """Number of valid rows."""
        return sum(self.counts.values())

    @property
    def is_sent(self) -> bool:
        """Whether no row is left to be sent, and the outcome of each is known."""
        return not any(self.counts.get(state) for state in ("planned", "sending", "unknown"))

    @property
    def is_complete(self) -> bool:
        """Whether the state of every row is final."""
        return self.total == sum(self.counts.get(state, 0) for state in FINAL)

    def rows(self, *states: RowState) -> Iterator[Row]:
        """Yield the valid rows as they are now, in their order; only those in the given states, if any are given."""
        return self._journal.iterate(states or STATES)

    def rejected_rows(self) -> Iterator[RejectedRow]:
        """Yield the rejected rows with their reasons, in the order of the input, in constant memory."""
        return self._journal.rejected()

    def timeline(self, buckets: int = 60) -> list[TimelinePoint]:
        """Return the growth of the states over time, in intervals of equal length; empty before anything was sent."""
        return timeline(self._journal, max(1, min(buckets, _MOST_BUCKETS)))


def make_report(journal: Journal, duration: float, stopped: str | None) -> Report:
    """Return the report of a journal."""
    counts, enqueued, parts = journal.count()
    ordered: dict[RowState, int] = {state: counts[state] for state in STATES if state in counts}
    rejected = journal.count_by("reason", "rejected")
    return Report(journal.facts["id"], ordered, rejected, enqueued, parts, duration, stopped, journal)


def timeline(journal: Journal, buckets: int) -> list[TimelinePoint]:
    """Return the growth of the states over time."""
    first, last = journal.time_span()
    if first is None or last is None:
        return []
    width = max((last - first) / buckets, 1.0)
    times = [first + width * number for number in range(1, int((last - first) / width) + 2)]
    changes: list[Counter[RowState]] = [Counter() for _ in times]
    for _, number, count in journal.changes_over_time("enqueued_at", first, width):
        changes[number]["enqueued"] += count
    for state, number, count in journal.changes_over_time("updated_at", first, width):
        if state != "enqueued":
            changes[max(0, number)][state] += count  # before the first, if a clock was set back
    counts: Counter[RowState] = Counter()
    points: list[TimelinePoint] = []
    for at, changed in zip(times, changes, strict=True):
        counts.update(changed)
        points.append(TimelinePoint(datetime.fromtimestamp(at, timezone.utc), dict(counts)))
    return points


class Meter:
    """Measures the rate of a phase, and reports progress four times a second at most.

    Args:
        report: called with each `Progress`; None for nothing.
        clock: seconds, on a clock that never jumps.
    """

    def __init__(self, report: Callable[[Progress], object] | None, clock: Callable[[], float]) -> None:
        self._report = report
        self._clock = clock
        self._phase: Phase | None = None
        self._samples: deque[tuple[float, int]] = deque()
        self._reported_at = float("-inf")

    def show(
        self, phase: Phase, done: int, total: int, *, until: datetime | None = None, is_last: bool = False
    ) -> None:
        """Report progress if it is time; the last report of a phase always."""
        now = self._clock()
        if self._report is None or (phase == self._phase and now - self._reported_at < _INTERVAL and not is_last):
            return
        if phase != self._phase:
            self._samples.clear()
        self._phase, self._reported_at = phase, now
        self._samples.append((now, done))
        while now - self._samples[0][0] > _WINDOW:
            self._samples.popleft()
        (begun, first) = self._samples[0]
        rate = (done - first) / (now - begun) if now > begun else 0.0
        left = (total - done) / rate if rate > 0 else (0.0 if done >= total else None)
        self._report(Progress(phase, done, total, rate, left, until))
