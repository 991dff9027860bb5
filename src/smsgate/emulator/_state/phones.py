"""Timings and transmissions of phones, and the protocols of a phone and of the event queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.messages import Message

Change = tuple[str, str, "str | None"]
"""A recipient, the state it reached, and an error."""


@dataclass(slots=True)
class PhoneTimings:
    """Timings of a phone, in seconds after a message was accepted or its scheduled time.

    ``processed``, ``sent``, ``delivered``: times of these states. ``pace``: pause after each message.
    """

    processed: float = 0.2
    sent: float = 0.5
    delivered: float = 1.0
    pace: float = 0.0


@dataclass(frozen=True, slots=True)
class Transmission:
    """Text that a phone sent over its radio."""

    message_id: str
    device_id: str
    phone_number: str
    at: datetime

    def __repr__(self) -> str:
        return f"Transmission(message_id={self.message_id!r})"


class PhoneAgent(Protocol):
    """Agent of one phone; `smsgate.emulator._phone.phone.Phone` is the implementation."""

    def notice(self, message: Message) -> None:
        """Queue a new message."""
        ...

    def notice_cancel(self, message: Message, time: datetime) -> None:
        """Cancel a waiting message."""
        ...

    def report(self, message: Message, reports: Sequence[Mapping[str, Any]], time: datetime) -> None:
        """Report states set by a test to webhooks."""
        ...

    def forget(self) -> None:
        """Stop permanently."""
        ...

    def rest_until(self, time: datetime) -> None:
        """Send no messages before this time."""
        ...

    def act(self, now: datetime) -> None:
        """Execute everything that is due."""
        ...


class EventSink(Protocol):
    """The queue of webhook events; `smsgate.emulator._phone.deliveries.DeliveryQueue` is the implementation."""

    def emit(self, event: str, device: Device, payload: dict[str, Any]) -> None:
        """Queue an event for every webhook that is registered for it."""
        ...

    def status_changed(self, device: Device, message: Message, change: Change, time: datetime) -> None:
        """Queue the event of a recipient's new state."""
        ...
