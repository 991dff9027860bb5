"""What probably helps when the gateway refuses a call, for the causes that its source code tells."""

from __future__ import annotations

from smsgate.base_url import is_phone
from smsgate_api.models import Scope

__all__ = ["hint_for"]

_NUMBER = "numbers are read in international form, +<country code>…; others pass with skip_phone_validation=True"
_REFUSALS = {
    "not mobile phone number": "short codes, landlines and some VoIP numbers pass with skip_phone_validation=True",
    "invalid phone number": _NUMBER,
    "failed to parse phone number": _NUMBER,
    "failed to select device": "the account has no such phone, or none seen in the hours of device_active_within",
}
"""By a part of the server's text for a 400."""


def hint_for(status: int, message: str, *, base_url: str, name: str, location: str | None) -> str | None:
    """Return one sentence of advice, or None when nothing is known.

    Args:
        status: HTTP status of the answer.
        message: the server's own message.
        base_url: the client's base URL.
        name: the operation's name, such as ``send_message``.
        location: the ``Location`` header, for redirects.
    """
    if 300 <= status < 400:  # noqa: PLR2004 - the redirect range of HTTP
        target = f" ({_where(location)})" if location else ""
        return f"redirects are not followed: base_url should point to where the server sends you{target}"
    if "/mobile/" in base_url and (status == 401 or message == "Not Found"):  # noqa: PLR2004 - Unauthorized
        return "base_url is the phones' API: use the URL that ends in /3rdparty/v1"
    if status == 403:  # noqa: PLR2004 - Forbidden
        return f"tokens need scopes that servers know; smsgate.Scope lists them: {', '.join(Scope)}"
    if status in {404, 405} and name == "replace_settings":  # phones have no PUT
        return "a phone's local server cannot replace its settings: use patch_settings"
    if status == 404 and message == "Not Found":  # noqa: PLR2004 - the text of a route that does not exist
        return _unknown_route(base_url, name)
    if status == 400:  # noqa: PLR2004 - Bad Request
        return next((advice for text, advice in _REFUSALS.items() if text in message), None)
    if status == 501:  # noqa: PLR2004 - Not Implemented
        return _not_implemented(name)
    if status == 503 and "queue limits exceeded" in message:  # noqa: PLR2004 - Service Unavailable
        return "the device does not take its messages: bring it online or cancel old pending messages"
    return None


def _where(location: str) -> str:
    """Return a redirect's target without its user name, password, query and fragment."""
    address = location.partition("?")[0].partition("#")[0]
    scheme, separator, rest = address.partition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def _unknown_route(base_url: str, name: str) -> str:
    if is_phone(base_url):
        return "no such item or route on a phone; for a cloud or private server base_url ends in /3rdparty/v1"
    if name == "download_attachment":
        return _not_implemented(name)
    known = "a private server's base_url ends in /api/3rdparty/v1, the cloud's in /3rdparty/v1"
    return f"no such route: {known}; that of a phone's local server has no path"


def _not_implemented(name: str) -> str:
    if name in {"list_inbox", "get_logs", "download_attachment"}:
        return "cloud and private servers do not offer this: ask the phone's local server, or receive by webhook"
    if name in {"create_token", "refresh_token", "revoke_token"}:
        return "this server makes no tokens: use login and password, or let its operator set JWT__SECRET"
    return "this server does not offer the call"
