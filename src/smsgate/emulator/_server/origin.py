"""Host and Origin checks that keep other web pages from controlling an emulator."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def rejection_of(headers: Mapping[str, str], allowed_hosts: Collection[str]) -> str | None:
    """Return why a control request is rejected, or None.

    A page on another site can make a browser send requests here, by its own address (``Origin``) or by a name of its
    own that it lets resolve to this machine (``Host``). IP addresses and ``localhost`` cannot be such names.

    Args:
        headers: the request's headers, by lower-case names.
        allowed_hosts: further host names that the emulator is reached by, such as a compose service's.
    """
    named = headers.get("host")  # absent only where no browser is
    host = None if named is None else _host_name(f"//{named}")
    if named is not None and not (host and (_is_address(host) or _is_localhost(host) or host in allowed_hosts)):
        return "the Host header names no host of this emulator; --allow-host adds one"
    origin = headers.get("origin")
    if origin is not None and authority(origin) != (named or "").lower():
        return "the request comes from a page of another origin"
    return None


def authority(url: str) -> str | None:
    """Return the host and port of a URL in lower case, None when it cannot be read."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return None


def _host_name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_localhost(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")
