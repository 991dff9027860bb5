"""Payloads of webhook events, in the app's field order and JSON escaping."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from smsgate.phone._handset import own_number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, tzinfo

    from smsgate.phone._handset import Handset
    from smsgate.phone._incoming import IncomingMessage
    from smsgate.phone._outgoing import RecipientState, StoredMessage

APP_VERSION = "1.75.0"
"""Version of the app whose behaviour this is."""

STATUS_EVENTS = {"Sent": "sms:sent", "Delivered": "sms:delivered", "Failed": "sms:failed", "Cancelled": "sms:cancelled"}
"""States that a phone reports to webhooks, too."""

_ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&='\u2028\u2029"})
_TRANSPORT_WIFI = 2
_RELEASE = 1


def write_body(document: Mapping[str, Any]) -> bytes:
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


def time_text(time: datetime, zone: tzinfo) -> str:
    """Write a time as the phone does: its own zone, ``Z`` for UTC, three fraction digits."""
    text = time.astimezone(zone).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def status_payload(
    handset: Handset, stored: StoredMessage, number: str, reached: RecipientState, at: str
) -> dict[str, Any]:
    """Return the payload of a recipient's new state."""
    state, error = reached
    own: dict[str, dict[str, Any]] = {
        "Sent": {"partsCount": stored.parts, "sentAt": at},
        "Delivered": {"deliveredAt": at},
        "Failed": {"failedAt": at, "reason": error or "Unknown"},
        "Cancelled": {"cancelledAt": at},
    }
    sim = None if state == "Cancelled" else stored.sim_number
    return {
        **own[state],
        "messageId": stored.message.id,
        "phoneNumber": number,
        "recipient": number,
        "sender": own_number(handset, sim),
        "simNumber": sim,
    }


def received_payload(item: IncomingMessage, message_id: str, zone: tzinfo) -> dict[str, Any]:
    """Return the payload of a received message."""
    at = time_text(item.received_at, zone)
    return {
        **_RECEIVED[item.type](item, message_id, at),
        "messageId": message_id,
        "phoneNumber": item.sender,
        "recipient": item.recipient,
        "sender": item.sender,
        "simNumber": item.sim_number,
    }


def _sms(item: IncomingMessage, _id: str, at: str) -> dict[str, Any]:
    return {"message": item.text, "receivedAt": at}


def _data(item: IncomingMessage, _id: str, at: str) -> dict[str, Any]:
    return {"data": base64.b64encode(item.data).decode(), "receivedAt": at}


def _mms(item: IncomingMessage, message_id: str, at: str) -> dict[str, Any]:
    return {
        "contentClass": "IMAGE_BASIC" if item.attachments else "TEXT",
        "receivedAt": at,
        "size": sum(len(part.content) for part in item.attachments),
        "subject": item.subject or item.text or None,
        "transactionId": message_id,
    }


def _mms_downloaded(item: IncomingMessage, _id: str, at: str) -> dict[str, Any]:
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
    return {"attachments": attachments, "body": item.text or None, "receivedAt": at, "subject": item.subject or None}


_RECEIVED = {"SMS": _sms, "DATA_SMS": _data, "MMS": _mms, "MMS_DOWNLOADED": _mms_downloaded}


def ping_payload(failed: int, *, connected: bool) -> dict[str, Any]:
    """Return the payload of a ping.

    Args:
        failed: messages that failed within the last hour.
        connected: whether there is a network.
    """
    checks = {
        "messages:failed": _check("Failed messages in the last hour", "messages", failed, "warn" if failed else "pass"),
        "connection:status": _check("Network available", "boolean", int(connected), "pass" if connected else "fail"),
        "connection:transport": _check("Kind of network", "flags", _TRANSPORT_WIFI),
        "connection:cellular": _check("Kind of mobile network", "index", 0),
        "battery:level": _check("Battery in percent", "percent", 100),
        "battery:charging": _check("Sources of power", "flags", 0),
    }
    found = {check["status"] for check in checks.values()}
    status = next(name for name in ("fail", "warn", "pass") if name in found)
    return {"health": {"checks": checks, "releaseId": _RELEASE, "status": status, "version": APP_VERSION}}


def _check(description: str, unit: str, value: int, status: str = "pass") -> dict[str, Any]:
    return {"description": description, "observedUnit": unit, "observedValue": value, "status": status}


def started_payload(handset: Handset) -> dict[str, Any]:
    """Return the payload of an app start: the SIM cards."""
    return {"simCards": [{name: card[name] for name in sorted(card)} for card in handset.sim_cards]}
