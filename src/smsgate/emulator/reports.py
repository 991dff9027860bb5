"""What devices tell the server: `PATCH /mobile/v1/message`, with the same semantics for the pretend phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.emulator.answers import RefusedError, empty
from smsgate.emulator.messages import CANONICAL_STATES, Message, Recipient, collated, hashed_number
from smsgate.emulator.shapes import Failures, Reader, array, body, mapping, moment, struct, text
from smsgate.emulator.timestamps import go_text, milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from smsgate._http import Response
    from smsgate.emulator.books import Books
    from smsgate.emulator.devices import Device
    from smsgate.emulator.routing import Call

_MAX_ERROR = 256
_MAX_ID = 36
_MAX_NUMBER = 128
_RECIPIENT = struct("RecipientState", {"phoneNumber": text, "state": text, "error": text})
_ITEM: Reader = struct(
    "MessageState",
    {
        "id": text,
        "state": text,
        "recipients": array(_RECIPIENT, "[]smsgateway.RecipientState", {}),
        "states": mapping(moment, "map[string]time.Time"),
    },
)
_REPORT = array(_ITEM, "smsgateway.MobilePatchMessageRequest", {})


def report_states(books: Books, call: Call) -> Response:
    """Answer ``PATCH /mobile/v1/message``: 204, also for items that are silently dropped."""
    header = call.headers.get("authorization", "")
    token = header[7:] if header[:7].lower() == "bearer " else None
    device = next((device for device in books.devices if token == device.token), None)
    if device is None or books.down:
        raise RefusedError(401, "Unauthorized")
    items: list[dict[str, Any]] = body(call, _REPORT)
    failures = Failures("")
    for number, item in enumerate(items):
        _check_item(failures, f"[{number}]", item)
    failures.settle()
    for item in items:
        apply_report(books, device, item, books.now())
    return empty(204)


def _check_item(failures: Failures, where: str, item: dict[str, Any]) -> None:
    identity: str = item.get("id", "")
    recipients: list[dict[str, Any]] | None = item.get("recipients")
    failures.check(f"{where}.ID", ("required", bool(identity)), ("max", len(identity) <= _MAX_ID))
    failures.check(f"{where}.State", ("required", bool(item.get("state"))))
    failures.check(f"{where}.Recipients", ("required", recipients is not None), ("min", bool(recipients)))
    for number, recipient in enumerate(recipients or []):
        phone: str = recipient.get("phoneNumber", "")
        place = f"{where}.Recipients[{number}]"
        failures.check(f"{place}.PhoneNumber", ("required", bool(phone)), ("max", len(phone) <= _MAX_NUMBER))
        failures.check(f"{place}.State", ("required", bool(recipient.get("state"))))


def apply_report(books: Books, device: Device, report: Mapping[str, Any], moment: datetime) -> bool:
    """Store one report; ``False`` when the server drops it in silence.

    Until the cached answer expires, ``GET /messages/{id}`` shows recipients and times exactly as reported; the rows
    behind the list take over what matches them. Numbers without ``+`` get one and then match no row.
    """
    row = books.store.on_device(report["id"], device.id)
    recipients: list[dict[str, Any]] = report["recipients"]
    states: dict[str, datetime] = report.get("states") or {}
    names = [report["state"], *states, *(item["state"] for item in recipients)]
    too_long = any(len(item.get("error") or "") > _MAX_ERROR for item in recipients)
    if row is None or too_long or any(name.lower() not in CANONICAL_STATES for name in names):
        return False
    state = _advanced(report["state"])
    row.state = CANONICAL_STATES[state.lower()]
    for name, at in states.items():
        row.states.setdefault(CANONICAL_STATES[name.lower()], milliseconds(at))
    shown = [_as_stored(item, hashed=row.is_hashed) for item in recipients]
    rows = {collated(recipient.phone_number): recipient for recipient in row.recipients}
    for told in shown:
        match = rows.get(collated(told.phone_number))
        if match:
            match.state, match.error = CANONICAL_STATES[told.state.lower()], told.error
    view = {
        **row.view(with_content=True),
        "state": state,
        "recipients": [told.view() for told in shown],
        "states": {name: go_text(states[name]) for name in sorted(states)},
    }
    books.views.put(row.id, view, moment)
    books.reported(row, moment)
    return True


def apply_locally(
    message: Message, recipients: Mapping[str, tuple[str, str | None]], state: str, states: Mapping[str, datetime]
) -> None:
    """Store what a phone in local mode did: its own database is what the API shows."""
    message.state = state
    message.recipients = [Recipient(number, reached, error) for number, (reached, error) in recipients.items()]
    message.states = dict(states)


def _advanced(state: str) -> str:
    return "Processed" if state == "Pending" else state


def _as_stored(item: Mapping[str, Any], *, hashed: bool) -> Recipient:
    number: str = item["phoneNumber"]
    number = number if number.startswith("+") else f"+{number}"
    return Recipient(hashed_number(number) if hashed else number, _advanced(item["state"]), item.get("error"))
