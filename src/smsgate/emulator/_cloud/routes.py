"""Routes, authentication and token operations of the cloud and private server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.emulator._cloud import (
    devices,
    health,
    inbox,
    messages as reading,
    reports,
    send as sending,
    settings,
    webhooks,
)
from smsgate.emulator._http.binding import ValidationErrors, array, body, integer, struct, text
from smsgate.emulator._http.credentials import basic_pair, equal_in_constant_time
from smsgate.emulator._http.responses import RequestError, empty_response, json_response, text_response, with_headers
from smsgate.emulator._http.routing import PREFIXES, ParsedRequest, Route, find, route, strip_prefix
from smsgate.emulator._http.timestamps import go_text
from smsgate.emulator._state.tokens import REFRESH_SCOPE

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator._state.state import GatewayState

_MOBILE_PREFIXES = ("/api/mobile/v1", "/mobile/v1")
_ROOT_LINK = (
    f"{health.CATALOG_LINK}, "
    '</api/docs/doc.json>; rel="service-desc", '
    '<https://docs.sms-gate.app/>; rel="service-doc", '
    '</.well-known/api-catalog>; rel="describedby"'
)
_TOKEN_REQUEST = struct("TokenRequest", {"scopes": array(text, "[]string", ""), "ttl": integer("uint64", 0, 2**64 - 1)})
_NANOSECONDS = 10**9
_DISABLED = "token service disabled, contact your administrator"


def _logs(_state: GatewayState, _request: ParsedRequest) -> Response:
    raise RequestError(501, "For privacy reasons, device's logs are not accessible through Cloud server")


def create_token(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /auth/token``: 201, the lifetime silently capped."""
    fields: dict[str, Any] = body(request, _TOKEN_REQUEST)
    scopes: list[str] | None = fields.get("scopes")
    errors = ValidationErrors("TokenRequest")
    errors.check("Scopes", ("required", scopes is not None), ("min", bool(scopes)))
    for place, scope in enumerate(scopes or []):
        errors.check(f"Scopes[{place}]", ("required", bool(scope)))
    errors.settle()
    maximum = state.tokens.settings.access_ttl
    if not state.tokens.settings.enabled:
        raise RequestError(501, _DISABLED)
    # Go counts a lifetime in signed 64-bit nanoseconds, and the multiplication wraps around
    wrapped = (fields.get("ttl", 0) * _NANOSECONDS + 2**63) % 2**64 - 2**63
    if wrapped < 0:
        raise RequestError(400, "failed to generate token pair: invalid params: access ttl must be positive")
    state.need_database("failed to generate token pair: failed to insert tokens")
    return _pair(state, scopes or [], min(wrapped / _NANOSECONDS, maximum) if wrapped else maximum)


def refresh_token(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``POST /auth/token/refresh``: 201; the presented refresh token is used up."""
    claims = state.tokens.read(request.token, state.now())
    if claims is None or not claims.get("original_scopes"):
        raise RequestError(401, "Unauthorized")
    state.tokens.revoke_one(claims["jti"])
    return _pair(state, claims["original_scopes"], state.tokens.settings.access_ttl)


def revoke_token(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``DELETE /auth/token/{jti}``: always 204."""
    if not state.tokens.settings.enabled:
        raise RequestError(501, _DISABLED)
    state.need_database("failed to revoke token")
    state.tokens.revoke(request.params[0])
    return empty_response(204)


def _pair(state: GatewayState, scopes: list[str], access_ttl: float) -> Response:
    owner = {"sub": state.login, "user_id": state.login}
    refresh_ttl = state.tokens.settings.refresh_ttl
    pair = state.tokens.issue(scopes, access_ttl, refresh_ttl, state.now(), {"access": owner, "refresh": owner})
    return json_response(201, {**pair, "expires_at": go_text(pair["expires_at"])})


def _message_routes(name: str) -> tuple[Route[GatewayState], ...]:
    return (
        route("GET", name, "messages:list", reading.list_messages),
        route("POST", name, "messages:send", sending.send),
        route("GET", f"{name}/*", "messages:read", reading.get_message),
        route("DELETE", f"{name}/*", "messages:cancel", reading.cancel_message),
        route("POST", f"{name}/inbox/export", "messages:export", inbox.export_inbox),
    )


def _device_routes(name: str) -> tuple[Route[GatewayState], ...]:
    return (
        route("GET", name, "devices:list", devices.list_devices),
        route("DELETE", f"{name}/*", "devices:delete", devices.delete_device),
    )


ROUTES = (
    route("POST", "auth/token", "tokens:manage", create_token),
    route("POST", "auth/token/refresh", REFRESH_SCOPE, refresh_token, exact=True),
    route("DELETE", "auth/token/*", "tokens:manage", revoke_token),
    *_message_routes("message"),
    *_message_routes("messages"),
    *_device_routes("device"),
    *_device_routes("devices"),
    route("GET", "settings", "settings:read", settings.get_settings),
    route("PUT", "settings", "settings:write", settings.replace_settings),
    route("PATCH", "settings", "settings:write", settings.patch_settings),
    route("GET", "inbox", "inbox:list", inbox.list_inbox),
    route("POST", "inbox/refresh", "inbox:refresh", inbox.refresh_inbox),
    route("GET", "webhooks", "webhooks:list", webhooks.list_webhooks),
    route("POST", "webhooks", "webhooks:write", webhooks.create_webhook),
    route("DELETE", "webhooks/*", "webhooks:delete", webhooks.delete_webhook),
    route("GET", "logs", "logs:read", _logs),
)
_MOBILE_ROUTES = (
    route("PATCH", "message", "", reports.report_states),
    route("PATCH", "messages", "", reports.report_states),
)


def handle(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle one request: below the API's prefixes with authentication first, elsewhere without."""
    state.end_due_outage()
    headers = {"x-request-id": request.headers.get("x-request-id") or state.new_uuid()}
    for prefix in PREFIXES:
        rest = strip_prefix(request.path, prefix)
        if rest is not None:
            request.prefix = prefix
            return with_headers(_handle_api(state, request, rest), {**headers, "link": health.CATALOG_LINK})
    return with_headers(_handle_root(state, request), {**headers, "link": _ROOT_LINK})


def _handle_root(state: GatewayState, request: ParsedRequest) -> Response:
    table: tuple[Route[GatewayState], ...] = (*health.HEALTH_ROUTES, *health.CATALOG_ROUTES)
    path = request.path
    for prefix in _MOBILE_PREFIXES:
        rest = strip_prefix(request.path, prefix)
        if rest is not None:
            table, path = _MOBILE_ROUTES, rest
    found = find(table, request.method, path)
    return _run(state, request, found) if found else text_response(404, "Not Found")


def _handle_api(state: GatewayState, request: ParsedRequest, path: str) -> Response:
    found = find(health.HEALTH_ROUTES, request.method, path)
    if found:
        return _run(state, request, found)
    try:
        authenticate(state, request)
    except RequestError as refused:
        return refused.response()
    found = find(ROUTES, request.method, path)
    if found is None:
        return text_response(404, "Not Found")
    wanted, exact = found[0].scope, found[0].exact
    if wanted not in request.scopes and (exact or "all:any" not in request.scopes):
        return json_response(403, {"message": f"scope required: {wanted}"})
    return _run(state, request, found)


def _run(state: GatewayState, request: ParsedRequest, found: tuple[Route[GatewayState], list[str]]) -> Response:
    known, request.params = found
    if known.handler is not sending.send:  # it settles by itself
        state.settle()
    try:
        return known.handler(state, request)
    except RequestError as refused:
        return refused.response()


def authenticate(state: GatewayState, request: ParsedRequest) -> None:
    """Authenticate a request and set its scopes.

    Raises:
        RequestError: 401. Also raised for correct credentials during a database outage.
    """
    header = request.headers.get("authorization", "").strip()
    scheme = header.partition(" ")[0].lower()
    if scheme == "basic" and _basic(state, header):
        request.scopes = ["all:any"]
        return
    if scheme == "bearer" and state.tokens.settings.enabled and not state.down:
        request.token = header[7:]
        claims = state.tokens.read(request.token, state.now())
        if claims:
            request.scopes = claims["scopes"]
            return
    raise RequestError(401, "Unauthorized")


def _basic(state: GatewayState, header: str) -> bool:
    pair = basic_pair(header)
    if pair is None or not (
        equal_in_constant_time(pair[0], state.login) & equal_in_constant_time(pair[1], state.password)
    ):
        return False
    known = state.logins.get(state.login, state.now()) is not None
    if not known and not state.down:
        state.logins.put(state.login, True, state.now())
    return known or not state.down
