"""Reports of phones about their messages, applied as the server or the phone's own database does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smsgate.emulator._http.timestamps import milliseconds
from smsgate.emulator._state.messages import CANONICAL_STATES, Message, Recipient, collation_key, hashed_number
from smsgate.emulator._state.views import MessageView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, tzinfo

    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.state import GatewayState

_MAX_ERROR = 256


@dataclass(slots=True)
class Report:
    """Report of a phone about one message; state names are as the phone wrote them.

    ``recipients`` are numbers, states and errors; ``zone`` is where the phone is, if times are not in their own zone.
    """

    message_id: str
    state: str
    recipients: Sequence[tuple[str, str, str | None]] = field(repr=False)
    states: Mapping[str, datetime]
    zone: tzinfo | None = None

    @property
    def is_storable(self) -> bool:
        """Whether the database takes the names of its states and the lengths of its errors."""
        for name in (self.state, *self.states):
            if name.lower() not in CANONICAL_STATES:
                return False
        for _, name, error in self.recipients:
            if name.lower() not in CANONICAL_STATES or (error and len(error) > _MAX_ERROR):
                return False
        return True


def apply_report(
    state: GatewayState, device: Device, report: Report, time: datetime, *, first_reported: datetime | None = None
) -> bool:
    """Store one report; ``False`` when the server drops it silently.

    ``first_reported`` is the time of the message's first report, if that was not stored by itself.

    Until the cached response expires, ``GET /messages/{id}`` shows recipients and times exactly as reported; the rows
    behind the list take over what matches them. Numbers without ``+`` get one and then match no row.
    """
    row = state.store.on_device(report.message_id, device.id)
    if row is None or not report.is_storable:
        return False
    reached = _next_state(report.state)
    row.state = CANONICAL_STATES[reached.lower()]
    for name, at in report.states.items():
        known = CANONICAL_STATES[name.lower()]
        if known not in row.states:
            row.states[known] = milliseconds(at)
    if row.is_encrypted:
        new = {number: (CANONICAL_STATES[name.lower()], error) for number, name, error in report.recipients}
        row.reported = {**row.reported, **new}
    shown: list[tuple[str, str, str | None]] = []
    rows = {collation_key(recipient.phone_number): recipient for recipient in row.recipients}
    for number, name, error in report.recipients:
        stored, known = _stored_number(number, hashed=row.is_hashed), _next_state(name)
        shown.append((stored, known, error))
        match = rows.get(collation_key(stored))
        if match:
            match.state, match.error = CANONICAL_STATES[known.lower()], error
    state.views.put(row.id, MessageView(row, reached, row.is_hashed, shown, report.states, report.zone), time)
    state.record_report(row, first_reported or time)
    state.changes.announce("message", row.serial)
    return True


def apply_locally(
    state: GatewayState,
    message: Message,
    recipients: Mapping[str, tuple[str, str | None]],
    reached: str,
    states: Mapping[str, datetime],
) -> None:
    """Store the report of a phone in local mode in its own database, which its API shows."""
    message.state = reached
    message.recipients = [Recipient(number, name, error) for number, (name, error) in recipients.items()]
    message.states = {name: milliseconds(at) for name, at in states.items()}
    state.changes.announce("message", message.serial)


def _next_state(state: str) -> str:
    return "Processed" if state == "Pending" else state


def _stored_number(number: str, *, hashed: bool) -> str:
    number = number if number.startswith("+") else f"+{number}"
    return hashed_number(number) if hashed else number
