"""Received messages, and the refreshes that find missed ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from smsgate_api.models import IncomingMessageType

if TYPE_CHECKING:
    from datetime import datetime

INCOMING_TYPES = tuple(kind.value for kind in IncomingMessageType)
FOUND_TYPES = {"SMS": "SMS", "MMS": "MMS_DOWNLOADED"}
"""What a refresh can ask for, and the kind of message it finds in the phone's own store; nothing else is kept there."""

WebhookDelivery = Literal["Disabled", "Individual", "Batch"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part of an incoming MMS."""

    part_id: int
    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One text or MMS that the emulated phone received."""

    id: str
    type: str
    sender: str = field(repr=False)
    text: str = field(repr=False)
    received_at: datetime
    recipient: str | None = field(default=None, repr=False)
    sim_number: int | None = None
    attachments: tuple[Attachment, ...] = ()
    device_id: str | None = None


@dataclass(frozen=True, slots=True)
class MissedMessage:
    """Message that arrived while the app was not running, stored by the phone only."""

    device_id: str
    name: str
    message: IncomingMessage


@dataclass(frozen=True, slots=True)
class Refresh:
    """Refresh request: period (inclusive), type of messages, and kind of delivery."""

    since: datetime
    until: datetime
    types: tuple[str, ...] = ("SMS",)
    delivery: WebhookDelivery = "Individual"
