"""Inbox and logs of a phone's local server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from smsgate._http import Response
from smsgate.emulator.answers import RefusedError, empty, json_answer
from smsgate.emulator.inbox import (
    FOUND_TYPES,
    INCOMING_TYPES,
    IncomingMessage,
    Refresh,
    find_missed,
    wanted_delivery,
)
from smsgate.emulator.local_bodies import (
    check_device,
    check_order,
    local_moment,
    period,
    read_body,
    strict_truth,
    whole_or,
)
from smsgate.emulator.shapes import array, struct, text, truth
from smsgate.emulator.timestamps import local_text
from smsgate.http import Headers

if TYPE_CHECKING:
    from smsgate.emulator.books import Books
    from smsgate.emulator.routing import Call

MAX_LIMIT = 500
_REFRESH = struct(
    "InboxRefreshRequest",
    {
        "since": local_moment,
        "until": local_moment,
        "messageTypes": array(text, "array", ""),
        "webhookDelivery": text,
        "triggerWebhooks": truth,
    },
)


def list_inbox(books: Books, call: Call) -> Response:
    """Answer ``GET /inbox``: newest first; ``attachments`` is always there, and filled when asked for."""
    wanted = call.query.get("type", "").strip() or None
    if wanted is not None and wanted not in INCOMING_TYPES:
        raise RefusedError(400, "Invalid type")
    with_attachments = strict_truth(call, "includeAttachments")
    limit, offset = whole_or(call, "limit", 50), whole_or(call, "offset", 0)
    if not 1 <= limit <= MAX_LIMIT:
        raise RefusedError(400, f"limit must be between 1 and {MAX_LIMIT}")
    if offset < 0:
        raise RefusedError(400, "offset must be >= 0")
    start, end = period(call, books.now(), strict=True)
    check_device(call, books.devices[0].id)
    check_order(start, end)
    found = [
        item
        for item in books.inbox
        if wanted in {None, item.type} and (start is None or item.received_at >= start) and item.received_at <= end
    ]
    found.sort(key=lambda item: (item.received_at, item.id), reverse=True)
    page = [_view(item, with_attachments=with_attachments) for item in found[offset : offset + limit]]
    return json_answer(200, page, {"x-total-count": str(len(found))}, local=True)


def _view(item: IncomingMessage, *, with_attachments: bool) -> dict[str, Any]:
    parts = sorted(item.attachments, key=lambda part: part.part_id) if with_attachments else []
    shown: dict[str, Any] = {
        "id": item.id,
        "type": item.type,
        "sender": item.sender,
        "recipient": item.recipient,
        "simNumber": item.sim_number,
        "contentPreview": item.text,
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


def download_attachment(books: Books, call: Call) -> Response:
    """Answer ``GET /inbox/{id}/attachments/{partId}`` with the part's bytes."""
    message_id, part_id = call.params
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", part_id):
        raise RefusedError(400, "partId must be a number")
    for item in books.inbox:
        for part in item.attachments:
            if item.id == message_id and part.part_id == int(part_id):
                name = re.sub(r'[\r\n"\\]', "_", part.name)
                headers = {"content-type": part.content_type, "content-disposition": f'attachment; filename="{name}"'}
                return Response(200, Headers(headers), part.content)
    raise RefusedError(404, None)


def refresh_inbox(books: Books, call: Call) -> Response:
    """Answer ``POST /inbox/refresh``: 202 without a body; what is found goes to webhooks."""
    given = _checked(call)
    types: list[str] = given.get("messageTypes") or ["SMS"]
    refresh = Refresh(given["since"], given["until"], tuple(types), wanted_delivery(given))
    find_missed(books, books.devices[0], refresh)
    return empty(202)


def export_inbox(books: Books, call: Call) -> Response:
    """Answer ``POST /messages/inbox/export``: as `refresh_inbox`, but always SMS, each for itself."""
    given = _checked(call)
    find_missed(books, books.devices[0], Refresh(given["since"], given["until"]))
    return empty(202)


def _checked(call: Call) -> dict[str, Any]:
    given: dict[str, Any] = read_body(call, _REFRESH)
    for name in ("since", "until"):
        if name not in given:
            raise RefusedError(400, f"{name} is required")
    if given["since"] > given["until"]:
        raise RefusedError(400, "since must be before until")
    types: list[str] | None = given.get("messageTypes")
    if types is not None and not types:
        raise RefusedError(400, "messageTypes must not be empty")
    others = [name for name in types or [] if name not in FOUND_TYPES]
    if others:
        raise RefusedError(400, f"messageTypes contains unsupported values: {','.join(others)}")
    return given


def get_logs(books: Books, call: Call) -> Response:
    """Answer ``GET /logs``: a bare list, oldest first; an unreadable limit is dropped."""
    start, end = period(call, books.now(), strict=False)
    entries = [
        {**entry, "createdAt": local_text(entry["createdAt"])}
        for entry in books.log
        if (start is None or entry["createdAt"] >= start) and entry["createdAt"] <= end
    ]
    return json_answer(200, entries, local=True)
