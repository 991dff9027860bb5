"""Routes, authentication and token operations of a phone's local server (api-facts §8)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.binding import array, integer, struct, text
from smsgate.emulator._http.credentials import basic_pair, equal_in_constant_time
from smsgate.emulator._http.responses import RequestError, empty_response, json_response, with_headers
from smsgate.emulator._http.routing import ParsedRequest, Route, find, known_path, route
from smsgate.emulator._http.timestamps import local_text
from smsgate.emulator._local import inbox as local_inbox, messages as local_messages, settings as local_settings
from smsgate.emulator._local.bodies import read_body
from smsgate.emulator._state.tokens import REFRESH_SCOPE

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator._state.state import GatewayState

LOCAL_VERSION = "1.68.0"
"""Version of the app whose local server is emulated."""

_LOCAL_RELEASE = 1
MAX_TTL = 365 * 24 * 3600
_CHALLENGES = 'Basic realm="Access to SMS Gateway", charset=UTF-8, Bearer realm="Access to SMS Gateway"'
_TOKEN_REQUEST = struct(
    "TokenRequest", {"scopes": array(text, "array", ""), "ttl": integer("long", -(2**63), 2**63 - 1)}
)


def _scopes_of(table: tuple[Route[GatewayState], ...]) -> frozenset[str]:
    return frozenset({"all:any", *(known.scope for known in table if known.scope)}) - {REFRESH_SCOPE}


def _root(_state: GatewayState, _request: ParsedRequest) -> Response:
    return json_response(200, {"status": "ok", "model": "Emulator"}, local=True)


def _device(state: GatewayState, _request: ParsedRequest) -> Response:
    device = state.devices[0]
    now = local_text(state.now())
    shown = {
        "id": device.id,
        "name": device.name,
        "createdAt": local_text(device.created_at),
        "updatedAt": now,
        "lastSeen": now,
        "simCards": device.sim_cards,
    }
    return json_response(200, [shown], local=True)


def _health(state: GatewayState, _request: ParsedRequest) -> Response:
    since = state.now() - timedelta(hours=1)
    states = [row.state for row in state.store if row.created_at >= since]
    failed = states.count("Failed")
    processed = sum(state in {"Processed", "Sent", "Delivered"} for state in states)
    status = "pass" if not failed else "warn" if processed else "fail"
    checks = {
        "messages:failed": _check(status, failed, "messages", "Failed messages for last hour"),
        "connection:status": _check("pass", 1, "boolean", "Internet connection status"),
        "battery:level": _check("pass", 100, "percent", "Battery level in percent"),
    }
    document = {"version": LOCAL_VERSION, "releaseId": _LOCAL_RELEASE, "status": status, "checks": checks}
    return json_response(500 if status == "fail" else 200, document, local=True)


def _check(status: str, value: int, unit: str, description: str) -> dict[str, Any]:
    return {"status": status, "observedValue": value, "observedUnit": unit, "description": description}


def create_token(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /auth/token``: 201; unknown scopes and lifetimes over a year are rejected."""
    fields: dict[str, Any] = read_body(request, _TOKEN_REQUEST)
    scopes = [scope.strip() for scope in fields.get("scopes", []) if scope.strip()]
    if not scopes:
        raise RequestError(400, "scopes must not be empty")
    if not set(scopes) <= SCOPES:
        raise RequestError(400, "unsupported scope provided")
    ttl: float = fields.get("ttl", state.tokens.settings.access_ttl)
    if ttl <= 0:
        raise RequestError(400, "ttl must be > 0")
    if ttl > MAX_TTL:
        raise RequestError(400, "ttl exceeds maximum allowed value")
    return _pair(state, 201, scopes, ttl)


def refresh_token(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /auth/token/refresh``: 200; the presented refresh token is used up."""
    claims = state.tokens.read(request.token, state.now()) or {}
    state.tokens.revoke_one(claims["jti"])
    return _pair(state, 200, claims["original_scopes"], state.tokens.settings.access_ttl)


def revoke_token(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``DELETE /auth/token/{jti}``: always 204."""
    state.tokens.revoke(request.params[0].strip())
    return empty_response(204)


def _pair(state: GatewayState, status: int, scopes: list[str], ttl: float) -> Response:
    refresh_ttl = ttl if ttl >= MAX_TTL else max(ttl + 1, min(MAX_TTL, ttl * 7))
    uses: dict[str, dict[str, Any]] = {"access": {"token_use": "access"}, "refresh": {"token_use": "refresh"}}
    pair = state.tokens.issue(scopes, ttl, refresh_ttl, state.now(), uses)
    return json_response(status, {**pair, "expires_at": local_text(pair["expires_at"])}, local=True)


def _token_response(
    name: str, tail: str, method: str, scope: str, handler: Any
) -> tuple[Route[GatewayState], Route[GatewayState]]:
    return route(method, name + tail, scope, handler), route(method, f"{name}s{tail}", scope, handler)


ROUTES = (
    route("GET", "", "", _root),
    route("GET", "device", "devices:list", _device),
    *_token_response("message", "", "GET", "messages:read", local_messages.list_messages),
    *_token_response("message", "", "POST", "messages:send", local_messages.send),
    *_token_response("message", "/*", "GET", "messages:read", local_messages.get_message),
    *_token_response("message", "/*", "DELETE", "messages:cancel", local_messages.cancel_message),
    *_token_response("message", "/inbox/export", "POST", "messages:export", local_inbox.export_inbox),
    route("GET", "inbox", "inbox:list", local_inbox.list_inbox),
    route("GET", "inbox/*/attachments/*", "inbox:read", local_inbox.download_attachment),
    route("POST", "inbox/refresh", "inbox:refresh", local_inbox.refresh_inbox),
    *_token_response("webhook", "", "GET", "webhooks:list", local_settings.list_webhooks),
    *_token_response("webhook", "", "POST", "webhooks:write", local_settings.create_webhook),
    *_token_response("webhook", "/*", "DELETE", "webhooks:delete", local_settings.delete_webhook),
    route("GET", "logs", "logs:read", local_inbox.get_logs),
    route("GET", "settings", "settings:read", local_settings.get_settings),
    route("PATCH", "settings", "settings:write", local_settings.patch_settings),
    route("POST", "auth/token", "tokens:manage", create_token),
    route("POST", "auth/token/refresh", REFRESH_SCOPE, refresh_token, exact=True),
    route("DELETE", "auth/token/*", "tokens:manage", revoke_token),
)
SCOPES = _scopes_of(ROUTES)
"""Scopes that a token may ask for; ``messages:list`` and ``devices:delete`` exist in the cloud only."""

_OPEN_ROUTES = (route("GET", "health", "", _health),)


def handle(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle one request: routes first (404 and 405 without credentials), then credentials, then scopes."""
    state.settle()
    try:
        response = _run(state, request)
    except RequestError as refused:
        response = refused.response()
    return with_headers(response, {})


def _run(state: GatewayState, request: ParsedRequest) -> Response:
    found = find(_OPEN_ROUTES, request.method, request.path, fold=False)
    if found:
        return found[0].handler(state, request)
    found = _find_route(request)
    basic = _authenticate(state, request)
    _require(found[0], request, basic=basic)
    request.params = found[1]
    return found[0].handler(state, request)


def _find_route(request: ParsedRequest) -> tuple[Route[GatewayState], list[str]]:
    found = find(ROUTES, request.method, request.path, fold=False)
    if found is None:
        raise RequestError(405 if known_path((*ROUTES, *_OPEN_ROUTES), request.path) else 404, None)
    return found


def _authenticate(state: GatewayState, request: ParsedRequest) -> bool:
    header = request.headers.get("authorization", "").strip()
    scheme = header.partition(" ")[0].lower()
    if scheme == "basic":
        pair = basic_pair(header)
        if pair and equal_in_constant_time(pair[0], state.login) & equal_in_constant_time(pair[1], state.password):
            return True
    if scheme == "bearer":
        request.token = header[7:]
        claims = state.tokens.read(request.token, state.now())
        if claims:
            request.scopes = claims["scopes"]
            return False
    raise RequestError(401, None, {"www-authenticate": _CHALLENGES})


def _require(wanted: Route[GatewayState], request: ParsedRequest, *, basic: bool) -> None:
    if not wanted.scope or (basic and not wanted.exact):
        return
    if basic:
        raise RequestError(401, "Unauthorized")
    allowed = request.scopes == [wanted.scope] if wanted.exact else {"all:any", wanted.scope} & set(request.scopes)
    if not allowed:
        raise RequestError(403, "Insufficient permissions")
