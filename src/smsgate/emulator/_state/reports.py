"""Reports of phones about their messages, applied as the server or the phone's own database does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.timestamps import milliseconds
from smsgate.emulator._state.messages import CANONICAL_STATES, Message, Recipient, collation_key, hashed_number
from smsgate.emulator._state.views import view_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.state import GatewayState

_MAX_ERROR = 256


def apply_report(state: GatewayState, device: Device, report: Mapping[str, Any], time: datetime) -> bool:
    """Store one report; ``False`` when the server drops it silently.

    Until the cached response expires, ``GET /messages/{id}`` shows recipients and times exactly as reported; the rows
    behind the list take over what matches them. Numbers without ``+`` get one and then match no row.
    """
    row = state.store.on_device(report["id"], device.id)
    recipients: list[dict[str, Any]] = report["recipients"]
    states: dict[str, datetime] = report.get("states") or {}
    names = [report["state"], *states, *(item["state"] for item in recipients)]
    too_long = any(len(item.get("error") or "") > _MAX_ERROR for item in recipients)
    if row is None or too_long or any(name.lower() not in CANONICAL_STATES for name in names):
        return False
    reached = _next_state(report["state"])
    row.state = CANONICAL_STATES[reached.lower()]
    for name, at in states.items():
        row.states.setdefault(CANONICAL_STATES[name.lower()], milliseconds(at))
    if row.is_encrypted:
        new = {item["phoneNumber"]: (CANONICAL_STATES[item["state"].lower()], item.get("error")) for item in recipients}
        row.reported = {**row.reported, **new}
    shown = [_stored_recipient(item, hashed=row.is_hashed) for item in recipients]
    rows = {collation_key(recipient.phone_number): recipient for recipient in row.recipients}
    for reported in shown:
        match = rows.get(collation_key(reported.phone_number))
        if match:
            match.state, match.error = CANONICAL_STATES[reported.state.lower()], reported.error
    state.views.put(row.id, view_of(row, shown, states, reached), time)
    state.record_report(row, time)
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
    message.states = dict(states)
    state.changes.announce("message", message.serial)


def _next_state(state: str) -> str:
    return "Processed" if state == "Pending" else state


def _stored_recipient(item: Mapping[str, Any], *, hashed: bool) -> Recipient:
    number: str = item["phoneNumber"]
    number = number if number.startswith("+") else f"+{number}"
    return Recipient(hashed_number(number) if hashed else number, _next_state(item["state"]), item.get("error"))
