"""Inbox operations of the cloud server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.binding import ValidationErrors, array, body, boolean, struct, text, timestamp
from smsgate.emulator._http.responses import RequestError, text_response
from smsgate.phone import DELIVERIES, FOUND_TYPES, Refresh, WebhookDelivery, wanted_delivery

if TYPE_CHECKING:
    from datetime import datetime

    from smsgate._http import Response
    from smsgate.emulator._http.routing import ParsedRequest
    from smsgate.emulator._state.state import GatewayState

_REFRESH = struct(
    "InboxRefreshRequest",
    {
        "since": timestamp,
        "until": timestamp,
        "deviceId": text,
        "messageTypes": array(text, "[]smsgateway.IncomingMessageType", ""),
        "webhookDelivery": text,
        "triggerWebhooks": boolean,
    },
)


def list_inbox(_state: GatewayState, _request: ParsedRequest) -> Response:
    """Handle ``GET /inbox`` of the cloud server."""
    raise RequestError(501, "Inbox API is not implemented yet")


def refresh_inbox(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /inbox/refresh``: 202 with a plain text; phones deliver what they find to webhooks."""
    fields = _read_refresh(request)
    types: list[str] = fields.get("messageTypes") or ["SMS"]
    _forward_refresh(state, fields, tuple(types), wanted_delivery(fields))
    return text_response(202, "Accepted")


def export_inbox(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /messages/inbox/export``, the deprecated form of a refresh.

    It always refreshes SMS, and delivers each separately.
    """
    _forward_refresh(state, _read_refresh(request), ("SMS",), "Individual")
    return text_response(202, "Accepted", {"deprecation": "true"})


def _forward_refresh(
    state: GatewayState, fields: dict[str, Any], types: tuple[str, ...], delivery: WebhookDelivery
) -> None:
    """Forward a refresh with whole seconds, as the server does; a phone that is switched off never receives it."""
    since, until = fields["since"].replace(microsecond=0), fields["until"].replace(microsecond=0)
    for device in state.devices:
        if fields.get("deviceId") in {None, device.id}:
            state.phones[device.id].refresh(Refresh(since, until, types, delivery))


def _read_refresh(request: ParsedRequest) -> dict[str, Any]:
    fields: dict[str, Any] = body(request, _REFRESH)
    since: datetime | None = fields.get("since")
    until: datetime | None = fields.get("until")
    # an absent time is the year 1 to the validator, so `since` alone lies after `until`
    in_order = since is None or (until is not None and since <= until)
    errors = ValidationErrors("InboxRefreshRequest")
    errors.check("DeviceID", ("max", len(fields.get("deviceId", "")) <= 21))  # noqa: PLR2004 - a documented limit
    errors.check("Since", ("required", since is not None), ("ltefield", in_order))
    errors.check("Until", ("required", until is not None), ("gtefield", in_order))
    types: list[str] | None = fields.get("messageTypes")
    errors.check("MessageTypes", ("min", types is None or bool(types)))
    for place, name in enumerate(types or []):
        errors.check(f"MessageTypes[{place}]", ("oneof", name in FOUND_TYPES))
    delivery = fields.get("webhookDelivery", "Batch")
    errors.check("WebhookDelivery", ("oneof", delivery in DELIVERIES))
    errors.settle()
    return fields
