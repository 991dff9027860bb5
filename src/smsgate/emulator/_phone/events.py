"""Payloads of webhook events, in the app's field order and JSON escaping."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from smsgate.emulator._state.messages import count_parts

if TYPE_CHECKING:
    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.incoming import IncomingMessage
    from smsgate.emulator._state.messages import Message
    from smsgate.emulator._state.phones import Change

APP_VERSION = "1.75.0"
"""Version of the app whose deliveries are emulated."""

ZONE = timezone(timedelta(hours=3))
"""The phone's own time zone: it reports times with this offset."""

_ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&='\u2028\u2029"})
STATUS_EVENTS = {"Sent": "sms:sent", "Delivered": "sms:delivered", "Failed": "sms:failed", "Cancelled": "sms:cancelled"}
"""States that a phone reports to webhooks, too."""


def body(document: dict[str, Any]) -> bytes:
    """Write an envelope as the app does: compact, without nulls, with ``<>&='`` as six characters each."""
    text = json.dumps(_without_nulls(document), ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPED).encode(errors="replace")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        members: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType] # the JSON edge
        return {name: _without_nulls(member) for name, member in members.items() if member is not None}
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType] # the JSON edge
        return [_without_nulls(item) for item in items]
    return value


def time_text(time: datetime) -> str:
    """Write a time as the phone does: its own zone, three fraction digits."""
    return time.astimezone(ZONE).isoformat(timespec="milliseconds")


def status_payload(device: Device, message: Message, change: Change, time: datetime) -> dict[str, Any]:
    """Return the payload of a recipient's new state."""
    number, state, error = change
    at = time_text(time)
    own: dict[str, dict[str, Any]] = {
        "Sent": {"partsCount": count_parts(message), "sentAt": at},
        "Delivered": {"deliveredAt": at},
        "Failed": {"failedAt": at, "reason": error or "Unknown"},
        "Cancelled": {"cancelledAt": at},
    }
    sim = None if state == "Cancelled" else message.sim_number
    return {
        **own[state],
        "messageId": message.id,
        "phoneNumber": number,
        "recipient": number,
        "sender": device.own_number(sim),
        "simNumber": sim,
    }


def received_payload(item: IncomingMessage, message_id: str) -> dict[str, Any]:
    """Return the payload of a received message."""
    own = {"SMS": _sms, "DATA_SMS": _data, "MMS": _mms, "MMS_DOWNLOADED": _mms_downloaded}[item.type](item, message_id)
    return {
        **own,
        "messageId": message_id,
        "phoneNumber": item.sender,
        "recipient": item.recipient,
        "sender": item.sender,
        "simNumber": item.sim_number,
    }


def _sms(item: IncomingMessage, _id: str) -> dict[str, Any]:
    return {"message": item.text, "receivedAt": time_text(item.received_at)}


def _data(item: IncomingMessage, _id: str) -> dict[str, Any]:
    return {"data": base64.b64encode(data_of(item.text)).decode(), "receivedAt": time_text(item.received_at)}


def _mms(item: IncomingMessage, message_id: str) -> dict[str, Any]:
    size = sum(len(part.content) for part in item.attachments)
    kind = "IMAGE_BASIC" if item.attachments else "TEXT"
    at = time_text(item.received_at)
    return {
        "contentClass": kind,
        "receivedAt": at,
        "size": size,
        "subject": item.text or None,
        "transactionId": message_id,
    }


def _mms_downloaded(item: IncomingMessage, _id: str) -> dict[str, Any]:
    attachments = [
        {
            "contentType": part.content_type,
            "data": base64.b64encode(part.content).decode() or None,
            "name": part.name,
            "partId": part.part_id,
            "size": len(part.content),
        }
        for part in item.attachments
    ]
    return {"attachments": attachments, "body": item.text or None, "receivedAt": time_text(item.received_at)}


def data_of(text: str) -> bytes:
    """Return a data message's bytes from the hex text under which the inbox shows them; other text as UTF-8."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text.encode(errors="replace")


def ping_payload() -> dict[str, Any]:
    """Return the payload of a ping."""
    names = {
        "messages:failed": ("Failed messages for last hour", "messages", 0),
        "connection:status": ("Internet connection status", "boolean", 1),
        "battery:level": ("Battery level in percent", "percent", 100),
    }
    checks = {
        name: {"description": words, "observedUnit": unit, "observedValue": value, "status": "pass"}
        for name, (words, unit, value) in names.items()
    }
    return {"health": {"checks": checks, "releaseId": 1, "status": "pass", "version": APP_VERSION}}


def started_payload(device: Device) -> dict[str, Any]:
    """Return the payload of an app start: the SIM cards."""
    return {"simCards": [{name: card[name] for name in sorted(card)} for card in device.sim_cards]}
