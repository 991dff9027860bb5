"""A phone's local server: its routes, credentials and tokens (api-facts §8), where it differs from the cloud."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from smsgate.emulator import local_inbox, local_messages, local_settings
from smsgate.emulator.answers import RefusedError, empty, json_answer
from smsgate.emulator.credentials import basic_pair, same
from smsgate.emulator.local_bodies import read_body
from smsgate.emulator.routing import Call, Route, find, known_path, route
from smsgate.emulator.shapes import array, struct, text, whole
from smsgate.emulator.timestamps import local_text
from smsgate.emulator.tokens import REFRESH_SCOPE

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator.books import Books

LOCAL_VERSION = "1.68.0"
"""The app whose local server is imitated."""

_LOCAL_RELEASE = 1
MAX_TTL = 365 * 24 * 3600
_CHALLENGES = 'Basic realm="Access to SMS Gateway", charset=UTF-8, Bearer realm="Access to SMS Gateway"'
_TOKEN_REQUEST = struct("TokenRequest", {"scopes": array(text, "array", ""), "ttl": whole("long", -(2**63), 2**63 - 1)})


def _scopes_of(table: tuple[Route, ...]) -> frozenset[str]:
    return frozenset({"all:any", *(known.scope for known in table if known.scope)}) - {REFRESH_SCOPE}


def _root(_books: Books, _call: Call) -> Response:
    return json_answer(200, {"status": "ok", "model": "Emulator"}, local=True)


def _device(books: Books, _call: Call) -> Response:
    device = books.devices[0]
    now = local_text(books.now())
    shown = {
        "id": device.id,
        "name": device.name,
        "createdAt": local_text(device.created_at),
        "updatedAt": now,
        "lastSeen": now,
        "simCards": device.sim_cards,
    }
    return json_answer(200, [shown], local=True)


def _health(books: Books, _call: Call) -> Response:
    since = books.now() - timedelta(hours=1)
    states = [row.state for row in books.store if row.created_at >= since]
    failed = states.count("Failed")
    processed = sum(state in {"Processed", "Sent", "Delivered"} for state in states)
    status = "pass" if not failed else "warn" if processed else "fail"
    checks = {
        "messages:failed": _check(status, failed, "messages", "Failed messages for last hour"),
        "connection:status": _check("pass", 1, "boolean", "Internet connection status"),
        "battery:level": _check("pass", 100, "percent", "Battery level in percent"),
    }
    document = {"version": LOCAL_VERSION, "releaseId": _LOCAL_RELEASE, "status": status, "checks": checks}
    return json_answer(500 if status == "fail" else 200, document, local=True)


def _check(status: str, value: int, unit: str, description: str) -> dict[str, Any]:
    return {"status": status, "observedValue": value, "observedUnit": unit, "description": description}


def create_token(books: Books, call: Call) -> Response:
    """Answer ``POST /auth/token``: 201; unknown scopes and lifetimes over a year are refused."""
    given: dict[str, Any] = read_body(call, _TOKEN_REQUEST)
    scopes = [scope.strip() for scope in given.get("scopes", []) if scope.strip()]
    if not scopes:
        raise RefusedError(400, "scopes must not be empty")
    if not set(scopes) <= SCOPES:
        raise RefusedError(400, "unsupported scope provided")
    ttl: float = given.get("ttl", books.tokens.settings.access_ttl)
    if ttl <= 0:
        raise RefusedError(400, "ttl must be > 0")
    if ttl > MAX_TTL:
        raise RefusedError(400, "ttl exceeds maximum allowed value")
    return _pair(books, 201, scopes, ttl)


def refresh_token(books: Books, call: Call) -> Response:
    """Answer ``POST /auth/token/refresh``: 200; the presented refresh token is used up."""
    claims = books.tokens.read(call.token, books.now()) or {}
    books.tokens.revoke_one(claims["jti"])
    return _pair(books, 200, claims["original_scopes"], books.tokens.settings.access_ttl)


def revoke_token(books: Books, call: Call) -> Response:
    """Answer ``DELETE /auth/token/{jti}``: always 204."""
    books.tokens.revoke(call.params[0].strip())
    return empty(204)


def _pair(books: Books, status: int, scopes: list[str], ttl: float) -> Response:
    refresh_ttl = ttl if ttl >= MAX_TTL else max(ttl + 1, min(MAX_TTL, ttl * 7))
    uses: dict[str, dict[str, Any]] = {"access": {"token_use": "access"}, "refresh": {"token_use": "refresh"}}
    pair = books.tokens.issue(scopes, ttl, refresh_ttl, books.now(), uses)
    return json_answer(status, {**pair, "expires_at": local_text(pair["expires_at"])}, local=True)


def _both(name: str, tail: str, method: str, scope: str, handler: Any) -> tuple[Route, Route]:
    return route(method, name + tail, scope, handler), route(method, f"{name}s{tail}", scope, handler)


ROUTES = (
    route("GET", "", "", _root),
    route("GET", "device", "devices:list", _device),
    *_both("message", "", "GET", "messages:read", local_messages.list_messages),
    *_both("message", "", "POST", "messages:send", local_messages.send),
    *_both("message", "/*", "GET", "messages:read", local_messages.get_message),
    *_both("message", "/*", "DELETE", "messages:cancel", local_messages.cancel_message),
    *_both("message", "/inbox/export", "POST", "messages:export", local_inbox.export_inbox),
    route("GET", "inbox", "inbox:list", local_inbox.list_inbox),
    route("GET", "inbox/*/attachments/*", "inbox:read", local_inbox.download_attachment),
    route("POST", "inbox/refresh", "inbox:refresh", local_inbox.refresh_inbox),
    *_both("webhook", "", "GET", "webhooks:list", local_settings.list_webhooks),
    *_both("webhook", "", "POST", "webhooks:write", local_settings.create_webhook),
    *_both("webhook", "/*", "DELETE", "webhooks:delete", local_settings.delete_webhook),
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


def answer(books: Books, call: Call) -> Response:
    """Answer one request: routes first (404 and 405 without credentials), then credentials, then scopes."""
    try:
        found = find(_OPEN_ROUTES, call.method, call.path, fold=False)
        if found:
            return found[0].handler(books, call)
        found = _found(call)
        basic = _authenticate(books, call)
        _require(found[0], call, basic=basic)
        call.params = found[1]
        return found[0].handler(books, call)
    except RefusedError as refused:
        return refused.answer()


def _found(call: Call) -> tuple[Route, list[str]]:
    found = find(ROUTES, call.method, call.path, fold=False)
    if found is None:
        raise RefusedError(405 if known_path((*ROUTES, *_OPEN_ROUTES), call.path) else 404, None)
    return found


def _authenticate(books: Books, call: Call) -> bool:
    header = call.headers.get("authorization", "").strip()
    scheme = header.partition(" ")[0].lower()
    if scheme == "basic":
        pair = basic_pair(header)
        if pair and same(pair[0], books.login) & same(pair[1], books.password):
            return True
    if scheme == "bearer":
        call.token = header[7:]
        claims = books.tokens.read(call.token, books.now())
        if claims:
            call.scopes = claims["scopes"]
            return False
    raise RefusedError(401, None, {"www-authenticate": _CHALLENGES})


def _require(wanted: Route, call: Call, *, basic: bool) -> None:
    if not wanted.scope or (basic and not wanted.exact):
        return
    if basic:
        raise RefusedError(401, "Unauthorized")
    allowed = call.scopes == [wanted.scope] if wanted.exact else {"all:any", wanted.scope} & set(call.scopes)
    if not allowed:
        raise RefusedError(403, "Insufficient permissions")
