"""``POST /messages`` of the cloud server: its checks, in its order."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.binding import (
    ValidationErrors,
    array,
    body,
    boolean,
    integer,
    query,
    query_boolean,
    query_count,
    struct,
    text,
    timestamp,
)
from smsgate.emulator._http.responses import RequestError, go_json, json_response
from smsgate.emulator._http.timestamps import go_text, milliseconds
from smsgate.emulator._phone.phone_numbers import normalize
from smsgate.emulator._state.messages import Message, Recipient, distinct_numbers
from smsgate.emulator._state.views import view_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate._http import Response
    from smsgate.emulator._http.routing import ParsedRequest
    from smsgate.emulator._state.state import GatewayState

MAX_COLUMN_BYTES = 65_535
_SHORT = 10_000
"""Characters that surely fit: each takes six bytes of JSON at most."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FAILED = "failed to handle request"
_NO_CONTENT = "failed to validate: validation failed: must specify exactly one of: textMessage or dataMessage"
_CONTENT_CONFLICT = "failed to validate: conflict fields: must specify exactly one of: textMessage or dataMessage"
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})")
_MESSAGE = struct(
    "Message",
    {
        "id": text,
        "deviceId": text,
        "message": text,
        "textMessage": struct("TextMessage", {"text": text}),
        "dataMessage": struct("DataMessage", {"data": text, "port": integer("uint16", 0, 65_535)}),
        "phoneNumbers": array(text, "[]string", ""),
        "isEncrypted": boolean,
        "simNumber": integer("uint8", 0, 255),
        "withDeliveryReport": boolean,
        "ttl": integer("uint64", 0, 2**64 - 1),
        "validUntil": timestamp,
        "scheduleAt": timestamp,
        "priority": integer("smsgateway.MessagePriority", -128, 127),
    },
)
_QUERY = {"skipPhoneValidation": query_boolean, "deviceActiveWithin": query_count}


def send(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /messages``: 202 with the new message's state, or the first check that fails."""
    options = query(request, _QUERY)
    fields: dict[str, Any] = body(request, _MESSAGE)
    now = state.now()
    _check(fields, now)
    state.need_database(exactly=_FAILED)
    active_within: int = options.get("deviceActiveWithin", 0)
    if active_within:
        state.settle()
    else:
        state.settle_for_send()
    device = state.choose_device(fields.get("deviceId", ""), active_within)
    if device is None:
        raise RequestError(400, "failed to select device: record not found")
    state.queue.check(state.queue_limit, device.id, state.store, now)
    message = _message(device.id, fields, state.new_id, now, skip=options.get("skipPhoneValidation", False))
    if not _fits_column(message):
        raise RequestError(500, _FAILED)
    if not state.add_message(message):
        raise RequestError(409, "message with the same ID already exists")
    state.phones[device.id].notice(message)
    accepted = {"Pending": go_text(now, state.nanoseconds())}
    view = view_of(message, [Recipient(number) for number in message.numbers], accepted)
    state.views.put(message.id, view, now)
    location = _CONTROL.sub(" ", f"{request.prefix}/message/{message.id}")
    return json_response(202, view.render(), {"location": location})


def _fits_column(message: Message) -> bool:
    if len(message.text or message.data or "") <= _SHORT:
        return True
    return len(go_json(next(iter(message.content.values())))) <= MAX_COLUMN_BYTES


def _check(fields: dict[str, Any], now: datetime) -> None:
    errors = ValidationErrors("Message")
    _check_content(errors, fields)
    _check_options(errors, fields)
    errors.settle()
    contents = [name for name in ("textMessage", "dataMessage") if name in fields] + [""] * bool(fields.get("message"))
    if not contents:
        raise RequestError(400, _NO_CONTENT)
    if len(contents) > 1:
        raise RequestError(400, _CONTENT_CONFLICT)
    if "ttl" in fields and "validUntil" in fields:
        raise RequestError(400, "failed to validate: conflict fields: ttl and validUntil")
    if "scheduleAt" in fields and fields["scheduleAt"] <= now:
        raise RequestError(400, "failed to validate: validation failed: scheduleAt must be in the future")


def _check_content(errors: ValidationErrors, fields: dict[str, Any]) -> None:
    errors.check("Message", ("max", len(fields.get("message", "")) <= MAX_COLUMN_BYTES))
    if "textMessage" in fields:
        content: str = fields["textMessage"].get("text", "")
        errors.check("TextMessage.Text", ("required", bool(content)), ("max", len(content) <= MAX_COLUMN_BYTES))
    if "dataMessage" in fields:
        data: str = fields["dataMessage"].get("data", "")
        errors.check(
            "DataMessage.Data",
            ("required", bool(data)),
            ("base64", _BASE64.fullmatch(data) is not None),
            ("max", len(data) <= MAX_COLUMN_BYTES),
        )
        errors.check("DataMessage.Port", ("required", bool(fields["dataMessage"].get("port"))))
    numbers: list[str] | None = fields.get("phoneNumbers")
    errors.check(
        "PhoneNumbers",
        ("required", numbers is not None),
        ("min", bool(numbers)),
        ("max", len(numbers or []) <= 100),  # noqa: PLR2004 - a documented limit of the API
    )
    for place, number in enumerate(numbers or []):
        errors.check(
            f"PhoneNumbers[{place}]",
            ("required", bool(number)),
            ("max", len(number) <= 128),  # noqa: PLR2004 - as above
        )


def _check_options(errors: ValidationErrors, fields: dict[str, Any]) -> None:
    errors.check("ID", ("max", len(fields.get("id", "")) <= 36))  # noqa: PLR2004 - documented limits, as the next ones
    errors.check("DeviceID", ("max", len(fields.get("deviceId", "")) <= 21))  # noqa: PLR2004
    sim_number: int = fields.get("simNumber", 1)
    errors.check("SimNumber", ("min", sim_number >= 1), ("max", sim_number <= 3))  # noqa: PLR2004
    errors.check("TTL", ("min", fields.get("ttl", 5) >= 5))  # noqa: PLR2004


def _message(
    device_id: str, fields: dict[str, Any], new_id: Callable[[], str], now: datetime, *, skip: bool
) -> Message:
    numbers: list[str] = fields["phoneNumbers"]
    if not skip and not fields.get("isEncrypted", False):
        numbers = [normalize(number) for number in numbers]
    if len(set(numbers)) < len(numbers):
        raise RequestError(400, "phone numbers must be unique")
    valid_until: datetime | None = fields.get("validUntil") or _add_seconds(now, fields.get("ttl"))
    schedule_at: datetime | None = fields.get("scheduleAt")
    if schedule_at and valid_until and schedule_at > valid_until:
        raise RequestError(400, "scheduleAt must be less than or equal to validUntil")
    created = milliseconds(now)
    return Message(
        id=fields.get("id") or new_id(),
        device_id=device_id,
        **_content(fields),
        numbers=numbers,
        created_at=created,
        recipients=[Recipient(number) for number in distinct_numbers(numbers)],
        states={"Pending": created},
        is_encrypted=fields.get("isEncrypted", False),
        priority=fields.get("priority", 0),
        sim_number=fields.get("simNumber"),
        with_delivery_report=fields.get("withDeliveryReport", True),
        skip_phone_validation=skip,
        valid_until=valid_until,
        schedule_at=schedule_at,
    )


def _content(fields: dict[str, Any]) -> dict[str, Any]:
    if "dataMessage" in fields:
        return {"data": fields["dataMessage"]["data"], "port": fields["dataMessage"]["port"]}
    words: str = fields["textMessage"]["text"] if "textMessage" in fields else fields["message"]
    return {"text": words}


def _add_seconds(now: datetime, seconds: int | None) -> datetime | None:
    if seconds is None:
        return None
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=now.tzinfo)
