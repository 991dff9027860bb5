"""Type narrowing of events for mypy and pyright; never executed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from typing_extensions import assert_never, assert_type

from smsgate import Encryptor, webhooks
from smsgate.webhooks import Event, SmsReceived, SmsReceivedPayload, SystemPing, UnknownEvent


def events_narrow_by_class(event: Event) -> None:
    match event:
        case SmsReceived(payload=message, id=delivery):
            assert_type(message, SmsReceivedPayload)
            assert_type(message.message, str)
            assert_type(message.remote, str | None)
            assert_type(message.received_at, datetime | None)
            assert_type(delivery, str)
        case UnknownEvent(event=name, payload=raw):
            assert_type(name, str)
            assert_type(raw, dict[str, Any])
        case _:
            assert_type(event.device_id, str)


def known_events_narrow_by_name(event: Event) -> None:
    if isinstance(event, UnknownEvent):
        return
    if event.event == "sms:received":
        assert_type(event, SmsReceived)
    elif event.event == "system:ping":
        assert_type(event, SystemPing)
    match event.event:
        case "sms:received":
            assert_type(event, SmsReceived)
        case _:
            pass


def every_event_is_one_of_the_union(event: Event) -> str:
    match event:
        case webhooks.SmsReceived() | webhooks.SmsDataReceived() | webhooks.MmsReceived() | webhooks.MmsDownloaded():
            return event.payload.remote or "somebody"
        case webhooks.SmsSent() | webhooks.SmsDelivered() | webhooks.SmsFailed() | webhooks.SmsCancelled():
            return event.payload.message_id
        case webhooks.SmsBatchReceived() | webhooks.SmsBatchDataReceived():
            return str(len(event.payload.messages))
        case webhooks.MmsBatchReceived() | webhooks.MmsBatchDownloaded():
            return str(len(event.payload.messages))
        case webhooks.SystemPing() | webhooks.AppStarted() | webhooks.UnknownEvent():
            return event.event
        case _:
            assert_never(event)


def bodies_headers_and_keys_come_in_many_forms(body: bytes, pairs: list[tuple[bytes, bytes]]) -> None:
    def key_of(device_id: str) -> str | None:
        return {"phone": "key"}.get(device_id)

    webhooks.verify(body, {"X-Signature": "…", "X-Timestamp": "…"}, signing_key="key")
    webhooks.verify(memoryview(body), pairs, signing_key=["old", "new"], tolerance=None)
    webhooks.verify("{}", {"x-signature": ["…"]}, signing_key={"phone": "key", "other": ("old", "new")}, now=0.0)
    event = webhooks.parse(body, pairs, signing_key=key_of, encryptor=Encryptor("passphrase"))
    assert_type(event, Event)
