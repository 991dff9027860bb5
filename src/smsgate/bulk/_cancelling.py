"""Results of attempts to take messages back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.bulk._outcomes import is_temporary
from smsgate.bulk._rows import UNRESOLVED, Change, Row, row_state
from smsgate.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

CANCELLED = "cancelled by the program"


class Cancellation:
    """Collects what has become of messages that were taken back.

    Attributes:
        failure: an error that would meet every message; None without one.
        done: messages that were handled.
    """

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.done = 0

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
            elif not isinstance(result, NotFoundError | ConflictError) and not is_temporary(result):
                self.failure = self.failure or result
        return changes
