"""Queue limit of a device: a verdict is taken some seconds after a send and then cached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from smsgate.emulator._http.responses import RequestError
from smsgate.emulator._http.timestamps import go_text

if TYPE_CHECKING:
    from smsgate.emulator._state.messages import Message, MessageStore


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """Limits of the queue of a device; zero disables a limit.

    Args:
        max_pending: due messages in ``Pending``.
        max_pending_age: seconds that the oldest of them may wait.
        refresh: a send attempt asks for a new verdict, which is taken so many seconds later: the first messages over
            the limit pass. With 0 every send is judged at once.
        keep: seconds that a verdict holds.
    """

    max_pending: int = 0
    max_pending_age: float = 0.0
    refresh: float = 5.0
    keep: float = 60.0


class QueueWatch:
    """Cached verdicts of all devices."""

    def __init__(self) -> None:
        self._asked: dict[str, datetime] = {}
        self._verdicts: dict[str, tuple[datetime, str]] = {}

    def check(self, limit: QueueLimit | None, device_id: str, store: MessageStore, now: datetime) -> None:
        """Reject a send with 503 while the device's verdict says so."""
        if limit is None:
            return
        asked = self._asked.setdefault(device_id, now)
        if now >= asked + timedelta(seconds=limit.refresh):
            verdict = _verdict(limit, device_id, store, now)
            self._verdicts[device_id] = (now + timedelta(seconds=limit.keep), verdict)
            self._asked[device_id] = now
        expires, reason = self._verdicts.get(device_id, (now, ""))
        if reason and now < expires:
            raise RequestError(503, f"failed to enqueue message: queue limits exceeded: {reason}")


def _verdict(limit: QueueLimit, device_id: str, store: MessageStore, now: datetime) -> str:
    waiting = [row for row in store if row.device_id == device_id and row.state == "Pending" and _due(row, now)]
    if limit.max_pending_age and waiting and now - waiting[0].created_at > timedelta(seconds=limit.max_pending_age):
        return f"too old pending message: {go_text(waiting[0].created_at.replace(microsecond=0))}"
    if limit.max_pending and len(waiting) >= limit.max_pending:
        return f"too many pending messages: {len(waiting)} / {limit.max_pending}"
    return ""


def _due(message: Message, now: datetime) -> bool:
    return message.schedule_at is None or message.schedule_at <= now
