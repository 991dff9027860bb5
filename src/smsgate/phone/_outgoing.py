"""Outgoing messages on the phone: as pulled, as stored, and the effects of sending them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

RecipientState: TypeAlias = "tuple[str, str | None]"
"""State of one recipient, and an error."""

PENDING: RecipientState = ("Pending", None)


@dataclass(slots=True)
class OutgoingMessage:
    """Message as a server hands it to a phone.

    Attributes:
        numbers: recipients, ciphertext if ``is_encrypted``; reports repeat them exactly.
        created_at: the server's time, by which equal priorities are ordered.
        text: the text; None for data.
        data: bytes in Base64; None for a text.
        priority: 100 and more is urgent.
        sim_number: the requested SIM, counted from 1.
        valid_until: a message whose turn comes later fails.
        schedule_at: earliest time.
        is_cancelling: whether the server waits for the phone to confirm a cancellation.
        checks_numbers: whether numbers are checked before they are dialled, as for requests to a phone's own server.
    """

    id: str
    numbers: tuple[str, ...] = field(repr=False)
    created_at: datetime
    text: str | None = field(default=None, repr=False)
    data: str | None = field(default=None, repr=False)
    is_encrypted: bool = False
    priority: int = 0
    sim_number: int | None = None
    with_delivery_report: bool = True
    valid_until: datetime | None = None
    schedule_at: datetime | None = None
    is_cancelling: bool = False
    checks_numbers: bool = False


@dataclass(slots=True)
class StoredMessage:
    """The phone's own row of a message: states of all recipients, and when the message reached which state."""

    message: OutgoingMessage
    row: int
    recipients: dict[str, RecipientState] = field(repr=False)
    states: dict[str, datetime]
    sim_number: int | None = None
    parts: int = 1
    has_failed: bool = False

    @property
    def state(self) -> str:
        """The message's state; ``Failed`` is final."""
        return "Failed" if self.has_failed else message_state([state for state, _ in self.recipients.values()])

    @property
    def is_waiting(self) -> bool:
        """Whether nothing has happened to it yet."""
        return len(self.pending) == len(self.recipients)

    @property
    def pending(self) -> list[str]:
        """Recipients to whom nothing has happened yet."""
        return [number for number, (state, _) in self.recipients.items() if state == "Pending"]

    def update(self, number: str, reached: RecipientState) -> bool:
        """Set a recipient's state; return False if it is ``Failed``, which is final."""
        if self.recipients[number][0] == "Failed":
            return False
        self.recipients[number] = reached
        return True

    def record_state(self, time: datetime) -> str:
        """Record the time of the message's state, in milliseconds, unless it was reached before; return the state."""
        state = self.state
        self.has_failed = state == "Failed"
        if state not in self.states:
            self.states[state] = time - timedelta(microseconds=time.microsecond % 1000)
        return state


def message_state(states: Iterable[str]) -> str:
    """Return a message's state from those of its recipients, as the app computes it."""
    found = set(states)
    if len(found) == 1:
        return found.pop()
    return next((state for state in ("Pending", "Cancelling", "Cancelled", "Processed") if state in found), "Sent")


@dataclass(slots=True)
class StateReport:
    """Report of a message to the server, always complete: all recipients, and all states reached."""

    message_id: str
    state: str
    recipients: Mapping[str, RecipientState] = field(repr=False)
    states: Mapping[str, datetime]
    at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """Event for all webhooks that are registered for it."""

    name: str
    payload: Mapping[str, Any] = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class Transmission:
    """Message that a phone sent over its radio, to one recipient.

    Attributes:
        phone_number: as dialled, decrypted if the phone could.
        text: the text, decrypted if the phone could; None for data.
        data: the bytes of a data message in Base64.
        parts: number of SMS.
        sim_number: the SIM that was requested or chosen; None for the phone's default.
    """

    message_id: str
    device_id: str
    phone_number: str
    at: datetime
    text: str | None = None
    data: str | None = None
    parts: int = 1
    sim_number: int | None = None

    def __repr__(self) -> str:
        return f"Transmission(message_id={self.message_id!r})"


Effect: TypeAlias = "StateReport | Event | Transmission"
"""What a phone wants done."""
