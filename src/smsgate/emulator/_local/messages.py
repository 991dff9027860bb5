"""Message operations of a phone's local server, on the phone's own database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.binding import array, boolean, integer, struct, text
from smsgate.emulator._http.responses import RequestError, json_response
from smsgate.emulator._http.timestamps import local_text, milliseconds
from smsgate.emulator._local.bodies import (
    check_device,
    check_order,
    integer_or,
    local_moment,
    period,
    read_body,
    strict_boolean,
)
from smsgate.emulator._state.messages import STATES, Message, Recipient

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator._http.routing import ParsedRequest
    from smsgate.emulator._state.state import GatewayState

_INT = integer("int", -(2**31), 2**31 - 1)
_MAX_PORT = 65_535
_MESSAGE = struct(
    "PostMessageRequest",
    {
        "id": text,
        "deviceId": text,
        "message": text,
        "textMessage": struct("TextMessage", {"text": text}),
        "dataMessage": struct("DataMessage", {"data": text, "port": _INT}),
        "phoneNumbers": array(text, "array", ""),
        "isEncrypted": boolean,
        "simNumber": _INT,
        "withDeliveryReport": boolean,
        "ttl": integer("long", -(2**63), 2**63 - 1),
        "validUntil": local_moment,
        "scheduleAt": local_moment,
        "priority": integer("byte", -128, 127),
    },
)


def send(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /messages``: 202, or 400 and 409 with the texts of the app."""
    fields: dict[str, Any] = read_body(request, _MESSAGE)
    now = state.now()
    _check_content(fields)
    _check_options(fields, now)
    device = state.devices[0]
    if fields.get("deviceId", device.id) != device.id:
        raise RequestError(400, "Invalid device ID")
    skip = request.query.get("skipphonevalidation", "false")
    if skip not in {"true", "false"}:
        raise RequestError(400, f"The string doesn't represent a boolean value: {skip}")
    valid_until = _valid_until(fields, now)
    numbers: list[str] = fields["phoneNumbers"]
    message = Message(
        id=fields.get("id") or state.new_id(),
        device_id=device.id,
        **_content(fields),
        numbers=numbers,
        created_at=milliseconds(now),
        recipients=[Recipient(number) for number in numbers],
        is_encrypted=fields.get("isEncrypted", False),
        priority=fields.get("priority", 0),
        sim_number=fields.get("simNumber"),
        with_delivery_report=fields.get("withDeliveryReport", True),
        skip_phone_validation=skip == "true",
        valid_until=valid_until,
        schedule_at=fields.get("scheduleAt"),
    )
    if len(set(numbers)) < len(numbers) or not state.add_message(message):
        raise RequestError(409, "Message with the same ID already exists")
    state.phones[device.id].notice(message)
    return json_response(202, _view(message, with_content=True), local=True)


def _check_content(fields: dict[str, Any]) -> None:
    contents = [name for name in ("textMessage", "dataMessage", "message") if name in fields]
    if not contents:
        raise RequestError(400, "Must specify exactly one of: textMessage, dataMessage, or message")
    if len(contents) > 1:
        raise RequestError(400, "Cannot specify multiple message types simultaneously")
    if "dataMessage" in fields:
        if not 0 <= fields["dataMessage"].get("port", 0) <= _MAX_PORT:
            raise RequestError(400, "Port must be between 0 and 65535")
        if not fields["dataMessage"].get("data"):
            raise RequestError(400, "Data message cannot be empty")
    elif not (fields.get("message") or fields.get("textMessage", {}).get("text")):
        raise RequestError(400, "Text message is empty")


def _check_options(fields: dict[str, Any], now: datetime) -> None:
    if not fields.get("phoneNumbers"):
        raise RequestError(400, "Empty phone numbers list")
    if fields.get("simNumber", 1) < 1:
        raise RequestError(400, "SIM number cannot be less than 1")
    if "scheduleAt" in fields and fields["scheduleAt"] <= now:
        raise RequestError(400, "scheduleAt must be in the future")


def _valid_until(fields: dict[str, Any], now: datetime) -> datetime | None:
    if "ttl" in fields and "validUntil" in fields:
        raise RequestError(400, "fields conflict: ttl and validUntil")
    valid_until: datetime | None = fields.get("validUntil")
    if "ttl" in fields:
        try:
            valid_until = now + timedelta(seconds=fields["ttl"])
        except OverflowError:
            valid_until = None
    if valid_until and valid_until < now:
        raise RequestError(400, "message already expired")
    return valid_until


def _content(fields: dict[str, Any]) -> dict[str, Any]:
    if "dataMessage" in fields:
        data = fields["dataMessage"]
        return {"data": data["data"], "port": data.get("port", 0)}
    return {"text": fields.get("message") or fields["textMessage"]["text"]}


def list_messages(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``GET /messages``: newest first; limits are not checked, both ends of the period count."""
    wanted = request.query.get("state") or None
    if wanted is not None and wanted not in STATES:
        raise RequestError(400, f"No enum constant me.capcom.smsgateway.domain.ProcessingState.{wanted}")
    content = strict_boolean(request, "includeContent")
    start, end = period(request, state.now(), strict=False)
    check_device(request, state.devices[0].id)
    check_order(start, end)
    rows = [
        row
        for row in state.store
        if wanted in {None, row.state} and (start is None or row.created_at >= start) and row.created_at <= end
    ]
    rows.sort(key=lambda row: (row.created_at, row.serial), reverse=True)
    limit, offset = integer_or(request, "limit", 50), max(0, integer_or(request, "offset", 0))
    page = rows[offset : offset + limit] if limit >= 0 else rows[offset:]
    shown = [_view(row, with_content=content) for row in page]
    return json_response(200, shown, {"x-total-count": str(len(rows))}, local=True)


def get_message(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``GET /messages/{id}``."""
    return json_response(200, _view(_row(state, request), with_content=True), local=True)


def cancel_message(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``DELETE /messages/{id}``: ``Cancelled`` at once; 400 if the phone has taken the message."""
    row = _row(state, request)
    if row.state not in {"Pending", "Cancelled"}:
        raise RequestError(400, f"Message {row.id} is not in Pending state")
    if row.state == "Pending":
        state.phones[row.device_id].notice_cancel(row, state.now())
    return json_response(200, _view(row, with_content=False), local=True)


def _row(state: GatewayState, request: ParsedRequest) -> Message:
    rows = state.store.find(request.params[0])
    if not rows:
        raise RequestError(404, None)
    return rows[0]


def _view(row: Message, *, with_content: bool) -> dict[str, Any]:
    view = row.view(with_content=with_content, show=local_text)
    return {**view, "scheduleAt": local_text(row.schedule_at)} if row.schedule_at else view
