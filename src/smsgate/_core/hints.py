"""Hints for errors, from the gateway's source code and the texts of TLS libraries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smsgate._core.base_url import is_phone
from smsgate.errors import ConnectError, RequestTimeoutError
from smsgate_api import operations
from smsgate_api.models import Scope

if TYPE_CHECKING:
    from smsgate.errors import TransportError
    from smsgate.runtime.types import Operation

_NUMBER = "numbers are read in international form, +<country code>…; others pass with skip_phone_validation=True"
_BAD_REQUESTS = {
    "not mobile phone number": "short codes, landlines and some VoIP numbers pass with skip_phone_validation=True",
    "invalid phone number": _NUMBER,
    "failed to parse phone number": _NUMBER,
    "failed to select device": "the account has no such phone, or none seen in the hours of device_active_within",
    "unsupported scope": "phones know fewer scopes than cloud servers: neither messages:list nor devices:delete",
}
"""Hints for a 400, by a part of the server's message."""
_CONFLICTS = {
    "cancel_message": "only a pending message can be cancelled; get_state says how far this one has come",
    "send_message": "a message with this id exists; get_state shows it, and another message needs another id",
}
"""Hints for a 409, by the operation's name."""
_UNTRUSTED = re.compile(
    r"self[- ]signed|issuer certificate|UnknownIssuer|CaUsedAsEndEntity|unable to verify the first", re.IGNORECASE
)
"""Texts of OpenSSL and rustls about an untrusted certificate authority."""


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """Parts of an error response and its request that determine the hint.

    Attributes:
        operation: the operation.
        status: HTTP status.
        message: the server's message, or the phrase of the status.
        base_url: the client's base URL.
        authorization: the ``Authorization`` header that was sent.
        is_own: whether the body is the gateway's error document: a JSON object with a message.
        location: the ``Location`` header, for redirects.
    """

    operation: Operation[Any]
    status: int
    message: str
    base_url: str
    authorization: str | None = None
    is_own: bool = True
    location: str | None = None


def find_hint(context: ErrorContext) -> str | None:
    """Return one sentence of advice, None for an unknown cause and for operations of another API."""
    if 300 <= context.status < 400:  # noqa: PLR2004 - the redirect range of HTTP
        target = f" ({_strip_target(context.location)})" if context.location else ""
        return f"redirects are not followed: base_url should point to where the server sends you{target}"
    return _gateway_hint(context) if context.operation.name in operations.__all__ else None


def _gateway_hint(context: ErrorContext) -> str | None:
    status, message, name = context.status, context.message, context.operation.name
    if "/mobile/" in context.base_url and (status == HTTPStatus.UNAUTHORIZED or message == "Not Found"):
        return "base_url is the phones' API: use the URL that ends in /3rdparty/v1"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _credentials_hint(context)
    if (
        status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED} and name == "replace_settings"
    ):  # phones have no PUT
        return "a phone's local server cannot replace its settings: use patch_settings"
    if status == HTTPStatus.NOT_FOUND and message == "Not Found":
        return _unknown_route_hint(context.base_url, name)
    if status == HTTPStatus.BAD_REQUEST:
        return next((advice for text, advice in _BAD_REQUESTS.items() if text in message), None)
    if status == HTTPStatus.CONFLICT:
        return _CONFLICTS.get(name)
    if status == HTTPStatus.NOT_IMPLEMENTED:
        return _not_implemented_hint(name)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and "queue limits exceeded" in message:
        return "the device does not take its messages: bring it online or cancel old pending messages"
    return None


def add_address(error: TransportError, base_url: str) -> TransportError:
    """Add host and port to the text of an error before the request was sent, and a hint when TLS failed."""
    if not isinstance(error, ConnectError | RequestTimeoutError) or error.sent is not False:
        return error
    text = error.args[0] if len(error.args) == 1 else None
    if not isinstance(text, str):
        return error
    place = _host_and_port(base_url)
    if place not in text:  # an error of the user's own backend may be raised more than once
        advice = "; verify= takes a file of certificates to trust" if _UNTRUSTED.search(text) else ""
        error.args = (f"{text}{advice} (to {place})",)
    return error


def _host_and_port(base_url: str) -> str:
    parts = urlsplit(base_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _credentials_hint(context: ErrorContext) -> str | None:
    """Return a hint that names the kind of credentials, the host and the next check."""
    authorization = context.authorization or ""
    if not authorization:
        return None
    host = urlsplit(context.base_url).netloc
    if not context.is_own:
        return (
            f"the response of {host} is not the gateway's own: does base_url point to it? "
            "A proxy, CDN or firewall before it may refuse requests, too"
        )
    basic = authorization.startswith("Basic ")
    if context.operation.auth == "refresh":
        kind, check = "a refresh token", "each is good once and for a limited time; get a new one by login and password"
    elif context.status == HTTPStatus.FORBIDDEN:
        return None if basic else _missing_scope_hint(context)
    elif basic:
        kind, check = "login and password", f"check both; {_account_hint(context.base_url)}"
    else:
        kind, check = "an access token", "it is of another server, expired or revoked; get a new one, or use JWTAuth"
    return f"{kind} were sent to {host}: {check}" if basic else f"{kind} was sent to {host}: {check}"


def _account_hint(base_url: str) -> str:
    if is_phone(base_url):
        return "a phone's local server has its own, shown in the app under Local Server"
    return "each cloud or private server has its own, shown in the app, and a phone's local server others"


def _missing_scope_hint(context: ErrorContext) -> str:
    scope = context.operation.scope
    if is_phone(context.base_url) and context.operation.name == "list_messages":
        scope = Scope.MESSAGES_READ.value  # phones have no messages:list
    lacking = "it" if scope is None or scope in context.message else scope
    return f"the access token lacks this scope: add {lacking} to scopes=; smsgate.Scope has the names that servers know"


def _strip_target(location: str) -> str:
    """Return a redirect's target without its user name, password, query and fragment."""
    address = location.partition("?")[0].partition("#")[0]
    scheme, separator, rest = address.partition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def _unknown_route_hint(base_url: str, name: str) -> str:
    if is_phone(base_url):
        return "no such item or route on a phone; for a cloud or private server base_url ends in /3rdparty/v1"
    if name == "download_attachment":
        return _not_implemented_hint(name)
    known = "a private server's base_url ends in /api/3rdparty/v1, the cloud's in /3rdparty/v1"
    return f"no such route: {known}; that of a phone's local server has no path"


def _not_implemented_hint(name: str) -> str:
    if name in {"list_inbox", "get_logs", "download_attachment"}:
        return "cloud and private servers do not offer this: ask the phone's local server, or receive by webhook"
    if name in {"create_token", "refresh_token", "revoke_token"}:
        return "this server makes no tokens: use login and password, or let its operator set JWT__SECRET"
    return "this server does not offer the call"
