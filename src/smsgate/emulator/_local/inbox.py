"""Inbox and log operations of a phone's local server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from smsgate._http import Response
from smsgate.emulator._http.binding import array, boolean, struct, text
from smsgate.emulator._http.responses import RequestError, empty_response, json_response
from smsgate.emulator._http.timestamps import local_text
from smsgate.emulator._local.bodies import (
    check_device,
    check_order,
    integer_or,
    local_moment,
    period,
    read_body,
    strict_boolean,
)
from smsgate.http import Headers
from smsgate.phone import FOUND_TYPES, INCOMING_TYPES, IncomingMessage, Refresh, wanted_delivery

if TYPE_CHECKING:
    from smsgate.emulator._http.routing import ParsedRequest
    from smsgate.emulator._state.state import GatewayState

MAX_LIMIT = 500
_REFRESH = struct(
    "InboxRefreshRequest",
    {
        "since": local_moment,
        "until": local_moment,
        "messageTypes": array(text, "array", ""),
        "webhookDelivery": text,
        "triggerWebhooks": boolean,
    },
)


def list_inbox(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``GET /inbox``: newest first; ``attachments`` is always present, and filled on request."""
    wanted = request.query.get("type", "").strip() or None
    if wanted is not None and wanted not in INCOMING_TYPES:
        raise RequestError(400, "Invalid type")
    with_attachments = strict_boolean(request, "includeAttachments")
    limit, offset = integer_or(request, "limit", 50), integer_or(request, "offset", 0)
    if not 1 <= limit <= MAX_LIMIT:
        raise RequestError(400, f"limit must be between 1 and {MAX_LIMIT}")
    if offset < 0:
        raise RequestError(400, "offset must be >= 0")
    start, end = period(request, state.now(), strict=True)
    check_device(request, state.devices[0].id)
    check_order(start, end)
    found = [
        item
        for item in state.inbox
        if wanted in {None, item.type} and (start is None or item.received_at >= start) and item.received_at <= end
    ]
    found.sort(key=lambda item: (item.received_at, item.id), reverse=True)
    page = [_view(item, with_attachments=with_attachments) for item in found[offset : offset + limit]]
    return json_response(200, page, {"x-total-count": str(len(found))}, local=True)


def _view(item: IncomingMessage, *, with_attachments: bool) -> dict[str, Any]:
    parts = sorted(item.attachments, key=lambda part: part.part_id) if with_attachments else []
    shown: dict[str, Any] = {
        "id": item.id,
        "type": item.type,
        "sender": item.sender,
        "recipient": item.recipient,
        "simNumber": item.sim_number,
        "contentPreview": item.preview,
        "createdAt": local_text(item.received_at),
        "attachments": [
            {
                "partId": part.part_id,
                "name": part.name,
                "size": len(part.content),
                "contentType": part.content_type,
            }
            for part in parts
        ],
    }
    return {name: value for name, value in shown.items() if value is not None}


def download_attachment(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``GET /inbox/{id}/attachments/{partId}`` with the part's bytes."""
    message_id, part_id = request.params
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", part_id):
        raise RequestError(400, "partId must be a number")
    for item in state.inbox:
        for part in item.attachments:
            if item.id == message_id and part.part_id == int(part_id):
                name = re.sub(r'[\r\n"\\]', "_", part.name)
                headers = {"content-type": part.content_type, "content-disposition": f'attachment; filename="{name}"'}
                return Response(200, Headers(headers), part.content)
    raise RequestError(404, None)


def refresh_inbox(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /inbox/refresh``: 202 without a body; found messages are delivered to webhooks."""
    fields = _read_refresh(request)
    types: list[str] = fields.get("messageTypes") or ["SMS"]
    refresh = Refresh(fields["since"], fields["until"], tuple(types), wanted_delivery(fields))
    state.phones[state.devices[0].id].refresh(refresh)
    return empty_response(202)


def export_inbox(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /messages/inbox/export``: as `refresh_inbox`, but always SMS, delivered separately."""
    fields = _read_refresh(request)
    state.phones[state.devices[0].id].refresh(Refresh(fields["since"], fields["until"]))
    return empty_response(202)


def _read_refresh(request: ParsedRequest) -> dict[str, Any]:
    fields: dict[str, Any] = read_body(request, _REFRESH)
    for name in ("since", "until"):
        if name not in fields:
            raise RequestError(400, f"{name} is required")
    if fields["since"] > fields["until"]:
        raise RequestError(400, "since must be before until")
    types: list[str] | None = fields.get("messageTypes")
    if types is not None and not types:
        raise RequestError(400, "messageTypes must not be empty")
    others = [name for name in types or [] if name not in FOUND_TYPES]
    if others:
        raise RequestError(400, f"messageTypes contains unsupported values: {','.join(others)}")
    return fields


def get_logs(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``GET /logs``: a bare list, oldest first; an unreadable limit is dropped."""
    start, end = period(request, state.now(), strict=False)
    entries = [
        {**entry, "createdAt": local_text(entry["createdAt"])}
        for entry in state.log
        if (start is None or entry["createdAt"] >= start) and entry["createdAt"] <= end
    ]
    return json_response(200, entries, local=True)
