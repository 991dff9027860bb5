"""Incoming messages: what phones received and what they missed, and the cloud server's inbox operations."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from smsgate.emulator import message_ids
from smsgate.emulator.answers import RefusedError, text_answer
from smsgate.emulator.events import data_of, received_payload
from smsgate.emulator.shapes import Failures, array, body, moment, struct, text, truth

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from smsgate._http import Response
    from smsgate.emulator.books import Books
    from smsgate.emulator.devices import Device
    from smsgate.emulator.routing import Call

INCOMING_TYPES = ("SMS", "DATA_SMS", "MMS", "MMS_DOWNLOADED")
FOUND_TYPES = {"SMS": "SMS", "MMS": "MMS_DOWNLOADED"}
"""What a refresh can ask for, and the kind of message it finds in the phone's own store; nothing else is kept there."""

WebhookDelivery = Literal["Disabled", "Individual", "Batch"]
_DELIVERIES: dict[str, WebhookDelivery] = {"Disabled": "Disabled", "Individual": "Individual", "Batch": "Batch"}
_BATCH = 100

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


@dataclass(frozen=True, slots=True)
class Missed:
    """A message that only the phone's own store has: the app was not running when it came."""

    device_id: str
    name: str
    message: IncomingMessage


@dataclass(frozen=True, slots=True)
class Refresh:
    """What phones are to look for, and how to tell webhooks what they find; both times are included."""

    since: datetime
    until: datetime
    types: tuple[str, ...] = ("SMS",)
    delivery: WebhookDelivery = "Individual"


_EVENTS = {
    "SMS": "sms:received",
    "DATA_SMS": "sms:data-received",
    "MMS": "mms:received",
    "MMS_DOWNLOADED": "mms:downloaded",
}
_BATCH_EVENTS = {"SMS": "sms:batch:received", "MMS_DOWNLOADED": "mms:batch:downloaded"}


def take_in(books: Books, device: Device, item: IncomingMessage, *, missed: bool = False) -> IncomingMessage:
    """Store a received message under the id that the app computes, and tell webhooks; an equal one is not told again.

    A missed one waits for a refresh instead.

    The app also loses a message that merely shares its id with another. Here it is moved on by a millisecond instead:
    a test could not tell that loss from a fault of its own.
    """
    while True:
        name, identity = _identified(books, item)
        known = next((one for one in _known(books) if one.id == identity), None)
        if known is None:
            break
        if (known.sender, known.text) == (item.sender, item.text):
            return known
        item = replace(item, received_at=item.received_at + timedelta(milliseconds=1))
    stored = replace(item, id=identity)
    if missed:
        books.missed.append(Missed(device.id, name, stored))
        return stored
    books.inbox.append(stored)
    books.deliveries.emit(_EVENTS[item.type], device, received_payload(stored, name))
    return stored


def find_missed(books: Books, device: Device, refresh: Refresh) -> None:
    """Let a phone look for what its app missed, and tell webhooks; what is found once is not found again."""
    kinds = [FOUND_TYPES[name] for name in FOUND_TYPES if name in refresh.types]
    found = [
        one
        for one in books.missed
        if one.device_id == device.id
        and one.message.type in kinds
        and refresh.since <= one.message.received_at <= refresh.until
    ]
    found.sort(key=lambda one: one.message.received_at)
    books.missed = [one for one in books.missed if one not in found]
    books.inbox += [one.message for one in found]
    for kind in kinds:
        payloads = [received_payload(one.message, one.name) for one in found if one.message.type == kind]
        if refresh.delivery == "Batch":
            for start in range(0, len(payloads), _BATCH):
                books.deliveries.emit(_BATCH_EVENTS[kind], device, {"messages": payloads[start : start + _BATCH]})
        elif refresh.delivery == "Individual":
            for payload in payloads:
                books.deliveries.emit(_EVENTS[kind], device, payload)


def wanted_delivery(given: dict[str, Any]) -> WebhookDelivery:
    """Return what ``webhookDelivery`` and the older ``triggerWebhooks`` of a request mean together."""
    otherwise: WebhookDelivery = "Individual" if given.get("triggerWebhooks") else "Disabled"
    return _DELIVERIES.get(given.get("webhookDelivery", ""), otherwise)


def _known(books: Books) -> Iterable[IncomingMessage]:
    yield from books.inbox
    yield from (one.message for one in books.missed)


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
    name = f"T{books.chance.getrandbits(32):08x}" if announced else str(len(books.inbox) + len(books.missed) + 1)
    return name, message_ids.inbox_id("mms-header" if announced else "mms", message_ids.name_checksum(name))


def list_inbox(_books: Books, _call: Call) -> Response:
    """Answer ``GET /inbox`` of the cloud server."""
    raise RefusedError(501, "Inbox API is not implemented yet")


def refresh_inbox(books: Books, call: Call) -> Response:
    """Answer ``POST /inbox/refresh``: 202 with a plain text; whatever the phones find goes to webhooks."""
    given = _checked(call)
    types: list[str] = given.get("messageTypes") or ["SMS"]
    _ask_phones(books, given, tuple(types), wanted_delivery(given))
    return text_answer(202, "Accepted")


def export_inbox(books: Books, call: Call) -> Response:
    """Answer ``POST /messages/inbox/export``, the deprecated way to ask for a refresh.

    Whatever else it asks for, it is SMS, each for itself.
    """
    _ask_phones(books, _checked(call), ("SMS",), "Individual")
    return text_answer(202, "Accepted", {"deprecation": "true"})


def _ask_phones(books: Books, given: dict[str, Any], types: tuple[str, ...], delivery: WebhookDelivery) -> None:
    """Pass a refresh on, with whole seconds as the server does; a phone that is switched off never hears of it."""
    since, until = given["since"].replace(microsecond=0), given["until"].replace(microsecond=0)
    for device in books.devices:
        if device.active and given.get("deviceId") in {None, device.id}:
            find_missed(books, device, Refresh(since, until, types, delivery))


def _checked(call: Call) -> dict[str, Any]:
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
        failures.check(f"MessageTypes[{place}]", ("oneof", name in FOUND_TYPES))
    delivery = given.get("webhookDelivery", "Batch")
    failures.check("WebhookDelivery", ("oneof", delivery in _DELIVERIES))
    failures.settle()
    return given
