"""Message list, state and cancellation of the cloud server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgate.emulator._http.binding import (
    QueryReader,
    ValidationErrors,
    query,
    query_boolean,
    query_integer,
    query_timestamp,
)
from smsgate.emulator._http.responses import RequestError, json_response
from smsgate.emulator._state.messages import STATES
from smsgate.emulator._state.views import sorted_recipients, stored_view, view_of

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator._http.routing import ParsedRequest
    from smsgate.emulator._state.state import GatewayState
    from smsgate.emulator._state.views import MessageView

_QUERY: dict[str, QueryReader] = {
    "from": query_timestamp,
    "to": query_timestamp,
    "state": str,
    "deviceId": str,
    "limit": query_integer,
    "offset": query_integer,
    "includeContent": query_boolean,
    "sort": str,
}
_DEFAULT_LIMIT = 50


def list_messages(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``GET /messages``: one page of the filtered rows, newest first unless asked otherwise."""
    wanted = query(request, _QUERY)
    limit: int = wanted.get("limit", _DEFAULT_LIMIT)
    offset: int = wanted.get("offset", 0)
    errors = ValidationErrors("thirdPartyGetQueryParams")
    errors.check("State", ("oneof", wanted.get("state", "Pending") in STATES))
    errors.check("DeviceID", ("len", len(wanted.get("deviceId", "x" * 21)) == 21))  # noqa: PLR2004 - length of an id
    errors.check("Limit", ("min", limit >= 1), ("max", limit <= 100))  # noqa: PLR2004 - documented limits
    errors.check("Offset", ("min", offset >= 0))
    errors.check("Sort", ("oneof", wanted.get("sort", "created_at") in {"created_at", "-created_at"}))
    errors.settle()
    state.need_database(exactly="failed to retrieve message history")
    rows = [
        row
        for row in state.store
        if ("from" not in wanted or row.created_at >= wanted["from"])
        and ("to" not in wanted or row.created_at < wanted["to"])
        and row.state == wanted.get("state", row.state)
        and row.device_id == wanted.get("deviceId", row.device_id)
    ]
    rows.sort(key=lambda row: (row.created_at, row.serial), reverse=wanted.get("sort") != "created_at")
    content = wanted.get("includeContent", False)
    page = [stored_view(row, with_content=content) for row in rows[offset : offset + limit]]
    return json_response(200, page, {"x-total-count": str(len(rows))})


def get_message(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``GET /messages/{id}``, from the cache if it was requested, sent or reported recently."""
    view = _state(state, request.params[0])
    if view is None:
        raise RequestError(404, "message not found")
    return json_response(200, view.render())


def cancel_message(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``DELETE /messages/{id}``: 200 and ``Cancelling``, from ``Pending`` only."""
    message_id = request.params[0]
    state.need_database(exactly="failed to handle request")
    rows = state.store.find(message_id)
    if not rows:
        raise RequestError(404, "failed to cancel message: message not found")
    row = rows[0]
    if len(rows) > 1:
        raise RequestError(400, "failed to cancel message: multiple messages found")
    if row.state != "Pending":
        raise RequestError(409, "failed to cancel message: message is not pending")
    row.state = "Cancelling"
    state.changes.announce("message", row.serial)
    state.phones[row.device_id].notice_cancel(row, state.now())
    state.views.drop(message_id)
    return get_message(state, request)


def _state(state: GatewayState, message_id: str) -> MessageView | None:
    cached = state.views.get(message_id, state.now())
    if cached:
        return cached[0]
    state.need_database(exactly="failed to get message state")
    rows = state.store.find(message_id)
    if len(rows) > 1:
        raise RequestError(500, "failed to get message state")
    view = view_of(rows[0], sorted_recipients(rows[0]), dict(rows[0].states)) if rows else None
    state.views.put(message_id, view, state.now())
    return view
