"""Results of attempts to take messages back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.bulk._outcomes import is_temporary
from smsgate.bulk._rows import UNRESOLVED, Change, Row, row_state
from smsgate.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

CANCELLED = "cancelled by the program"
_MOST_IN_SUCCESSION = 8


class Cancellation:
    """Collects what has become of messages that were taken back.

    Attributes:
        failure: an error that would meet every message; None without one.
        missed: an error that met some messages, which another cancellation may take back; None without one.
        done: messages that were handled.
    """

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.missed: BaseException | None = None
        self.done = 0
        self._in_succession = 0

    def changes(self, results: Iterable[tuple[Row, Any]]) -> list[Change]:
        """Return the changes of rows: a message that cannot be taken back any more keeps its state."""
        changes: list[Change] = []
        for row, result in results:
            self.done += 1
            if not isinstance(result, BaseException):
                state = row_state(result.state)
                changes.append(Change(row.row, state, CANCELLED, result.device_id or None, is_enqueued=True))
            elif isinstance(result, NotFoundError) and row.state in UNRESOLVED:
                changes.append(Change(row.row, "cancelled", "the gateway does not know it"))
            elif not isinstance(result, NotFoundError | ConflictError):
                self._note_failure(result)
                continue
            self._in_succession = 0
        return changes

    def _note_failure(self, error: BaseException) -> None:
        """Note an error; one that passes counts as a failure of all when it has met many messages in succession."""
        self._in_succession += 1
        self.missed = self.missed or error
        if not is_temporary(error) or self._in_succession >= _MOST_IN_SUCCESSION:
            self.failure = self.failure or error

    def check(self) -> None:
        """Raise the error for which messages were not taken back.

        Raises:
            SMSGateError: there was one.
        """
        if self.missed is not None:
            raise self.failure or self.missed
