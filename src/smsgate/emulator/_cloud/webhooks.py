"""Webhook registrations of the cloud server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.binding import ValidationErrors, body, struct, text
from smsgate.emulator._http.responses import RequestError, empty_response, json_response
from smsgate.emulator._state.messages import collation_key
from smsgate.emulator._state.webhooks import EVENTS, is_http_url

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator._http.routing import ParsedRequest
    from smsgate.emulator._state.state import GatewayState

_WEBHOOK = struct("Webhook", {"id": text, "deviceId": text, "url": text, "event": text})
_MAX_URL = 256


def list_webhooks(state: GatewayState, _request: ParsedRequest) -> Response:
    """Handle ``GET /webhooks``."""
    state.need_database("failed to select webhooks: failed to select webhooks")
    return json_response(200, list(state.webhooks.values()))


def create_webhook(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /webhooks``: 201, also when an id is replaced."""
    fields: dict[str, str] = body(request, _WEBHOOK)
    url = fields.get("url", "")
    _check(fields, url)
    state.need_database("failed to write webhook: failed to verify device ownership")
    device_id = fields.get("deviceId")
    if device_id is not None and state.device(device_id) is None:
        raise RequestError(400, f'invalid "device_id" = "{device_id}": record not found')
    if len(url) > _MAX_URL:
        reason = "Error 1406 (22001): Data too long for column 'url' at row 1"
        raise RequestError(500, f"failed to write webhook: failed to replace webhook: {reason}")
    identity = fields.get("id") or state.new_id()
    hook: dict[str, Any] = {"id": identity, "deviceId": device_id, "url": url, "event": fields["event"]}
    state.webhooks[collation_key(identity)] = hook
    return json_response(201, hook)


def delete_webhook(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``DELETE /webhooks/{id}``: always 204."""
    state.need_database("failed to delete webhook: failed to delete webhooks")
    state.webhooks.pop(collation_key(request.params[0]), None)
    return empty_response(204)


def _check(fields: dict[str, str], url: str) -> None:
    errors = ValidationErrors("Webhook")
    errors.check("ID", ("max", len(fields.get("id", "")) <= 36))  # noqa: PLR2004 - documented limits
    errors.check("DeviceID", ("max", len(fields.get("deviceId", "")) <= 21))  # noqa: PLR2004
    errors.check("URL", ("required", bool(url)), ("http_url", is_http_url(url)))
    errors.check("Event", ("required", bool(fields.get("event"))))
    errors.settle()
    if fields["event"] not in EVENTS:
        raise RequestError(400, "failed to validate: validation failed: invalid event type")
    if not url.lower().startswith("https://"):
        raise RequestError(400, "failed to validate: validation failed: url must start with https://")
