"""Received messages on the phone: ids, and the search for messages that the app missed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from smsgate.phone import _message_ids as message_ids
from smsgate.phone._events import received_payload
from smsgate.phone._outgoing import Event
from smsgate_api.models import IncomingMessageType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from smsgate.phone._handset import PhoneConfig

INCOMING_TYPES = tuple(kind.value for kind in IncomingMessageType)
FOUND_TYPES = {"SMS": "SMS", "MMS": "MMS_DOWNLOADED"}
"""What a refresh can ask for, and the kind of message it finds in the phone's own store; nothing else is kept there."""

WebhookDelivery = Literal["Disabled", "Individual", "Batch"]
DELIVERIES: dict[str, WebhookDelivery] = {"Disabled": "Disabled", "Individual": "Individual", "Batch": "Batch"}

_EVENTS = {
    "SMS": "sms:received",
    "DATA_SMS": "sms:data-received",
    "MMS": "mms:received",
    "MMS_DOWNLOADED": "mms:downloaded",
}
_BATCH_EVENTS = {"SMS": "sms:batch:received", "MMS_DOWNLOADED": "mms:batch:downloaded"}
_BATCH = 100
_PREVIEW_BYTES = 64


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part of an incoming MMS."""

    part_id: int
    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One text or MMS that the emulated phone received.

    ``text`` is the text; of data its hex form, of an announced MMS the subject, of a downloaded one the body.
    """

    id: str
    type: str
    sender: str = field(repr=False)
    text: str = field(repr=False)
    received_at: datetime
    recipient: str | None = field(default=None, repr=False)
    sim_number: int | None = None
    attachments: tuple[Attachment, ...] = ()
    device_id: str | None = None
    subject: str | None = field(default=None, repr=False)

    @property
    def data(self) -> bytes:
        """The bytes of a data message, from its hex form; of any other text its UTF-8."""
        try:
            return bytes.fromhex(self.text)
        except ValueError:
            return self.text.encode(errors="replace")

    @property
    def preview(self) -> str:
        """The content as the phone's inbox shows it."""
        if self.type == "DATA_SMS":
            shown = self.data[:_PREVIEW_BYTES].hex() + ("..." if len(self.data) > _PREVIEW_BYTES else "")
            return shown or "Empty data"
        if self.type == "MMS":
            return self.subject or self.text or "MMS notification"
        return self.text if self.type == "SMS" else self.text or self.subject or "MMS content"


@dataclass(frozen=True, slots=True)
class Refresh:
    """Refresh request: period (inclusive), type of messages, and kind of delivery."""

    since: datetime
    until: datetime
    types: tuple[str, ...] = ("SMS",)
    delivery: WebhookDelivery = "Individual"


@dataclass(frozen=True, slots=True)
class Reception:
    """Result of a reception: the stored message, its events, and whether it is a new one."""

    message: IncomingMessage
    events: list[Event] = field(default_factory=list[Event])
    is_new: bool = True


class Inbox:
    """Received messages of one phone: those that the app has seen, and those that only the phone's own store holds."""

    def __init__(self, config: PhoneConfig) -> None:
        self._device_id = config.device_id
        self._zone = config.zone
        self._chance = config.chance
        self._known: dict[str, IncomingMessage] = {}
        self._missed: list[tuple[str, IncomingMessage]] = []

    @property
    def missed(self) -> list[IncomingMessage]:
        """Messages that a refresh would find."""
        return [item for _, item in self._missed]

    def receive(self, item: IncomingMessage, now: datetime, *, missed: bool = False) -> Reception:
        """Store a received message under the id that the app computes; return it and its events.

        A message that equals a stored one is that one, without an event. The app also loses a message that
        merely shares its id with another; here its time is later by a millisecond instead, because a test could not
        distinguish that loss from its own fault.

        Args:
            item: the message; its id is not read.
            now: the current time.
            missed: whether the app was not running: a refresh finds it, and only then there is an event.
        """
        while True:
            name, identity = self._ids(item)
            known = self._known.get(identity)
            if known is None:
                break
            if (known.sender, known.text) == (item.sender, item.text):
                return Reception(known, is_new=False)
            item = replace(item, received_at=item.received_at + timedelta(milliseconds=1))
        stored = replace(item, id=identity, device_id=self._device_id)
        self._known[identity] = stored
        if missed:
            self._missed.append((name, stored))
            return Reception(stored)
        return Reception(stored, [Event(_EVENTS[item.type], received_payload(stored, name, self._zone), now)])

    def resume(self, item: IncomingMessage, *, missed: bool = False) -> None:
        """Resume a message that was received before a restart.

        Args:
            item: the message with its id.
            missed: whether the app has not seen it yet.
        """
        if missed:
            self._missed.append((self._ids(item)[0], item))
        self._known[item.id] = item

    def refresh(self, refresh: Refresh, now: datetime) -> tuple[list[IncomingMessage], list[Event]]:
        """Find missed messages, each once; return them, and their events unless webhooks are disabled."""
        kinds = [FOUND_TYPES[name] for name in FOUND_TYPES if name in refresh.types]
        found: list[tuple[str, IncomingMessage]] = []
        kept: list[tuple[str, IncomingMessage]] = []
        for one in self._missed:
            within = one[1].type in kinds and refresh.since <= one[1].received_at <= refresh.until
            (found if within else kept).append(one)
        found.sort(key=lambda one: one[1].received_at)
        self._missed = kept
        events: list[Event] = []
        for kind in kinds:
            payloads = [received_payload(item, name, self._zone) for name, item in found if item.type == kind]
            if refresh.delivery == "Batch":
                batches = [payloads[start : start + _BATCH] for start in range(0, len(payloads), _BATCH)]
                events += [Event(_BATCH_EVENTS[kind], {"messages": batch}, now) for batch in batches]
            elif refresh.delivery == "Individual":
                events += [Event(_EVENTS[kind], payload, now) for payload in payloads]
        return [item for _, item in found], events

    def _ids(self, item: IncomingMessage) -> tuple[str, str]:
        """Return a message's id in webhooks and in the inbox."""
        if item.type == "SMS":
            checksum = message_ids.text_checksum(item.sender, item.text, item.received_at, item.sim_number)
            return f"{checksum:x}", message_ids.inbox_id("text", checksum)
        if item.type == "DATA_SMS":
            checksum = message_ids.data_checksum(item.sender, item.data, item.received_at, item.sim_number)
            return f"{checksum:x}", message_ids.inbox_id("data", checksum)
        is_announcement = item.type == "MMS"
        name = f"T{self._chance.getrandbits(32):08x}" if is_announcement else str(len(self._known) + 1)
        prefix = "mms-header" if is_announcement else "mms"
        return name, message_ids.inbox_id(prefix, message_ids.name_checksum(name))


def wanted_delivery(fields: Mapping[str, Any]) -> WebhookDelivery:
    """Return the delivery mode of a request, from ``webhookDelivery`` or the older ``triggerWebhooks``."""
    otherwise: WebhookDelivery = "Individual" if fields.get("triggerWebhooks") else "Disabled"
    return DELIVERIES.get(fields.get("webhookDelivery", ""), otherwise)
