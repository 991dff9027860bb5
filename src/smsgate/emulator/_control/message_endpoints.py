"""Endpoints for conversations, messages, the outbox and incoming messages."""

from __future__ import annotations

import json
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import anyio
from starlette.responses import Response

from smsgate.emulator._control import inputs, schemas, views
from smsgate.emulator._control.conversations import matches, start_of, text_of, time_of
from smsgate.emulator._control.endpoints import SAFE_HEADERS, Call, ControlError, Endpoint
from smsgate.emulator._state.messages import Message
from smsgate.emulator.outbox import describe_mismatch, select, sent_message
from smsgate.phone import Attachment, IncomingMessage, inbox_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smsgate.emulator._control.controls import Controls
    from smsgate.emulator._control.conversations import Item
    from smsgate.emulator._control.feed import Recent
    from smsgate.emulator._state.state import GatewayState
    from smsgate.emulator.outbox import SentMessage

_INTERVAL = 0.01
"""Seconds between two looks at the outbox while somebody waits."""

_SHOWN_TYPES = re.compile(r"(?:image/(?:png|jpeg|gif|webp|bmp)|audio/[\w.+-]+|video/[\w.+-]+|text/plain)", re.ASCII)
_MESSAGE_IDS = re.compile(rb'"messageId":("(?:[^"\\]|\\.)*")')
_NOT_FOUND = (HTTPStatus.NOT_FOUND,)


def list_conversations(controls: Controls, call: Call) -> schemas.Page[schemas.ConversationView]:
    """Handle ``GET /conversations``."""
    query: inputs.PageQuery = call.query
    with controls.gateway.internals.lock:
        state = controls.settle()
        numbers, total = controls.conversations.page(query.search, query.offset, query.limit)
        missed = views.missed_ids(state)
        items = [_conversation(number, controls.conversations.messages(number), missed) for number in numbers]
    return schemas.Page[schemas.ConversationView](items=items, total=total)


def _conversation(number: str, messages: list[Item], missed: set[str]) -> schemas.ConversationView:
    sent = sum(isinstance(item, Message) for item in messages)
    return schemas.ConversationView(
        number=number,
        last=views.either(messages[-1], missed),
        last_at=time_of(messages[-1]),
        outgoing=sent,
        incoming=len(messages) - sent,
        total=len(messages),
    )


def list_conversation(controls: Controls, call: Call) -> schemas.Page[schemas.AnyMessage]:
    """Handle ``GET /conversations/{number}/messages``: oldest first."""
    query: inputs.PageQuery = call.query
    with controls.gateway.internals.lock:
        state = controls.settle()
        found = controls.conversations.messages(call.params["number"])
        if query.search:
            found = [item for item in found if query.search.casefold() in text_of(item).casefold()]
        start = start_of(query.offset, len(found))
        missed = views.missed_ids(state)
        items = [views.either(item, missed) for item in found[start : start + query.limit]]
    return schemas.Page[schemas.AnyMessage](items=items, total=len(found))


def list_messages(controls: Controls, call: Call) -> schemas.Page[schemas.OutgoingView]:
    """Handle ``GET /messages``: newest first."""
    query: inputs.MessagesQuery = call.query
    with controls.gateway.internals.lock:
        timeline = reversed(controls.settle().timeline)
        found = [item for item in timeline if isinstance(item, Message) and _fits(item, query)]
        start = start_of(query.offset, len(found))
        items = [views.outgoing(item) for item in found[start : start + query.limit]]
    return schemas.Page[schemas.OutgoingView](items=items, total=len(found))


def _fits(message: Message, query: inputs.MessagesQuery) -> bool:
    return (
        query.state in {None, message.state}
        and query.device_id in {None, message.device_id}
        and set(query.to) <= set(message.numbers)
        and (query.text is None or query.text == text_of(message))
        and matches(message, query.search.casefold())
    )


def get_message(controls: Controls, call: Call) -> schemas.OutgoingView:
    """Handle ``GET /messages/{id}``: with history and deliveries."""
    with controls.gateway.internals.lock:
        controls.settle()
        message = _message(controls, call.params["id"])
        view = views.outgoing(message)
        view.history = views.history(message)
        view.deliveries = _deliveries(controls, lambda found: found == message.id)
    return view


def _message(controls: Controls, message_id: str) -> Message:
    rows = controls.state.store.find(message_id)
    if not rows:
        raise ControlError(HTTPStatus.NOT_FOUND, "there is no message with this id")
    return rows[0]


def _deliveries(controls: Controls, is_about: Callable[[str], bool]) -> list[schemas.DeliveryView]:
    queue = controls.gateway.internals.queue
    found = [
        item
        for item in (*queue.finished, *queue.waiting)
        if any(is_about(json.loads(name)) for name in _MESSAGE_IDS.findall(item.body))
    ]
    return [views.delivery(item) for item in found]


def report(controls: Controls, call: Call) -> schemas.OutgoingView:
    """Handle ``POST /messages/{id}/report``: a phone's report about the message."""
    body: inputs.ReportInput = call.body
    with controls.gateway.internals.lock:
        message = _message(controls, call.params["id"])
        if not controls.gateway.report(message.id, body.state, error=body.error, device_id=body.device_id):
            raise ControlError(HTTPStatus.NOT_FOUND, "there is no message with this id on this device")
        return views.outgoing(message)


def list_incoming(controls: Controls, call: Call) -> schemas.Page[schemas.IncomingView]:
    """Handle ``GET /incoming``: newest first."""
    query: inputs.PageQuery = call.query
    search = query.search.casefold()
    with controls.gateway.internals.lock:
        state = controls.settle()
        found = [item for item in reversed(state.timeline) if not isinstance(item, Message) and matches(item, search)]
        start = start_of(query.offset, len(found))
        missed = views.missed_ids(state)
        items = [views.incoming(item, missed) for item in found[start : start + query.limit]]
    return schemas.Page[schemas.IncomingView](items=items, total=len(found))


def get_incoming(controls: Controls, call: Call) -> schemas.IncomingView:
    """Handle ``GET /incoming/{id}``: with deliveries."""
    with controls.gateway.internals.lock:
        state = controls.settle()
        item = _incoming(state, call.params["id"])
        view = views.incoming(item, views.missed_ids(state))
        view.deliveries = _deliveries(controls, lambda found: item.id in inbox_ids(found))
    return view


def _incoming(state: GatewayState, message_id: str) -> IncomingMessage:
    item = state.incoming.get(message_id)
    if item is None:
        raise ControlError(HTTPStatus.NOT_FOUND, "there is no incoming message with this id")
    return item


def get_attachment(controls: Controls, call: Call) -> Response:
    """Handle ``GET /incoming/{id}/attachments/{part}``: the content, which no browser may run."""
    with controls.gateway.internals.lock:
        parts = _incoming(controls.state, call.params["id"]).attachments
    part = next((part for part in parts if str(part.part_id) == call.params["part"]), None)
    if part is None:
        raise ControlError(HTTPStatus.NOT_FOUND, "the message has no attachment with this number")
    is_shown = _SHOWN_TYPES.fullmatch(part.content_type) is not None
    headers = {
        **SAFE_HEADERS,
        "content-disposition": "inline" if is_shown else "attachment",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return Response(part.content, HTTPStatus.OK, headers, part.content_type if is_shown else "application/octet-stream")


def receive(controls: Controls, call: Call) -> schemas.IncomingView:
    """Handle ``POST /receive``: emulate an incoming message."""
    body: inputs.ReceiveInput = call.body
    kind = body.type or ("DATA_SMS" if body.data is not None else "MMS_DOWNLOADED" if body.attachments else "SMS")
    attachments = [
        Attachment(number, part.name, part.content_type, part.data) for number, part in enumerate(body.attachments, 1)
    ]
    try:
        item = controls.gateway.receive(
            body.sender,
            body.text if body.data is None else body.data.hex(),
            type=kind,
            attachments=attachments,
            recipient=body.recipient,
            sim_number=body.sim_number,
            received_at=body.received_at,
            device_id=body.device_id,
            missed=body.missed,
            subject=body.subject,
        )
    except ValueError as error:
        raise ControlError(HTTPStatus.BAD_REQUEST, str(error)) from None
    with controls.gateway.internals.lock:
        return views.incoming(item, views.missed_ids(controls.state))


def list_outbox(controls: Controls, call: Call) -> schemas.Page[schemas.SentView]:
    """Handle ``GET /outbox``: oldest first."""
    query: inputs.OutboxQuery = call.query
    found = _select(controls.gateway.outbox, query)
    end = None if query.limit is None else query.offset + query.limit
    return schemas.Page[schemas.SentView](
        items=[views.sent(message) for message in found[query.offset : end]], total=len(found)
    )


async def wait_for(controls: Controls, call: Call) -> schemas.SentView:
    """Handle ``GET /wait``: the first message that meets the conditions, as soon as there is one."""
    query: inputs.WaitQuery = call.query
    deadline = time.monotonic() + query.timeout
    seen = -1
    while True:
        controls.gateway.advance()
        recent = controls.feed.since(seen)
        seen = recent.last
        found = _select(_changed(controls, recent), query)
        if found:
            return views.sent(found[0])
        if time.monotonic() >= deadline or controls.stopping or await call.request.is_disconnected():
            text = re.compile(query.pattern) if query.pattern is not None else query.text
            reason = describe_mismatch(controls.gateway.outbox, query.to or None, text, 0, None, state=query.state)
            raise ControlError(HTTPStatus.NOT_FOUND, reason)
        await anyio.sleep(_INTERVAL)


def _changed(controls: Controls, recent: Recent) -> list[SentMessage]:
    """Return the messages that are among the changes, oldest first; all when some changes were forgotten."""
    if not recent.complete:
        return controls.gateway.outbox
    serials = sorted(int(key) for kind, key in recent.changes if kind == "message")
    with controls.gateway.internals.lock:
        rows = [controls.state.store.by_serial(serial) for serial in serials]
    return [sent_message(row) for row in rows if row is not None]


def _select(outbox: Iterable[SentMessage], query: inputs.OutboxQuery | inputs.WaitQuery) -> list[SentMessage]:
    pattern = None if query.pattern is None else re.compile(query.pattern)
    found = select(outbox, query.to, query.text)
    return [
        message
        for message in found
        if query.state in {None, message.state}
        and (pattern is None or (message.text is not None and pattern.search(message.text)))
    ]


_PAGE: dict[str, Any] = {"query": inputs.PageQuery}
ENDPOINTS = [
    Endpoint(
        "GET",
        "/conversations",
        list_conversations,
        "Conversations, those with the latest messages first",
        schemas.Page[schemas.ConversationView],
        **_PAGE,
    ),
    Endpoint(
        "GET",
        "/conversations/{number:path}/messages",
        list_conversation,
        "Messages from and to a number, oldest first",
        schemas.Page[schemas.AnyMessage],
        **_PAGE,
    ),
    Endpoint(
        "GET",
        "/messages",
        list_messages,
        "Outgoing messages, newest first",
        schemas.Page[schemas.OutgoingView],
        query=inputs.MessagesQuery,
    ),
    Endpoint(
        "POST",
        "/messages/{id:path}/report",
        report,
        "Report a message's state as its phone would",
        schemas.OutgoingView,
        body=inputs.ReportInput,
        errors=_NOT_FOUND,
    ),
    Endpoint(
        "GET",
        "/messages/{id:path}",
        get_message,
        "One outgoing message with history and deliveries",
        schemas.OutgoingView,
        errors=_NOT_FOUND,
    ),
    Endpoint(
        "GET",
        "/incoming",
        list_incoming,
        "Incoming messages, newest first",
        schemas.Page[schemas.IncomingView],
        **_PAGE,
    ),
    Endpoint(
        "GET",
        "/incoming/{id:path}/attachments/{part}",
        get_attachment,
        "Content of an attachment",
        errors=_NOT_FOUND,
        media_type="application/octet-stream",
    ),
    Endpoint(
        "GET",
        "/incoming/{id:path}",
        get_incoming,
        "One incoming message with deliveries",
        schemas.IncomingView,
        errors=_NOT_FOUND,
    ),
    Endpoint(
        "POST",
        "/receive",
        receive,
        "Emulate an incoming message",
        schemas.IncomingView,
        HTTPStatus.CREATED,
        body=inputs.ReceiveInput,
    ),
    Endpoint(
        "GET",
        "/outbox",
        list_outbox,
        "Sent messages, oldest first",
        schemas.Page[schemas.SentView],
        query=inputs.OutboxQuery,
    ),
    Endpoint(
        "GET",
        "/wait",
        wait_for,
        "Wait for a message that meets the conditions",
        schemas.SentView,
        query=inputs.WaitQuery,
        errors=_NOT_FOUND,
    ),
]
