"""Dispatch of rows: order, journalling before the first attempt, and the handling of results.

Has no network and never waits: a runner, synchronous or asynchronous, makes the attempts.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from smsgate.bulk._jobs import Job
from smsgate.bulk._outcomes import Verdict, is_temporary, judge, retry_after
from smsgate.bulk._pacing import Pacer, Pacing, growing_pause
from smsgate.bulk._rows import UNRESOLVED, Change
from smsgate.errors import SMSGateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smsgate.bulk._journal import Journal
    from smsgate.bulk._rows import Row, RowState

_BATCH = 64  # fewest rows that one transaction notes as being sent; after a crash they are attempted again
_MOST_IN_BATCH = 512
_BATCH_SECONDS = 0.1  # of sending that one transaction notes, so that the disk costs little at every speed
_QUEUED = 4  # rows for each attempt under way that a runner has in hand, for while the disk writes
_MOST_CANDIDATES = 1024
_PAGE = 256
_FLUSH_AFTER = 0.5  # seconds after which results are written
_MOST_UNWRITTEN = 256
_TICK = 0.5  # seconds; the longest pause of a runner, which reports progress then
_MOST_TRIES = 8  # of a row that fails while others succeed
_AHEAD = 8  # rows that go ahead of one that has failed, so that a row that always fails does not hold up all others
_JUDGED_FROM = 20  # rows from which on the share of failures counts
_REASON_LENGTH = 200
_OF_AN_OUTAGE = frozenset({Verdict.NOT_STORED, Verdict.UNCLEAR, Verdict.FATAL})


class Dispatcher:
    """Decides which row is attempted when, and keeps the journal.

    Args:
        journal: the campaign's.
        pacing: its speed.
        resend_unknown: whether rows without a phone that a lookup does not find are sent again.
        clock: seconds, on a clock that never jumps.
        today: the time of day, aware.

    Attributes:
        failure: what ended the run; None if nothing did.
        stopped: why the campaign was stopped, in a sentence.
        active: attempts under way.
        gone: phones that the gateway does not have.
        done: rows whose outcome has become known, and those that stay unknown.
    """

    def __init__(
        self,
        journal: Journal,
        pacing: Pacing,
        *,
        resend_unknown: bool = False,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.failure: BaseException | None = None
        self.stopped: str | None = None
        self.active = 0
        self.done = 0
        self.gone: set[str] = set()
        self.pacer = Pacer(pacing)
        self._journal = journal
        self._pacing = pacing
        self._resend_unknown = resend_unknown
        self._clock, self._today = clock, today
        self._source = self._read()
        self._read_all = False
        self._candidates: deque[Job] = deque()
        self._later: list[tuple[float, int, Job]] = []
        self._admitted: list[Job] = []
        self._ready: deque[Job] = deque()
        self._changes: list[Change] = []
        self._written_at = clock()
        self._batch = _BATCH
        self._started = 0
        self._successes = self._refusals = 0

    def _read(self) -> Iterator[Row]:
        """Yield the rows to send: first those that the gateway may have, each once."""
        states: tuple[tuple[RowState, ...], ...] = (UNRESOLVED, ("planned",))
        for listed in states:
            after = 0
            while page := self._journal.read(listed, after, _PAGE):
                yield from page
                after = page[-1].row

    def load(self) -> list[Job]:
        """Read rows ahead, and return those for which the runner has to choose a phone."""
        self._wake()
        while not self._read_all and self._lacks_candidates():
            row = next(self._source, None)
            if row is None:
                self._read_all = True
            else:
                self._candidates.append(Job.of(row, self._today()))
        if self.is_ending() or self.pacer.pause(self._clock()) > 0:
            return []
        return [job for job in self._candidates if job.needs_device]

    def _lacks_candidates(self) -> bool:
        if self._batch <= len(self._candidates) < _MOST_CANDIDATES:
            now = self._clock()  # rows of a phone whose queue is full must not hold up those of others
            return all(self.pacer.full(job.device).wait(now) > 0 for job in self._candidates)
        return len(self._candidates) < self._batch

    def _wake(self) -> None:
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            self._candidates.insert(_AHEAD, heapq.heappop(self._later)[2])

    def has_writes(self) -> bool:
        """Admit rows whose time has come, and tell whether the journal has to be written before they start."""
        if not self.is_ending():
            self._admit()
        if self._admitted or len(self._changes) >= _MOST_UNWRITTEN:
            return True
        return bool(self._changes) and self._clock() - self._written_at >= _FLUSH_AFTER

    def write(self) -> None:
        """Write the journal in one transaction: results, and the rows that start, with their phones.

        Raises:
            CampaignError: it cannot be written; no row has started.
        """
        self._adapt_batch()
        started = [(job.row, job.device) for job in self._admitted if not job.is_journalled]
        cancelled = self._journal.write(started, self._changes)
        self._changes = []
        self._written_at = self._clock()
        for job in self._admitted:
            job.is_journalled = True
        self._ready.extend(job for job in self._admitted if job.row not in cancelled)
        self.done += len(cancelled)
        self._admitted = []

    def _adapt_batch(self) -> None:
        seconds = self._clock() - self._written_at
        if self._admitted and seconds > 0:
            self._batch = max(_BATCH, min(_MOST_IN_BATCH, int(self._started / seconds * _BATCH_SECONDS)))
            self._started = 0

    def _admit(self) -> None:
        now, wall = self._clock(), self._today()
        if self.pacer.quiet_until(wall) is not None:
            self.pacer.trouble.succeed()  # an outage is measured from attempts, and now there are none
        room = self.capacity - self.active - len(self._ready)
        if len(self._ready) >= self._batch // 2 or self.pacer.wait_of_all(now, wall) > 0:
            return
        blocked: list[Job] = []
        while self._candidates and len(self._admitted) < self._batch:
            job = self._candidates.popleft()
            is_bounded = self._pacing.has_limits or job.device is None  # never noted long before they start
            if (is_bounded and len(self._admitted) >= room) or job.needs_device:
                blocked.append(job)
                break
            if self.pacer.wait_of(job.device, now) > 0:
                blocked.append(job)
                continue
            self.pacer.start(job.device, now)
            self._admitted.append(job)
            if self.pacer.wait_of_all(now, wall) > 0:
                break
        self._candidates.extendleft(reversed(blocked))

    @property
    def capacity(self) -> int:
        """Rows that a runner takes at once: more than its attempts, unless each may have to wait or be the last."""
        is_bounded = self._pacing.has_limits or self._has_too_many_refusals()
        return self._pacing.concurrency * (1 if is_bounded else _QUEUED)

    def _has_too_many_refusals(self) -> bool:
        return self._refusals > (self._successes + self._refusals) * self._pacing.max_failures

    def next(self) -> Job | None:
        """Return the next row to attempt; the journal knows it."""
        now = self._clock()
        if self.is_ending() or self.pacer.pause(now) > 0 or self.quiet_until():
            return None
        while self._ready and self.active < self.capacity:
            job = self._ready.popleft()
            if self.pacer.full(job.device).wait(now) > 0:
                self._retry(job, self.pacer.full(job.device).until)
                continue
            self.pacer.attempt(job.device, now)
            self.active += 1
            self._started += 1
            return job
        return None

    def pause(self) -> float:
        """Return the seconds for which a runner may wait for results."""
        if self.is_ending() or self.is_over():
            return 0.0
        now = self._clock()
        times = [_TICK]
        if self._later:
            times.append(self._later[0][0] - now)
        if self._candidates and self.active < self.capacity:
            waits = [self.pacer.wait_of(job.device, now) for job in self._candidates]
            times.append(max(self.pacer.wait_of_all(now, self._today()), min(waits)))
        return max(0.0, min(times))

    def is_over(self) -> bool:
        """Tell whether no attempt is under way and none will follow."""
        left = self._candidates or self._later or self._ready or not self._read_all
        return not self.active and (self.is_ending() or not left)

    def interrupt(self) -> None:
        """Start no further row."""
        self.stopped = self.stopped or "interrupted"

    def quiet_until(self) -> datetime | None:
        """Return the end of the quiet hours, None outside of them."""
        return self.pacer.quiet_until(self._today())

    def is_ending(self) -> bool:
        """Tell whether no further row is attempted, although some may be left."""
        return self.failure is not None or self.stopped is not None

    def settle(self) -> None:
        """Write all results, and give rows back that were noted but not attempted."""
        for job in [*self._admitted, *self._ready, *self._candidates, *(job for _, _, job in self._later)]:
            if job.is_journalled and not job.is_uncertain:
                self._changes.append(Change(job.row, "planned"))
        self._admitted = []
        self._ready.clear()
        self._candidates.clear()
        self._later.clear()
        self.write()

    def take(self, results: Iterable[tuple[Job, Any]]) -> None:
        """Handle the results of attempts: a state or an exception each."""
        for job, result in results:
            self.active -= 1
            verdict = judge(result, is_lookup=job.needs_lookup)
            if verdict not in _OF_AN_OUTAGE:
                self.pacer.trouble.succeed()
            handle = {
                Verdict.ENQUEUED: self._take_enqueued,
                Verdict.REFUSED: self._take_refused,
                Verdict.QUEUE_FULL: self._take_full_queue,
                Verdict.RATE_LIMITED: self._take_rate_limit,
                Verdict.NOT_STORED: self._take_failed,
                Verdict.UNCLEAR: self._take_unclear,
                Verdict.ABSENT: self._take_absent,
                Verdict.DEVICE_GONE: self._take_gone,
                Verdict.FATAL: self._take_fatal,
            }[verdict]
            handle(job, result)

    def give_back(self, jobs: Iterable[Job]) -> None:
        """Take rows back that `next` has returned and that were not attempted."""
        for job in jobs:
            self.active -= 1
            self._candidates.append(job)

    def fail_to_choose(self, error: BaseException) -> None:
        """Note that phones could not be listed."""
        if is_temporary(error):
            self._note_trouble(error)
        else:
            self.failure = self.failure or error

    def _take_enqueued(self, job: Job, result: Any) -> None:
        self.pacer.limited.succeed()
        self.pacer.full(job.device).succeed()
        self._successes += 1
        device = getattr(result, "device_id", None) if job.device is None else None
        self._end(job, "enqueued", None, device)

    def _take_refused(self, job: Job, error: BaseException) -> None:
        self._refusals += 1
        self._end(job, "failed", _text(error))
        judged = self._successes + self._refusals
        if judged >= _JUDGED_FROM and self._has_too_many_refusals():
            self.stopped = self.stopped or (
                f"{self._refusals} of {judged} rows were refused, more than max_failures allows; "
                "see their reasons before you resume"
            )

    def _take_full_queue(self, job: Job, error: BaseException) -> None:
        full = self.pacer.full(job.device)
        full.fail(self._clock(), retry_after(error))
        self._retry(job, full.until)

    def _take_rate_limit(self, job: Job, error: BaseException) -> None:
        self.pacer.limited.fail(self._clock(), retry_after(error))
        self._retry(job, self.pacer.limited.until)

    def _take_failed(self, job: Job, error: BaseException) -> None:
        self._note_trouble(error)
        job.tries += self._successes > job.successes or self._fails_alone(job)
        job.successes = self._successes
        if job.tries < _MOST_TRIES:
            self._retry(job, self._clock() + growing_pause(job.tries) / 2)
        elif job.is_uncertain:
            self.done += 1
            self._changes.append(Change(job.row, "unknown", _text(error)))
        else:
            self._refusals += 1
            self._end(job, "failed", _text(error))

    def _fails_alone(self, job: Job) -> bool:
        """Tell whether only rows are left that failed again and again while others succeeded: they are the reason."""
        left = [job, *self._candidates, *(other for _, _, other in self._later)]
        return self._read_all and not self._ready and all(one.tries >= _MOST_TRIES // 2 for one in left)

    def _take_unclear(self, job: Job, error: BaseException) -> None:
        self._changes.append(Change(job.row, "unknown", _text(error)))
        job.is_uncertain = True
        job.needs_lookup = job.needs_lookup or job.device is None
        self._take_failed(job, error)

    def _take_absent(self, job: Job, error: BaseException) -> None:
        job.tries += 1
        if self._resend_unknown and job.tries < _MOST_TRIES:
            job.needs_lookup, job.needs_device, job.is_journalled = False, True, False
            self._candidates.appendleft(job)
        else:
            self.done += 1
            self._changes.append(Change(job.row, "unknown", f"the gateway does not know it: {_text(error)}"))

    def _take_gone(self, job: Job, error: BaseException) -> None:
        """Choose another phone, unless the one that is gone may have taken the message."""
        if job.device is None or (job.is_uncertain and not self._resend_unknown):
            if job.device is None and not job.is_uncertain:
                self._take_refused(job, error)
            else:
                self.done += 1
                self._changes.append(Change(job.row, "unknown", f"its phone is gone: {_text(error)}"))
            return
        self.gone.add(job.device)
        if not job.is_uncertain:
            self._changes.append(Change(job.row, "planned"))
        job.device, job.needs_device, job.is_journalled = None, True, False
        self._candidates.appendleft(job)

    def _take_fatal(self, job: Job, error: BaseException) -> None:
        self.failure = self.failure or error
        if not isinstance(error, SMSGateError):  # of a hook, or a cancellation: the attempt may have arrived
            job.is_uncertain = True
            self._changes.append(Change(job.row, "unknown", type(error).__name__))
        self._candidates.appendleft(job)

    def _note_trouble(self, error: BaseException) -> None:
        now = self._clock()
        trouble = self.pacer.trouble
        trouble.fail(now, retry_after(error))
        if trouble.since is not None and now - trouble.since >= self._pacing.give_up_after:
            self.failure = self.failure or error

    def _retry(self, job: Job, due: float) -> None:
        heapq.heappush(self._later, (due, job.row, job))

    def _end(self, job: Job, state: RowState, reason: str | None, device: str | None = None) -> None:
        self.done += 1
        self._changes.append(Change(job.row, state, reason, device))


def _text(error: BaseException) -> str:
    return str(error)[:_REASON_LENGTH]
