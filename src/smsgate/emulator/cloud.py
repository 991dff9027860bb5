"""The cloud and private server: who may do what, and which function answers which path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.emulator import devices, health, inbox, reading, reports, sending, settings, webhooks
from smsgate.emulator.answers import RefusedError, empty, json_answer, text_answer, with_headers
from smsgate.emulator.credentials import basic_pair, same
from smsgate.emulator.routing import Call, Route, below, find, route
from smsgate.emulator.shapes import Failures, array, body, struct, text, whole
from smsgate.emulator.timestamps import go_text
from smsgate.emulator.tokens import REFRESH_SCOPE

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator.books import Books

PREFIXES = ("/api/3rdparty/v1", "/3rdparty/v1")
_MOBILE_PREFIXES = ("/api/mobile/v1", "/mobile/v1")
_ROOT_LINK = (
    f"{health.CATALOG_LINK}, "
    '</api/docs/doc.json>; rel="service-desc", '
    '<https://docs.sms-gate.app/>; rel="service-doc", '
    '</.well-known/api-catalog>; rel="describedby"'
)
_TOKEN_REQUEST = struct("TokenRequest", {"scopes": array(text, "[]string", ""), "ttl": whole("uint64", 0, 2**64 - 1)})
_NANOSECONDS = 10**9
_DISABLED = "token service disabled, contact your administrator"


def _logs(_books: Books, _call: Call) -> Response:
    raise RefusedError(501, "For privacy reasons, device's logs are not accessible through Cloud server")


def create_token(books: Books, call: Call) -> Response:
    """Answer ``POST /auth/token``: 201, the lifetime silently capped."""
    given: dict[str, Any] = body(call, _TOKEN_REQUEST)
    scopes: list[str] | None = given.get("scopes")
    failures = Failures("TokenRequest")
    failures.check("Scopes", ("required", scopes is not None), ("min", bool(scopes)))
    for place, scope in enumerate(scopes or []):
        failures.check(f"Scopes[{place}]", ("required", bool(scope)))
    failures.settle()
    maximum = books.tokens.settings.access_ttl
    if not books.tokens.settings.enabled:
        raise RefusedError(501, _DISABLED)
    # Go counts a lifetime in signed 64-bit nanoseconds, and the multiplication wraps around
    wrapped = (given.get("ttl", 0) * _NANOSECONDS + 2**63) % 2**64 - 2**63
    if wrapped < 0:
        raise RefusedError(400, "failed to generate token pair: invalid params: access ttl must be positive")
    books.need_database("failed to generate token pair: failed to insert tokens")
    return _pair(books, scopes or [], min(wrapped / _NANOSECONDS, maximum) if wrapped else maximum)


def refresh_token(books: Books, call: Call) -> Response:
    """Answer ``POST /auth/token/refresh``: 201; the presented refresh token is used up."""
    claims = books.tokens.read(call.token, books.now())
    if claims is None or not claims.get("original_scopes"):
        raise RefusedError(401, "Unauthorized")
    books.tokens.revoke_one(claims["jti"])
    return _pair(books, claims["original_scopes"], books.tokens.settings.access_ttl)


def revoke_token(books: Books, call: Call) -> Response:
    """Answer ``DELETE /auth/token/{jti}``: always 204."""
    if not books.tokens.settings.enabled:
        raise RefusedError(501, _DISABLED)
    books.need_database("failed to revoke token")
    books.tokens.revoke(call.params[0])
    return empty(204)


def _pair(books: Books, scopes: list[str], access_ttl: float) -> Response:
    owner = {"sub": books.login, "user_id": books.login}
    refresh_ttl = books.tokens.settings.refresh_ttl
    pair = books.tokens.issue(scopes, access_ttl, refresh_ttl, books.now(), {"access": owner, "refresh": owner})
    return json_answer(201, {**pair, "expires_at": go_text(pair["expires_at"])})


def _message_routes(name: str) -> tuple[Route, ...]:
    return (
        route("GET", name, "messages:list", reading.list_messages),
        route("POST", name, "messages:send", sending.send),
        route("GET", f"{name}/*", "messages:read", reading.get_message),
        route("DELETE", f"{name}/*", "messages:cancel", reading.cancel_message),
        route("POST", f"{name}/inbox/export", "messages:export", inbox.export_inbox),
    )


def _device_routes(name: str) -> tuple[Route, ...]:
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


def answer(books: Books, call: Call) -> Response:
    """Answer one request: below the API's prefixes with authentication first, elsewhere without."""
    headers = {"x-request-id": call.headers.get("x-request-id") or books.new_uuid()}
    for prefix in PREFIXES:
        rest = below(call.path, prefix)
        if rest is not None:
            call.prefix = prefix
            return with_headers(_answer_api(books, call, rest), {**headers, "link": health.CATALOG_LINK})
    return with_headers(_answer_root(books, call), {**headers, "link": _ROOT_LINK})


def _answer_root(books: Books, call: Call) -> Response:
    table: tuple[Route, ...] = (*health.HEALTH_ROUTES, *health.CATALOG_ROUTES)
    path = call.path
    for prefix in _MOBILE_PREFIXES:
        rest = below(call.path, prefix)
        if rest is not None:
            table, path = _MOBILE_ROUTES, rest
    found = find(table, call.method, path)
    return _run(books, call, found) if found else text_answer(404, "Not Found")


def _answer_api(books: Books, call: Call, path: str) -> Response:
    found = find(health.HEALTH_ROUTES, call.method, path)
    if found:
        return _run(books, call, found)
    try:
        authenticate(books, call)
    except RefusedError as refused:
        return refused.answer()
    found = find(ROUTES, call.method, path)
    if found is None:
        return text_answer(404, "Not Found")
    wanted, exact = found[0].scope, found[0].exact
    if wanted not in call.scopes and (exact or "all:any" not in call.scopes):
        return json_answer(403, {"message": f"scope required: {wanted}"})
    return _run(books, call, found)


def _run(books: Books, call: Call, found: tuple[Route, list[str]]) -> Response:
    call.params = found[1]
    try:
        return found[0].handler(books, call)
    except RefusedError as refused:
        return refused.answer()


def authenticate(books: Books, call: Call) -> None:
    """Find out what the caller may do.

    Raises:
        RefusedError: 401. During a database outage it hits right passwords and valid tokens, too.
    """
    header = call.headers.get("authorization", "").strip()
    scheme = header.partition(" ")[0].lower()
    if scheme == "basic" and _basic(books, header):
        call.scopes = ["all:any"]
        return
    if scheme == "bearer" and books.tokens.settings.enabled and not books.down:
        call.token = header[7:]
        claims = books.tokens.read(call.token, books.now())
        if claims:
            call.scopes = claims["scopes"]
            return
    raise RefusedError(401, "Unauthorized")


def _basic(books: Books, header: str) -> bool:
    pair = basic_pair(header)
    if pair is None or not (same(pair[0], books.login) & same(pair[1], books.password)):
        return False
    known = books.logins.get(books.login, books.now()) is not None
    if not known and not books.down:
        books.logins.put(books.login, True, books.now())
    return known or not books.down
