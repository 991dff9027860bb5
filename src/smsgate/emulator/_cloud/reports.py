"""Reports of devices about their messages: ``PATCH /mobile/v1/message``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.binding import Reader, ValidationErrors, array, body, mapping, struct, text, timestamp
from smsgate.emulator._http.responses import RequestError, empty_response
from smsgate.emulator._state.reports import Report, apply_report

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator._http.routing import ParsedRequest
    from smsgate.emulator._state.state import GatewayState

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
        "states": mapping(timestamp, "map[string]time.Time"),
    },
)
_REPORT = array(_ITEM, "smsgateway.MobilePatchMessageRequest", {})


def report_states(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``PATCH /mobile/v1/message``: 204, also for items that are silently dropped."""
    header = request.headers.get("authorization", "")
    token = header[7:] if header[:7].lower() == "bearer " else None
    device = next((device for device in state.devices if token == device.token), None)
    if device is None or state.down:
        raise RequestError(401, "Unauthorized")
    items: list[dict[str, Any]] = body(request, _REPORT)
    errors = ValidationErrors("")
    for number, item in enumerate(items):
        _check_item(errors, f"[{number}]", item)
    errors.settle()
    for item in items:
        apply_report(state, device, _report(item), state.now())
    return empty_response(204)


def _report(item: dict[str, Any]) -> Report:
    recipients = [(one["phoneNumber"], one["state"], one.get("error")) for one in item["recipients"]]
    return Report(item["id"], item["state"], recipients, item.get("states", {}))


def _check_item(errors: ValidationErrors, where: str, item: dict[str, Any]) -> None:
    identity: str = item.get("id", "")
    recipients: list[dict[str, Any]] | None = item.get("recipients")
    errors.check(f"{where}.ID", ("required", bool(identity)), ("max", len(identity) <= _MAX_ID))
    errors.check(f"{where}.State", ("required", bool(item.get("state"))))
    errors.check(f"{where}.Recipients", ("required", recipients is not None), ("min", bool(recipients)))
    for number, recipient in enumerate(recipients or []):
        phone: str = recipient.get("phoneNumber", "")
        place = f"{where}.Recipients[{number}]"
        errors.check(f"{place}.PhoneNumber", ("required", bool(phone)), ("max", len(phone) <= _MAX_NUMBER))
        errors.check(f"{place}.State", ("required", bool(recipient.get("state"))))
