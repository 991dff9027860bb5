"""Received messages on the phone: ids, webhook events, and the search for missed ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from smsgate.emulator._phone import message_ids
from smsgate.emulator._phone.events import data_of, received_payload
from smsgate.emulator._state.incoming import FOUND_TYPES, IncomingMessage, MissedMessage, Refresh, WebhookDelivery

if TYPE_CHECKING:
    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.state import GatewayState

_BATCH = 100
_DELIVERIES: dict[str, WebhookDelivery] = {"Disabled": "Disabled", "Individual": "Individual", "Batch": "Batch"}

_EVENTS = {
    "SMS": "sms:received",
    "DATA_SMS": "sms:data-received",
    "MMS": "mms:received",
    "MMS_DOWNLOADED": "mms:downloaded",
}
_BATCH_EVENTS = {"SMS": "sms:batch:received", "MMS_DOWNLOADED": "mms:batch:downloaded"}


def store_received(
    state: GatewayState, device: Device, item: IncomingMessage, *, missed: bool = False
) -> IncomingMessage:
    """Store a received message under the id that the app computes, and call webhooks, once for equal messages.

    A missed message waits for a refresh instead.

    The app loses a message that shares its id with another. Here its time is increased by a millisecond instead,
    because a test could not distinguish that loss from its own fault.
    """
    while True:
        name, identity = _message_ids(state, item)
        known = state.incoming.get(identity)
        if known is None:
            break
        if (known.sender, known.text) == (item.sender, item.text):
            return known
        item = replace(item, received_at=item.received_at + timedelta(milliseconds=1))
    stored = replace(item, id=identity, device_id=device.id)
    state.add_incoming(stored)
    if missed:
        state.missed.append(MissedMessage(device.id, name, stored))
        return stored
    state.inbox.append(stored)
    state.events.emit(_EVENTS[item.type], device, received_payload(stored, name))
    return stored


def find_missed(state: GatewayState, device: Device, refresh: Refresh) -> None:
    """Find the messages that the app missed, and call webhooks; a message is found once."""
    kinds = [FOUND_TYPES[name] for name in FOUND_TYPES if name in refresh.types]
    found = [
        one
        for one in state.missed
        if one.device_id == device.id
        and one.message.type in kinds
        and refresh.since <= one.message.received_at <= refresh.until
    ]
    found.sort(key=lambda one: one.message.received_at)
    state.missed = [one for one in state.missed if one not in found]
    state.inbox += [one.message for one in found]
    for one in found:
        state.changes.announce("incoming", one.message.id)
    for kind in kinds:
        payloads = [received_payload(one.message, one.name) for one in found if one.message.type == kind]
        if refresh.delivery == "Batch":
            for start in range(0, len(payloads), _BATCH):
                state.events.emit(_BATCH_EVENTS[kind], device, {"messages": payloads[start : start + _BATCH]})
        elif refresh.delivery == "Individual":
            for payload in payloads:
                state.events.emit(_EVENTS[kind], device, payload)


def wanted_delivery(fields: dict[str, Any]) -> WebhookDelivery:
    """Return the delivery mode of a request, from ``webhookDelivery`` or the older ``triggerWebhooks``."""
    otherwise: WebhookDelivery = "Individual" if fields.get("triggerWebhooks") else "Disabled"
    return _DELIVERIES.get(fields.get("webhookDelivery", ""), otherwise)


def _message_ids(state: GatewayState, item: IncomingMessage) -> tuple[str, str]:
    """Return a message's id in webhooks and in the inbox."""
    if item.type == "SMS":
        checksum = message_ids.text_checksum(item.sender, item.text, item.received_at, item.sim_number)
        return f"{checksum:x}", message_ids.inbox_id("text", checksum)
    if item.type == "DATA_SMS":
        data = data_of(item.text)
        checksum = message_ids.data_checksum(item.sender, data, item.received_at, item.sim_number)
        return f"{checksum:x}", message_ids.inbox_id("data", checksum)
    announced = item.type == "MMS"
    name = f"T{state.chance.getrandbits(32):08x}" if announced else str(len(state.inbox) + len(state.missed) + 1)
    return name, message_ids.inbox_id("mms-header" if announced else "mms", message_ids.name_checksum(name))
