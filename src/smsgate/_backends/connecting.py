"""The options by which every backend connects: certificates, proxy, number of connections."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from smsgate.errors import ConfigurationError
from smsgate.number_checks import MOST_CONCURRENT, whole

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["KEEPALIVE_SECONDS", "Cert", "Connecting", "Verify", "origin_of"]

KEEPALIVE_SECONDS = 30.0
"""How long an idle connection is kept: below the 60 and more seconds after which servers and proxies close theirs."""

Verify: TypeAlias = "bool | str | os.PathLike[str] | ssl.SSLContext"
Cert: TypeAlias = "str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]]"


class Connecting:
    """Options of one backend, checked when it is made.

    Args:
        given: the client or session that the user brought along, which has such options itself.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of a proxy for all requests.
        max_connections: exchanges under way at most, 1 to 10,000.
        trust_env: whether the environment's proxy variables count.

    Raises:
        ConfigurationError: for what cannot be used.
    """

    def __init__(
        self,
        given: object,
        *,
        verify: Verify,
        cert: Cert | None,
        proxy: str | None,
        max_connections: int,
        trust_env: bool,
    ) -> None:
        if given is not None and not (verify is True and cert is None and proxy is None and not trust_env):
            raise ConfigurationError(
                "verify, cert, proxy and trust_env belong to the client that you gave: set them there"
            )
        whole("max_connections", max_connections, 1, MOST_CONCURRENT)
        self.verify = verify
        self.cert = _pair(cert)
        self.proxy = None if proxy is None else _checked(proxy)
        self.max_connections = max_connections
        self.trust_env = trust_env
        self._proxies: dict[str, str | None] = {}
        self._context: ssl.SSLContext | None = None
        if verify is not True or cert is not None:
            self._context = self._make_context()

    def ssl_context(self) -> ssl.SSLContext:
        """Return the context of all TLS connections; made once, and only when one is needed."""
        if self._context is None:
            self._context = self._make_context()
        return self._context

    def lacks_context(self, url: str) -> bool:
        """Tell whether a request to a URL needs the context, and nobody has made it yet."""
        return self._context is None and (url.startswith("https") or (self.proxy_for(url) or "").startswith("https"))

    def proxy_for(self, url: str) -> str | None:
        """Return the URL of the proxy to use for a request."""
        if not self.trust_env or self.proxy is not None:
            return self.proxy
        origin = origin_of(url)
        if origin not in self._proxies:
            self._proxies[origin] = _environment_proxy(origin)
        return self._proxies[origin]

    def _make_context(self) -> ssl.SSLContext:
        if isinstance(self.verify, ssl.SSLContext):
            if self.cert is not None:
                raise ConfigurationError("load the client certificate into your own ssl context")
            return self.verify
        try:
            context = _trusting(self.verify)
            if self.cert is not None:
                context.load_cert_chain(*self.cert)
        except (OSError, TypeError) as error:  # ssl's own errors are OSErrors
            raise ConfigurationError("verify or cert names no readable PEM file") from error
        return context


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL as they stand in it."""
    end = url.find("/", len("https://"))
    return url if end < 0 else url[:end]


def _trusting(verify: bool | str | os.PathLike[str]) -> ssl.SSLContext:  # noqa: FBT001 - the option as users know it
    if isinstance(verify, bool):
        context = ssl.create_default_context()
        if verify:
            certifi = _certifi()
            if certifi is not None:
                context.load_verify_locations(certifi.where())
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
    path = os.fspath(verify)
    folder = os.path.isdir(path)  # noqa: PTH112 - a str
    context = ssl.create_default_context(capath=path if folder else None, cafile=None if folder else path)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 sets it; certificates made at home often fail it
    return context


def _certifi() -> ModuleType | None:
    """Return the package of public authorities; systems without certificates of their own need it."""
    try:
        import certifi  # noqa: PLC0415 - only for https
    except ImportError:
        return None
    return certifi


def _pair(cert: Cert | None) -> tuple[str, ...] | None:
    if cert is None:
        return None
    parts = cert if isinstance(cert, tuple) else (cert,)
    if len(parts) not in (1, 2) or not all(isinstance(part, str | os.PathLike) for part in parts):
        raise ConfigurationError("cert takes the path of a PEM file, or the paths of certificate and key")
    return tuple(os.fspath(part) for part in parts)


def _checked(proxy: str) -> str:
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError, TypeError):
        usable = False
    if not usable:
        raise ConfigurationError("proxy takes the URL of an http or https proxy, such as http://127.0.0.1:3128")
    return proxy


def _environment_proxy(origin: str) -> str | None:
    try:
        parts = urlsplit(origin)
    except ValueError:  # the libraries say more about it
        return None
    if parts.hostname is None or proxy_bypass(parts.netloc):
        return None
    known = getproxies()
    found = known.get(parts.scheme) or known.get("all")
    if not found:
        return None
    return _checked(found if "://" in found else f"http://{found}")
