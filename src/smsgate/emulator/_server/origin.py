"""Host and Origin checks that keep other web pages from controlling an emulator."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_FOREIGN_HOST = "the Host header names no host of this emulator; --allow-host adds one"
_FOREIGN_ORIGIN = "the request comes from a page of another origin"
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)
_HOST = re.compile(r"(?P<name>\[[^\[\]/?#@]+\]|[^\[\]:/?#@\s]+)(?::\d{1,5})?", re.ASCII)
_OWN_SITES = frozenset({"same-origin", "none"})


def rejection_of(headers: Mapping[str, str], allowed_hosts: Collection[str], *, is_page: bool = False) -> str | None:
    """Return why a control request is rejected, or None.

    A page on another site can make a browser send requests here, by its own address (``Origin``) or by a name of its
    own that it lets resolve to this machine (``Host``). IP addresses and ``localhost`` cannot be such names.
    Pictures and scripts are requested without ``Origin``, and how long the response takes tells a page elsewhere what
    it may not read; ``Sec-Fetch-Site`` shows them.

    Args:
        headers: the request's headers, by lower-case names.
        allowed_hosts: further host names that the emulator is reached by, as `host_name` returns them.
        is_page: whether the request is for the page itself, to which other sites may link.
    """
    if not _is_known(headers.get("host"), allowed_hosts):
        return _FOREIGN_HOST
    origin = headers.get("origin")
    if origin is not None and (authority(origin) or None) != headers.get("host", "").lower():
        return _FOREIGN_ORIGIN
    if not is_page and headers.get("sec-fetch-site", "none").strip().lower() not in _OWN_SITES:
        return _FOREIGN_ORIGIN
    return None


def rejection_of_rebinding(headers: Mapping[str, str], allowed_hosts: Collection[str]) -> str | None:
    """Return why a request to the API is rejected, or None.

    Everybody knows the credentials of the demo account, so a page that lets its own name resolve to this machine could
    post messages. Only browsers send ``Origin``; programs may use any name.
    """
    return None if "origin" not in headers or _is_known(headers.get("host"), allowed_hosts) else _FOREIGN_HOST


def host_name(text: str) -> str:
    """Return a host name as it is compared: in lower case, without a final dot.

    Raises:
        ValueError: it is no host name.
    """
    name = text.lower().removesuffix(".")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} is no host name; it has neither scheme nor port, such as sms")
    return name


def authority(url: str) -> str | None:
    """Return the host and port of a URL in lower case, None when it cannot be read."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return None


def _is_known(host: str | None, allowed_hosts: Collection[str]) -> bool:
    if host is None:  # no browser leaves it out
        return True
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found["name"].lower().removesuffix(".")
    return name in allowed_hosts or name == "localhost" or name.endswith(".localhost") or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name[1:-1] if name.startswith("[") else name)
    except ValueError:
        return False
    return True
