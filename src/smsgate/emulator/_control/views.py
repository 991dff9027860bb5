"""Views of messages, devices, deliveries and requests for the control API."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from smsgate.emulator._control import schemas
from smsgate.emulator._control.request_log import redact_body, redact_headers
from smsgate.emulator._state.messages import Message, Recipient, collation_key, count_parts, hashed_number

if TYPE_CHECKING:
    from collections.abc import Collection

    from smsgate.emulator._control.conversations import Item
    from smsgate.emulator._control.request_log import LoggedRequest
    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.state import GatewayState
    from smsgate.emulator.outbox import SentMessage
    from smsgate.phone import AttemptRecord, Delivery, IncomingMessage

PREFIX = "/_emulator"


def outgoing(message: Message) -> schemas.OutgoingView:
    """Return the view of a sent message; numbers and text are readable whatever the server has hashed."""
    return schemas.OutgoingView(
        id=message.id,
        device_id=message.device_id,
        text=message.text,
        data=message.data,
        port=message.port,
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
        state, error = message.reported.get(number, (row.state, row.error))
        found.append(schemas.RecipientState(phone_number=number, state=state, error=error))
    return found


def history(message: Message) -> list[schemas.StateChange]:
    """Return when a message reached which state, in the order of time."""
    reached = sorted(message.states.items(), key=lambda item: item[1])
    return [schemas.StateChange(at=at, state=state) for state, at in reached]


def missed_ids(state: GatewayState) -> set[str]:
    """Return the ids of received messages that the app has not seen."""
    return {item.id for item in state.missed}


def incoming(item: IncomingMessage, missed: Collection[str]) -> schemas.IncomingView:
    """Return the view of a received message; ``missed`` has the ids of those that the app has not seen."""
    data = base64.b64encode(item.data).decode() if item.type == "DATA_SMS" else None
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
        missed=item.id in missed,
        subject=item.subject,
        preview=item.preview,
        attachments=attachments,
    )


def either(item: Item, missed: Collection[str]) -> schemas.OutgoingView | schemas.IncomingView:
    """Return the view of an outgoing or incoming message."""
    return outgoing(item) if isinstance(item, Message) else incoming(item, missed)


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
        on=one.active,
        online=one.connected,
        last_seen=one.last_seen,
        sim_cards=one.sim_cards,
        failure_rate=one.failure_rate,
        failure_reason=one.failure_reason,
        latency=one.latency,
        delivery_reports=one.delivery_reports,
        failing_numbers=one.failing_numbers,
        passphrase=one.passphrase,
        processing_order=one.processing_order,
        confirms_waiting=one.confirms_waiting,
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
        created_at=one.created_at,
        next_attempt=one.due if one.state == "waiting" else None,
        attempts=[_attempt(record, whole=whole) for record in one.log],
        attempt_count=one.attempts,
        body=json.loads(one.body) if whole else None,
    )


def _attempt(record: AttemptRecord, *, whole: bool) -> schemas.AttemptView:
    view = schemas.AttemptView(at=record.at, status=record.status, error=record.error, duration=record.duration)
    if whole:
        view.request_headers = list(record.request_headers.items())
        view.response_headers = list(record.response_headers)
        view.response_body = record.response_body.decode(errors="replace")
    return view


def request(entry: LoggedRequest, *, whole: bool = False) -> schemas.RequestView:
    """Return the view of a logged request, with headers and bodies on request."""
    path, query = entry.target
    view = schemas.RequestView(
        id=entry.id,
        at=entry.at,
        method=entry.request.method,
        path=path,
        query=query,
        status=entry.status,
        fault=entry.fault,
        duration=entry.duration,
        truncated=entry.is_cut,
    )
    if whole:
        view.request_headers = redact_headers(entry.request.headers)
        view.request_body = redact_body(entry.request_body) if entry.request_body else None
        view.response_headers = [] if entry.response is None else redact_headers(entry.response.headers)
        view.response_body = redact_body(entry.response_body) if entry.response_body else None
    return view
