"""Proxy and certificate variables of the environment."""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_Address: TypeAlias = "IPv4Address | IPv6Address"


def proxy_variable(origin: str) -> str | None:
    """Return the proxy that the environment names for a host: never one for this machine itself.

    Args:
        origin: scheme, host and port of a URL.
    """
    try:
        parts = urlsplit(origin)
        host = parts.hostname
    except ValueError:  # the libraries say more about it
        return None
    if host is None or _is_loopback(host):
        return None
    known = getproxies()
    found = known.get(parts.scheme) or known.get("all")
    if not found or proxy_bypass(parts.netloc) or _is_excluded(host, known.get("no", "")):
        return None
    return found if "://" in found else f"http://{found}"


def certificate_variable(names: tuple[str, ...]) -> str | None:
    """Return the first of the variables that is set, and not empty."""
    return next((name for name in names if os.environ.get(name)), None)


def certificates(first: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Return the file and the folder of trusted certificates that the environment names.

    Args:
        first: variables of a library's own, which name either and go before ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``.
    """
    own = certificate_variable(first)
    if own is not None:
        path = os.environ[own]
        return (None, path) if os.path.isdir(path) else (path, None)  # noqa: PTH112 - a str
    return os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None


def _is_loopback(host: str) -> bool:
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def _is_excluded(host: str, listed: str) -> bool:
    """Tell whether ``NO_PROXY`` lists a host in a form that the standard library does not read.

    These are networks such as ``10.0.0.0/8``, ``*.example.com``, and IPv6 addresses.
    """
    address = _address(host)
    for entry in (part.strip().lower() for part in listed.split(",")):
        if entry.startswith("*.") and host.endswith(entry[1:]):
            return True
        if address is not None and _holds(entry, address):
            return True
    return False


def _holds(entry: str, address: _Address) -> bool:
    try:
        return address in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False


def _address(host: str) -> _Address | None:
    try:
        address = ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
