"""Following of enqueued rows: their states are polled until they are final."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from smsgate.bulk._rows import FINAL, OPEN, Change, row_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate.bulk._journal import Journal
    from smsgate.bulk._rows import RowState
    from smsgate.domain import MessageState

MOST_WAITED_FOR = 500
"""Open rows up to which `wait_many` polls them; more are found by reading the list of messages in whole."""
ROUND = 5.0
"""Seconds of a round of `wait_many`."""
_BATCH = 100
_CLOCKS_DIFFER = timedelta(hours=1)


class Follower:
    """Writes the states of messages into the journal.

    Args:
        journal: the campaign's.
        patience: seconds without any change after which following ends; None for no end.
        ends_with_sent: whether "sent" is a final state, as there are no delivery reports.
        clock: seconds, on a clock that never jumps.

    Attributes:
        total: rows that were open at the beginning.
        open: rows that are open now.
    """

    def __init__(
        self, journal: Journal, patience: float | None, *, ends_with_sent: bool, clock: Callable[[], float]
    ) -> None:
        self._journal = journal
        self._patience = patience
        self._final: tuple[RowState, ...] = (*FINAL, "sent") if ends_with_sent else FINAL
        self._followed: tuple[RowState, ...] = tuple(state for state in OPEN if state not in self._final)
        self._clock = clock
        self._changed_at = clock()
        self._states: dict[str, MessageState] = {}
        self._absent: set[str] = set()
        self.open = self.total = self._count()

    def _count(self) -> int:
        counts, *_ = self._journal.count()
        return sum(counts.get(state, 0) for state in self._followed)

    def is_over(self) -> bool:
        """Write what is known, and tell whether no row is open, or none has changed for too long."""
        self.flush()
        left = self._count()
        if left != self.open:
            self._changed_at = self._clock()
        self.open = left
        if left <= len(self._absent):
            return True
        return self._patience is not None and self._clock() - self._changed_at >= self._patience

    def ids(self) -> list[str]:
        """Return the ids of the open rows for `wait_many`; none when there are too many for that."""
        rows = self._journal.read(self._followed, 0, MOST_WAITED_FOR + len(self._absent) + 1)
        found = [row.id for row in rows if row.id not in self._absent]
        return found if len(found) <= MOST_WAITED_FOR else []

    def begin(self) -> datetime:
        """Return a time before which no message of the campaign was created."""
        first = self._journal.first_enqueued_at()
        moment = datetime.now(timezone.utc) if first is None else datetime.fromtimestamp(first, timezone.utc)
        return moment - _CLOCKS_DIFFER

    def note(self, state: MessageState) -> bool:
        """Note a state, and tell whether it is final."""
        self._states[state.id] = state
        if len(self._states) >= _BATCH:
            self.flush()
        return row_state(state.state) in self._final

    def note_absent(self, ids: list[str]) -> None:
        """Note messages that the gateway does not have any more, apart from those whose states have been noted."""
        self.flush()
        self._absent |= {row.id for row in self._journal.find(ids) if row.state in self._followed}

    def flush(self) -> None:
        """Write the noted states."""
        states, self._states = self._states, {}
        changes = [
            Change(row.row, state, _reason(states[row.id]), states[row.id].device_id or None, is_enqueued=True)
            for row in (self._journal.find(list(states)) if states else ())
            if (state := row_state(states[row.id].state)) != row.state
        ]
        if self._journal.change(changes):
            self._changed_at = self._clock()


def _reason(state: MessageState) -> str | None:
    return next((recipient.error for recipient in state.recipients if recipient.error), None)
