"""Views of messages, devices, deliveries and requests for the control API."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from smsgate.emulator._control import schemas
from smsgate.emulator._control.request_log import shown, shown_headers
from smsgate.emulator._phone.events import data_of
from smsgate.emulator._state.messages import Message, Recipient, collation_key, count_parts, hashed_number

if TYPE_CHECKING:
    from smsgate.emulator._control.conversations import Item
    from smsgate.emulator._control.request_log import LoggedRequest
    from smsgate.emulator._phone.deliveries import Delivery
    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.incoming import IncomingMessage
    from smsgate.emulator._state.state import GatewayState
    from smsgate.emulator.outbox import SentMessage

PREFIX = "/_emulator"


def outgoing(message: Message) -> schemas.OutgoingView:
    """Return the view of a sent message; numbers and text are readable whatever the server has hashed."""
    text = message.sent_content.get("textMessage", {}).get("text")
    data = message.sent_content.get("dataMessage", {})
    return schemas.OutgoingView(
        id=message.id,
        device_id=message.device_id,
        text=text,
        data=data.get("data"),
        port=data.get("port"),
        recipients=message.numbers,
        recipient_states=_recipient_states(message),
        state=message.state,
        states=message.states,
        is_encrypted=message.is_encrypted,
        is_hashed=message.is_hashed,
        created_at=message.created_at,
        schedule_at=message.schedule_at,
        valid_until=message.valid_until,
        sim_number=message.sim_number,
        priority=message.priority,
        with_delivery_report=message.with_delivery_report,
        parts=count_parts(message),
        serial=message.serial,
    )


def _recipient_states(message: Message) -> list[schemas.RecipientState]:
    rows = {collation_key(row.phone_number): row for row in message.recipients}
    found: list[schemas.RecipientState] = []
    for number in message.numbers:
        key = hashed_number(number) if message.is_hashed else number
        row = rows.get(collation_key(key)) or Recipient(number, message.state)
        found.append(schemas.RecipientState(phone_number=number, state=row.state, error=row.error))
    return found


def history(message: Message) -> list[schemas.StateChange]:
    """Return when a message reached which state, in the order of time."""
    reached = sorted(message.states.items(), key=lambda item: item[1])
    return [schemas.StateChange(at=at, state=state) for state, at in reached]


def incoming(state: GatewayState, item: IncomingMessage) -> schemas.IncomingView:
    """Return the view of a received message."""
    data = base64.b64encode(data_of(item.text)).decode() if item.type == "DATA_SMS" else None
    attachments = [
        schemas.AttachmentView(
            part_id=part.part_id,
            name=part.name,
            content_type=part.content_type,
            size=len(part.content),
            url=f"{PREFIX}/incoming/{quote(item.id, safe='')}/attachments/{part.part_id}",
        )
        for part in item.attachments
    ]
    return schemas.IncomingView(
        id=item.id,
        device_id=item.device_id,
        type=item.type,
        sender=item.sender,
        recipient=item.recipient,
        text=item.text,
        data=data,
        received_at=item.received_at,
        sim_number=item.sim_number,
        missed=any(one.message is item for one in state.missed),
        attachments=attachments,
    )


def either(state: GatewayState, item: Item) -> schemas.OutgoingView | schemas.IncomingView:
    """Return the view of an outgoing or incoming message."""
    return outgoing(item) if isinstance(item, Message) else incoming(state, item)


def sent(message: SentMessage) -> schemas.SentView:
    """Return the view of a message of the outbox."""
    return schemas.SentView(
        id=message.id,
        text=message.text,
        recipients=list(message.recipients),
        state=message.state,
        device_id=message.device_id,
        data=message.data,
        port=message.port,
        is_encrypted=message.is_encrypted,
    )


def device(one: Device) -> schemas.DeviceState:
    """Return the view of a device with its switches."""
    return schemas.DeviceState(
        id=one.id,
        name=one.name,
        online=one.active,
        last_seen=one.last_seen,
        sim_cards=one.sim_cards,
        failure_rate=one.failure_rate,
        failure_reason=one.failure_reason,
        latency=one.latency,
        delivery_reports=one.delivery_reports,
        signing_key=one.signing_key,
    )


def delivery(one: Delivery, *, whole: bool = False) -> schemas.DeliveryView:
    """Return the view of a delivery, with bodies and headers on request."""
    return schemas.DeliveryView(
        id=one.id,
        webhook_id=one.webhook_id,
        event=one.event,
        device_id=one.device_id,
        url=one.url,
        state=one.state,
        created_at=one.due,
        next_attempt=one.due if one.state == "waiting" else None,
        attempts=[],
        attempt_count=one.attempts,
        body=json.loads(one.body) if whole else None,
    )


def request(entry: LoggedRequest, *, whole: bool = False) -> schemas.RequestView:
    """Return the view of a logged request, with headers and bodies on request."""
    path, query = entry.target
    view = schemas.RequestView(
        id=entry.id,
        at=entry.at,
        method=entry.method,
        path=path,
        query=query,
        status=entry.status,
        fault=entry.fault,
        duration=entry.duration,
        truncated=entry.is_cut,
    )
    if whole:
        view.request_headers = shown_headers(entry.request_headers)
        view.request_body = shown(entry.request_body) if entry.request_body else None
        view.response_headers = shown_headers(entry.response_headers)
        view.response_body = shown(entry.response_body) if entry.response_body else None
    return view
