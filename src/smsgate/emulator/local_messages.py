"""Messages on a phone's local server: sent, listed, looked up and cancelled in the phone's own database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from smsgate.emulator.answers import RefusedError, json_answer
from smsgate.emulator.local_bodies import (
    check_device,
    check_order,
    local_moment,
    period,
    read_body,
    strict_truth,
    whole_or,
)
from smsgate.emulator.messages import STATES, Message, Recipient
from smsgate.emulator.shapes import array, struct, text, truth, whole
from smsgate.emulator.timestamps import local_text, milliseconds

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator.books import Books
    from smsgate.emulator.routing import Call

_INT = whole("int", -(2**31), 2**31 - 1)
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
        "isEncrypted": truth,
        "simNumber": _INT,
        "withDeliveryReport": truth,
        "ttl": whole("long", -(2**63), 2**63 - 1),
        "validUntil": local_moment,
        "scheduleAt": local_moment,
        "priority": whole("byte", -128, 127),
    },
)


def send(books: Books, call: Call) -> Response:
    """Answer ``POST /messages``: 202, or 400 and 409 as the app words them."""
    given: dict[str, Any] = read_body(call, _MESSAGE)
    now = books.now()
    _check_content(given)
    _check_options(given, now)
    device = books.devices[0]
    if given.get("deviceId", device.id) != device.id:
        raise RefusedError(400, "Invalid device ID")
    skip = call.query.get("skipphonevalidation", "false")
    if skip not in {"true", "false"}:
        raise RefusedError(400, f"The string doesn't represent a boolean value: {skip}")
    valid_until = _valid_until(given, now)
    numbers: list[str] = given["phoneNumbers"]
    message = Message(
        id=given.get("id") or books.new_id(),
        device_id=device.id,
        content=_content(given),
        numbers=numbers,
        created_at=milliseconds(now),
        recipients=[Recipient(number) for number in numbers],
        is_encrypted=given.get("isEncrypted", False),
        priority=given.get("priority", 0),
        sim_number=given.get("simNumber"),
        with_delivery_report=given.get("withDeliveryReport", True),
        skip_phone_validation=skip == "true",
        valid_until=valid_until,
        schedule_at=given.get("scheduleAt"),
    )
    if len(set(numbers)) < len(numbers) or not books.store.add(message):
        raise RefusedError(409, "Message with the same ID already exists")
    books.phones[device.id].notice(message)
    return json_answer(202, _view(message, with_content=True), local=True)


def _check_content(given: dict[str, Any]) -> None:
    contents = [name for name in ("textMessage", "dataMessage", "message") if name in given]
    if not contents:
        raise RefusedError(400, "Must specify exactly one of: textMessage, dataMessage, or message")
    if len(contents) > 1:
        raise RefusedError(400, "Cannot specify multiple message types simultaneously")
    if "dataMessage" in given:
        if not 0 <= given["dataMessage"].get("port", 0) <= _MAX_PORT:
            raise RefusedError(400, "Port must be between 0 and 65535")
        if not given["dataMessage"].get("data"):
            raise RefusedError(400, "Data message cannot be empty")
    elif not (given.get("message") or given.get("textMessage", {}).get("text")):
        raise RefusedError(400, "Text message is empty")


def _check_options(given: dict[str, Any], now: datetime) -> None:
    if not given.get("phoneNumbers"):
        raise RefusedError(400, "Empty phone numbers list")
    if given.get("simNumber", 1) < 1:
        raise RefusedError(400, "SIM number cannot be less than 1")
    if "scheduleAt" in given and given["scheduleAt"] <= now:
        raise RefusedError(400, "scheduleAt must be in the future")


def _valid_until(given: dict[str, Any], now: datetime) -> datetime | None:
    if "ttl" in given and "validUntil" in given:
        raise RefusedError(400, "fields conflict: ttl and validUntil")
    valid_until: datetime | None = given.get("validUntil")
    if "ttl" in given:
        try:
            valid_until = now + timedelta(seconds=given["ttl"])
        except OverflowError:
            valid_until = None
    if valid_until and valid_until < now:
        raise RefusedError(400, "message already expired")
    return valid_until


def _content(given: dict[str, Any]) -> dict[str, Any]:
    if "dataMessage" in given:
        data = given["dataMessage"]
        return {"dataMessage": {"data": data["data"], "port": data.get("port", 0)}}
    return {"textMessage": {"text": given.get("message") or given["textMessage"]["text"]}}


def list_messages(books: Books, call: Call) -> Response:
    """Answer ``GET /messages``: newest first; limits are not checked, both ends of the period count."""
    state = call.query.get("state") or None
    if state is not None and state not in STATES:
        raise RefusedError(400, f"No enum constant me.capcom.smsgateway.domain.ProcessingState.{state}")
    content = strict_truth(call, "includeContent")
    start, end = period(call, books.now(), strict=False)
    check_device(call, books.devices[0].id)
    check_order(start, end)
    rows = [
        row
        for row in books.store
        if state in {None, row.state} and (start is None or row.created_at >= start) and row.created_at <= end
    ]
    rows.sort(key=lambda row: (row.created_at, row.serial), reverse=True)
    limit, offset = whole_or(call, "limit", 50), max(0, whole_or(call, "offset", 0))
    page = rows[offset : offset + limit] if limit >= 0 else rows[offset:]
    shown = [_view(row, with_content=content) for row in page]
    return json_answer(200, shown, {"x-total-count": str(len(rows))}, local=True)


def get_message(books: Books, call: Call) -> Response:
    """Answer ``GET /messages/{id}``."""
    return json_answer(200, _view(_row(books, call), with_content=True), local=True)


def cancel_message(books: Books, call: Call) -> Response:
    """Answer ``DELETE /messages/{id}``: ``Cancelled`` at once; 400 when the phone was faster."""
    row = _row(books, call)
    if row.state not in {"Pending", "Cancelled"}:
        raise RefusedError(400, f"Message {row.id} is not in Pending state")
    if row.state == "Pending":
        row.state = "Cancelled"
        row.states["Cancelled"] = books.now()
        row.recipients = [Recipient(number, "Cancelled") for number in row.numbers]
    return json_answer(200, _view(row, with_content=False), local=True)


def _row(books: Books, call: Call) -> Message:
    rows = books.store.find(call.params[0])
    if not rows:
        raise RefusedError(404, None)
    return rows[0]


def _view(row: Message, *, with_content: bool) -> dict[str, Any]:
    view = row.view(with_content=with_content, show=local_text)
    return {**view, "scheduleAt": local_text(row.schedule_at)} if row.schedule_at else view
