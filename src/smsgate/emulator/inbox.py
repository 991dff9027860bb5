"""Incoming messages: the store that tests fill, and the cloud server's inbox operations (which only tell devices)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from smsgate.emulator import message_ids
from smsgate.emulator.answers import RefusedError, text_answer
from smsgate.emulator.events import data_of, received_payload
from smsgate.emulator.shapes import Failures, array, body, moment, struct, text, truth

if TYPE_CHECKING:
    from datetime import datetime

    from smsgate.emulator.books import Books
    from smsgate.emulator.devices import Device
    from smsgate.emulator.routing import Call
    from smsgate.http import Response

INCOMING_TYPES = ("SMS", "DATA_SMS", "MMS", "MMS_DOWNLOADED")

_REFRESH = struct(
    "InboxRefreshRequest",
    {
        "since": moment,
        "until": moment,
        "deviceId": text,
        "messageTypes": array(text, "[]smsgateway.IncomingMessageType", ""),
        "webhookDelivery": text,
        "triggerWebhooks": truth,
    },
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part of an incoming MMS."""

    part_id: int
    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One text or MMS that the pretend phone received."""

    id: str
    type: str
    sender: str = field(repr=False)
    text: str = field(repr=False)
    received_at: datetime
    recipient: str | None = field(default=None, repr=False)
    sim_number: int | None = None
    attachments: tuple[Attachment, ...] = ()


_EVENTS = {
    "SMS": "sms:received",
    "DATA_SMS": "sms:data-received",
    "MMS": "mms:received",
    "MMS_DOWNLOADED": "mms:downloaded",
}


def take_in(books: Books, device: Device, item: IncomingMessage) -> IncomingMessage:
    """Store a received message under the id that the app computes, and tell webhooks; an equal one is not told again.

    The app also loses a message that merely shares its id with another. Here it is moved on by a millisecond instead:
    a test could not tell that loss from a fault of its own.
    """
    while True:
        name, identity = _identified(books, item)
        known = next((one for one in books.inbox if one.id == identity), None)
        if known is None:
            break
        if (known.sender, known.text) == (item.sender, item.text):
            return known
        item = replace(item, received_at=item.received_at + timedelta(milliseconds=1))
    stored = replace(item, id=identity)
    books.inbox.append(stored)
    books.deliveries.emit(_EVENTS[item.type], device, received_payload(stored, name))
    return stored


def _identified(books: Books, item: IncomingMessage) -> tuple[str, str]:
    """Return a message's id in webhooks and in the inbox."""
    if item.type == "SMS":
        checksum = message_ids.text_checksum(item.sender, item.text, item.received_at, item.sim_number)
        return f"{checksum:x}", message_ids.inbox_id("text", checksum)
    if item.type == "DATA_SMS":
        data = data_of(item.text)
        checksum = message_ids.data_checksum(item.sender, data, item.received_at, item.sim_number)
        return f"{checksum:x}", message_ids.inbox_id("data", checksum)
    announced = item.type == "MMS"
    name = f"T{books.chance.getrandbits(32):08x}" if announced else str(len(books.inbox) + 1)
    return name, message_ids.inbox_id("mms-header" if announced else "mms", message_ids.name_checksum(name))


def list_inbox(_books: Books, _call: Call) -> Response:
    """Answer ``GET /inbox`` of the cloud server."""
    raise RefusedError(501, "Inbox API is not implemented yet")


def refresh_inbox(books: Books, call: Call) -> Response:
    """Answer ``POST /inbox/refresh``: 202 with a plain text."""
    _checked(books, call)
    return text_answer(202, "Accepted")


def export_inbox(books: Books, call: Call) -> Response:
    """Answer ``POST /messages/inbox/export``, the deprecated way to ask for a refresh."""
    _checked(books, call)
    return text_answer(202, "Accepted", {"deprecation": "true"})


def _checked(_books: Books, call: Call) -> None:
    given: dict[str, Any] = body(call, _REFRESH)
    since: datetime | None = given.get("since")
    until: datetime | None = given.get("until")
    # an absent time is the year 1 to the validator, so `since` alone lies after `until`
    in_order = since is None or (until is not None and since <= until)
    failures = Failures("InboxRefreshRequest")
    failures.check("DeviceID", ("max", len(given.get("deviceId", "")) <= 21))  # noqa: PLR2004 - a documented limit
    failures.check("Since", ("required", since is not None), ("ltefield", in_order))
    failures.check("Until", ("required", until is not None), ("gtefield", in_order))
    types: list[str] | None = given.get("messageTypes")
    failures.check("MessageTypes", ("min", types is None or bool(types)))
    for place, name in enumerate(types or []):
        failures.check(f"MessageTypes[{place}]", ("oneof", name in {"SMS", "MMS"}))
    delivery = given.get("webhookDelivery", "Batch")
    failures.check("WebhookDelivery", ("oneof", delivery in {"Disabled", "Individual", "Batch"}))
    failures.settle()
