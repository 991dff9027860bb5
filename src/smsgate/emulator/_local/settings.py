"""Settings and webhook operations of a phone's local server: defaults are shown, secrets can be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smsgate.emulator._http.binding import Fraction, UnreadableError, parse_json, struct, text
from smsgate.emulator._http.responses import RequestError, empty_response, json_response
from smsgate.emulator._local.bodies import read_body
from smsgate.emulator._state.settings import SECTIONS
from smsgate.emulator._state.webhooks import EVENTS, is_http_url

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator._http.routing import ParsedRequest
    from smsgate.emulator._state.state import GatewayState

DEFAULTS: dict[str, dict[str, Any]] = {
    "gateway": {"cloud_url": "https://api.sms-gate.app/mobile/v1", "notification_channel": "AUTO"},
    "messages": {"limit_period": "Disabled", "sim_selection_mode": "OSDefault", "processing_order": "LIFO"},
    "ping": {},
    "logs": {"lifetime_days": 30},
    "webhooks": {"internet_required": True, "retry_count": 15},
}
"""What a fresh app shows; ``encryption`` is never shown and ``receiver`` is not known."""

_SECRETS = {"passphrase", "private_token", "signing_key"}
_WEBHOOK = struct("WebHookDTO", {"id": text, "deviceId": text, "url": text, "event": text})


def get_settings(state: GatewayState, _request: ParsedRequest) -> Response:
    """Handle ``GET /settings``: effective values without secrets and unset fields."""
    return json_response(200, _effective_settings(state), local=True)


def _effective_settings(state: GatewayState) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for section, defaults in DEFAULTS.items():
        stored: dict[str, Any] = state.settings.get(section, {})
        values = {**defaults, **{name: value for name, value in stored.items() if value is not None}}
        shown[section] = {name: value for name, value in values.items() if name not in _SECRETS}
    return shown


def patch_settings(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``PATCH /settings``: null restores the default; unknown sections and fields are skipped."""
    imported: dict[str, dict[str, Any]] = {}
    try:
        for section, values in _object(parse_json(request.content), "the request").items():
            if section in SECTIONS and section != "receiver":
                imported[section] = _read(section, values)
    except UnreadableError as error:
        raise RequestError(400, f"Invalid request: {error}") from None
    finally:  # the sections before an error are imported
        merged = {section: {**state.settings.get(section, {}), **values} for section, values in imported.items()}
        state.change_settings({**state.settings, **merged}, imported=imported)
    return json_response(200, _effective_settings(state), local=True)


def _read(section: str, values: Any) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in _object(values, section).items():
        leaf = SECTIONS[section].get(name)
        if leaf is None:
            continue
        if leaf.tag == "oneof" and value is not None and not leaf.allows(value):
            raise UnreadableError(f"Failed to import {section}: No enum constant {value}")
        read[name] = int(float(value.literal)) if isinstance(value, Fraction) else value
    return read


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableError(f"{what} is no object")
    return value  # pyright: ignore[reportUnknownVariableType]


def list_webhooks(state: GatewayState, _request: ParsedRequest) -> Response:
    """Handle ``GET /webhooks``: ``source`` instead of ``deviceId``."""
    return json_response(200, list(state.webhooks.values()), local=True)


def create_webhook(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /webhooks``: 201; ``https://``, or ``http://127.0.0.1``."""
    fields: dict[str, str] = read_body(request, _WEBHOOK)
    device_id = state.devices[0].id
    if fields.get("deviceId", device_id) != device_id:
        raise RequestError(400, "Device ID mismatch")
    url = fields.get("url", "")
    secure = url.lower().startswith("https://")
    if not is_http_url(url) or not (secure or urlsplit(url).hostname == "127.0.0.1"):
        raise RequestError(400, "url must start with https:// or http://127.0.0.1")
    if fields.get("event") not in EVENTS:
        raise RequestError(400, "Unsupported event")
    identity = fields.get("id") or state.new_id()
    state.webhooks[identity] = {"id": identity, "url": url, "event": fields["event"], "source": "Local"}
    return json_response(201, state.webhooks[identity], local=True)


def delete_webhook(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``DELETE /webhooks/{id}``: always 204."""
    state.webhooks.pop(request.params[0], None)
    return empty_response(204)
