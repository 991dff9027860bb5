"""Records of a data file: messages, deliveries and devices as JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from smsgate.emulator._state.devices import Device
from smsgate.emulator._state.messages import Message, Recipient
from smsgate.phone import Attachment, AttemptRecord, Delivery, IncomingMessage

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def write(value: Any) -> str:
    """Write a value of JSON types and times."""
    return json.dumps(value, default=_write_other, separators=(",", ":"), sort_keys=True)


def write_fields(item: DataclassInstance) -> str:
    """Write the fields of a message, delivery or device."""
    return write(asdict(item))


def _write_other(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


def read_message(text: str) -> Message:
    """Read a sent message."""
    fields: dict[str, Any] = json.loads(text)
    reported = {number: (state, error) for number, (state, error) in fields.pop("reported").items()}
    fields["recipients"] = [Recipient(**one) for one in fields["recipients"]]
    fields["states"] = {name: datetime.fromisoformat(at) for name, at in fields["states"].items()}
    message = Message(**_with_times(fields, "created_at", "valid_until", "schedule_at"))
    message.reported = reported
    return message


def read_incoming(text: str) -> IncomingMessage:
    """Read a received message."""
    fields: dict[str, Any] = json.loads(text)
    fields["attachments"] = tuple(
        Attachment(part["part_id"], part["name"], part["content_type"], base64.b64decode(part["content"]))
        for part in fields["attachments"]
    )
    return IncomingMessage(**_with_times(fields, "received_at"))


def read_delivery(text: str) -> Delivery:
    """Read a delivery with its attempts."""
    fields: dict[str, Any] = json.loads(text)
    fields["body"] = base64.b64decode(fields["body"])
    fields["log"] = [_read_attempt(record) for record in fields["log"]]
    return Delivery(**_with_times(fields, "due", "created_at"))


def _read_attempt(fields: dict[str, Any]) -> AttemptRecord:
    fields["response_body"] = base64.b64decode(fields["response_body"])
    fields["response_headers"] = [(name, value) for name, value in fields["response_headers"]]
    return AttemptRecord(**_with_times(fields, "at"))


def read_device(fields: dict[str, Any]) -> Device:
    """Read a device."""
    return Device(**_with_times(fields, "created_at", "updated_at", "last_seen"))


def _with_times(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(fields[name]) for name in names if fields[name] is not None}
    return {**fields, **times}
