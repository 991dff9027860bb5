"""Message list, state and cancellation of the cloud server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.emulator.answers import RefusedError, json_answer
from smsgate.emulator.messages import STATES
from smsgate.emulator.shapes import Failures, QueryReader, query, query_truth, query_whole
from smsgate.emulator.timestamps import parse_go

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator.books import Books
    from smsgate.emulator.routing import Call

_QUERY: dict[str, QueryReader] = {
    "from": parse_go,
    "to": parse_go,
    "state": str,
    "deviceId": str,
    "limit": query_whole,
    "offset": query_whole,
    "includeContent": query_truth,
    "sort": str,
}
_DEFAULT_LIMIT = 50


def list_messages(books: Books, call: Call) -> Response:
    """Answer ``GET /messages``: one page of the filtered rows, newest first unless asked otherwise."""
    wanted = query(call, _QUERY)
    limit: int = wanted.get("limit", _DEFAULT_LIMIT)
    offset: int = wanted.get("offset", 0)
    failures = Failures("thirdPartyGetQueryParams")
    failures.check("State", ("oneof", wanted.get("state", STATES[0]) in STATES))
    failures.check("DeviceID", ("len", len(wanted.get("deviceId", "x" * 21)) == 21))  # noqa: PLR2004 - length of an id
    failures.check("Limit", ("min", limit >= 1), ("max", limit <= 100))  # noqa: PLR2004 - documented limits
    failures.check("Offset", ("min", offset >= 0))
    failures.check("Sort", ("oneof", wanted.get("sort", "created_at") in {"created_at", "-created_at"}))
    failures.settle()
    books.need_database(exactly="failed to retrieve message history")
    rows = [
        row
        for row in books.store
        if ("from" not in wanted or row.created_at >= wanted["from"])
        and ("to" not in wanted or row.created_at < wanted["to"])
        and row.state == wanted.get("state", row.state)
        and row.device_id == wanted.get("deviceId", row.device_id)
    ]
    rows.sort(key=lambda row: (row.created_at, row.serial), reverse=wanted.get("sort") != "created_at")
    content = wanted.get("includeContent", False)
    page = [row.view(with_content=content) for row in rows[offset : offset + limit]]
    return json_answer(200, page, {"x-total-count": str(len(rows))})


def get_message(books: Books, call: Call) -> Response:
    """Answer ``GET /messages/{id}``, from the cache if it was asked for, sent or reported lately."""
    view = _state(books, call.params[0])
    if view is None:
        raise RefusedError(404, "message not found")
    return json_answer(200, view)


def cancel_message(books: Books, call: Call) -> Response:
    """Answer ``DELETE /messages/{id}``: 200 and ``Cancelling``, from ``Pending`` only."""
    message_id = call.params[0]
    books.need_database(exactly="failed to handle request")
    rows = books.store.find(message_id)
    if not rows:
        raise RefusedError(404, "failed to cancel message: message not found")
    if len(rows) > 1:
        raise RefusedError(400, "failed to cancel message: multiple messages found")
    if rows[0].state != "Pending":
        raise RefusedError(409, "failed to cancel message: message is not pending")
    rows[0].state = "Cancelling"
    books.phones[rows[0].device_id].notice_cancel(rows[0], books.now())
    books.views.drop(message_id)
    return get_message(books, call)


def _state(books: Books, message_id: str) -> dict[str, Any] | None:
    cached = books.views.get(message_id, books.now())
    if cached:
        return cached[0]
    books.need_database(exactly="failed to get message state")
    rows = books.store.find(message_id)
    if len(rows) > 1:
        raise RefusedError(500, "failed to get message state")
    view = rows[0].view(with_content=True) if rows else None
    books.views.put(message_id, view, books.now())
    return view
