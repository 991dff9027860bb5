"""`POST /messages` of the cloud server: its checks, in its order."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from smsgate.emulator.answers import RefusedError, go_json, json_answer
from smsgate.emulator.messages import Message, Recipient, distinct
from smsgate.emulator.phone_numbers import cleaned
from smsgate.emulator.shapes import (
    Failures,
    array,
    body,
    moment,
    query,
    query_count,
    query_truth,
    struct,
    text,
    truth,
    whole,
)
from smsgate.emulator.timestamps import go_text, milliseconds

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator.books import Books
    from smsgate.emulator.routing import Call

MAX_COLUMN_BYTES = 65_535
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
        "dataMessage": struct("DataMessage", {"data": text, "port": whole("uint16", 0, 65_535)}),
        "phoneNumbers": array(text, "[]string", ""),
        "isEncrypted": truth,
        "simNumber": whole("uint8", 0, 255),
        "withDeliveryReport": truth,
        "ttl": whole("uint64", 0, 2**64 - 1),
        "validUntil": moment,
        "scheduleAt": moment,
        "priority": whole("smsgateway.MessagePriority", -128, 127),
    },
)
_QUERY = {"skipPhoneValidation": query_truth, "deviceActiveWithin": query_count}


def send(books: Books, call: Call) -> Response:
    """Answer ``POST /messages``: 202 with the new message's state, or the first check that fails."""
    options = query(call, _QUERY)
    given: dict[str, Any] = body(call, _MESSAGE)
    _check(given, books.now())
    books.need_database(exactly=_FAILED)
    device = books.choose_device(given.get("deviceId", ""), options.get("deviceActiveWithin", 0))
    if device is None:
        raise RefusedError(400, "failed to select device: record not found")
    books.queue.check(books.queue_limit, device.id, books.store, books.now())
    message = _message(books, device.id, given, skip=options.get("skipPhoneValidation", False))
    if len(go_json(next(iter(message.content.values())))) > MAX_COLUMN_BYTES:
        raise RefusedError(500, _FAILED)
    shown = [recipient.view() for recipient in message.recipients]
    message.recipients = distinct(message.recipients)
    if not books.store.add(message):
        raise RefusedError(409, "message with the same ID already exists")
    books.phones[device.id].notice(message)
    accepted = {"Pending": go_text(books.now(), books.nanoseconds())}
    view = {**message.view(with_content=True), "recipients": shown, "states": accepted}
    books.views.put(message.id, view, books.now())
    location = re.sub(r"[\x00-\x1f\x7f]", " ", f"{call.prefix}/message/{message.id}")
    return json_answer(202, view, {"location": location})


def _check(given: dict[str, Any], now: datetime) -> None:
    failures = Failures("Message")
    _check_content(failures, given)
    _check_options(failures, given)
    failures.settle()
    contents = [name for name in ("textMessage", "dataMessage") if name in given] + [""] * bool(given.get("message"))
    if not contents:
        raise RefusedError(400, _NO_CONTENT)
    if len(contents) > 1:
        raise RefusedError(400, _CONTENT_CONFLICT)
    if "ttl" in given and "validUntil" in given:
        raise RefusedError(400, "failed to validate: conflict fields: ttl and validUntil")
    if "scheduleAt" in given and given["scheduleAt"] <= now:
        raise RefusedError(400, "failed to validate: validation failed: scheduleAt must be in the future")


def _check_content(failures: Failures, given: dict[str, Any]) -> None:
    failures.check("Message", ("max", len(given.get("message", "")) <= MAX_COLUMN_BYTES))
    if "textMessage" in given:
        content: str = given["textMessage"].get("text", "")
        failures.check("TextMessage.Text", ("required", bool(content)), ("max", len(content) <= MAX_COLUMN_BYTES))
    if "dataMessage" in given:
        data: str = given["dataMessage"].get("data", "")
        failures.check(
            "DataMessage.Data",
            ("required", bool(data)),
            ("base64", _BASE64.fullmatch(data) is not None),
            ("max", len(data) <= MAX_COLUMN_BYTES),
        )
        failures.check("DataMessage.Port", ("required", bool(given["dataMessage"].get("port"))))
    numbers: list[str] | None = given.get("phoneNumbers")
    failures.check(
        "PhoneNumbers",
        ("required", numbers is not None),
        ("min", bool(numbers)),
        ("max", len(numbers or []) <= 100),  # noqa: PLR2004 - a documented limit of the API
    )
    for place, number in enumerate(numbers or []):
        failures.check(
            f"PhoneNumbers[{place}]",
            ("required", bool(number)),
            ("max", len(number) <= 128),  # noqa: PLR2004 - as above
        )


def _check_options(failures: Failures, given: dict[str, Any]) -> None:
    failures.check("ID", ("max", len(given.get("id", "")) <= 36))  # noqa: PLR2004 - documented limits, as the next ones
    failures.check("DeviceID", ("max", len(given.get("deviceId", "")) <= 21))  # noqa: PLR2004
    sim_number: int = given.get("simNumber", 1)
    failures.check("SimNumber", ("min", sim_number >= 1), ("max", sim_number <= 3))  # noqa: PLR2004
    failures.check("TTL", ("min", given.get("ttl", 5) >= 5))  # noqa: PLR2004


def _message(books: Books, device_id: str, given: dict[str, Any], *, skip: bool) -> Message:
    numbers: list[str] = given["phoneNumbers"]
    if not skip and not given.get("isEncrypted", False):
        numbers = [cleaned(number) for number in numbers]
    if len(set(numbers)) < len(numbers):
        raise RefusedError(400, "phone numbers must be unique")
    now = books.now()
    valid_until: datetime | None = given.get("validUntil") or _after(now, given.get("ttl"))
    schedule_at: datetime | None = given.get("scheduleAt")
    if schedule_at and valid_until and schedule_at > valid_until:
        raise RefusedError(400, "scheduleAt must be less than or equal to validUntil")
    created = milliseconds(now)
    return Message(
        id=given.get("id") or books.new_id(),
        device_id=device_id,
        content=_content(given),
        numbers=numbers,
        created_at=created,
        recipients=[Recipient(number) for number in numbers],
        states={"Pending": created},
        is_encrypted=given.get("isEncrypted", False),
        priority=given.get("priority", 0),
        sim_number=given.get("simNumber"),
        with_delivery_report=given.get("withDeliveryReport", True),
        skip_phone_validation=skip,
        valid_until=valid_until,
        schedule_at=schedule_at,
    )


def _content(given: dict[str, Any]) -> dict[str, Any]:
    if "dataMessage" in given:
        return {"dataMessage": {"data": given["dataMessage"]["data"], "port": given["dataMessage"]["port"]}}
    words: str = given["textMessage"]["text"] if "textMessage" in given else given["message"]
    return {"textMessage": {"text": words}}


def _after(now: datetime, seconds: int | None) -> datetime | None:
    if seconds is None:
        return None
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=now.tzinfo)
