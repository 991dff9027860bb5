"""Clients, requests and errors in pyreqwest's form, for both of its backends."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pyreqwest import exceptions
from pyreqwest.proxy import ProxyBuilder

from smsgate._backends.connection import KEEPALIVE_SECONDS
from smsgate._backends.decoding import LARGEST_BODY
from smsgate._backends.environment import certificate_variable
from smsgate._backends.transport_errors import broken, connect_timed_out, no_turn, not_http, refused, timed_out
from smsgate._http import Headers
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyreqwest.response import BaseResponse

    from smsgate._backends.connection import Connecting
    from smsgate._http import Request, Timeout
    from smsgate.errors import TransportError

__all__ = [
    "FAILURES",
    "QUOTING",
    "Clients",
    "check_options",
    "configured",
    "is_small",
    "received_headers",
    "translated",
]

FAILURES = (exceptions.PyreqwestError, ValueError)
QUOTING = (exceptions.BuilderError, ValueError)
"""What quotes a request in its text."""
LONGEST = 3600.0
"""Seconds that an exchange without a total limit may take: one whose task was cancelled goes on without us."""

_CLIENTS = 8
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_NOT_CONNECTED = "client error (Connect)"
_ANSWERED = "error decoding response body"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_Client = TypeVar("_Client")


class Clients(Generic[_Client]):
    """The clients of one backend, one for each set of time limits: pyreqwest sets two of the three on a client."""

    def __init__(self, make: Callable[[Timeout], _Client], given: _Client | None) -> None:
        self._make = make
        self._given = given
        self._given_closed = False
        self._opened: OrderedDict[Timeout, _Client] = OrderedDict()
        self._last: tuple[Timeout, _Client] | None = None

    def has(self, timeout: Timeout) -> bool:
        """Tell whether `get` makes no client."""
        last = self._last
        return self._given is not None or (last is not None and last[0] is timeout) or timeout in self._opened

    def get(self, timeout: Timeout) -> _Client:
        """Return the client with those limits; a client that the user gave is taken for all."""
        if self._given is not None:
            if self._given_closed:
                raise ConfigurationError("the pyreqwest client that you gave is closed")
            return self._given
        last = self._last
        if last is not None and last[0] is timeout:
            return last[1]
        client = self._opened.get(timeout)
        if client is None:
            client = self._opened.setdefault(timeout, _made(self._make, timeout))
            while len(self._opened) > _CLIENTS:
                self._opened.popitem(last=False)
        self._last = timeout, client
        return client

    def built(self, client: Any, request: Request) -> Any:
        """Begin a request with its headers and body, and the total limit if the client was given by the user.

        Raises:
            TransportError: it cannot be written.
        """
        try:
            builder = client.request(request.method, request.url).headers(request.headers)
            if request.content is not None:
                builder = builder.body_bytes(request.content)
            elif request.method in _WITH_BODY:
                builder = builder.header("Content-Length", "0")
            if self._given is not None:
                builder = builder.timeout(timedelta(seconds=request.timeout.total or LONGEST))
        except FAILURES:
            raise not_http() from None
        return builder

    def notice(self, error: Exception) -> None:
        """Remember that the user's client is closed; it tells only by a failure, which may come in mid-exchange."""
        if self._given is not None and isinstance(error, exceptions.ClientClosedError):
            self._given_closed = True

    def all(self) -> list[_Client]:
        """Return the clients that were opened here."""
        return list(self._opened.values())


def _made(make: Callable[[Timeout], _Client], timeout: Timeout) -> _Client:
    try:
        return make(timeout)
    except RuntimeError as error:
        raise ConfigurationError("pyreqwest works in no process that was forked after it was first used") from error
    except exceptions.BuilderError as error:
        variable = certificate_variable(("SSL_CERT_FILE", "SSL_CERT_DIR"))  # pyreqwest reads them by itself
        named = "" if variable is None else f"; {variable} in the environment names certificates too"
        raise ConfigurationError(f"pyreqwest cannot use these certificates or this proxy{named}") from error


def check_options(options: Connecting) -> None:
    """Refuse what pyreqwest cannot do, and read the certificate files once.

    Raises:
        ConfigurationError: an ssl context, a folder of certificates, or an unreadable file.
    """
    if not isinstance(options.verify, bool | str | os.PathLike):
        raise ConfigurationError("pyreqwest takes no ssl context: give the path of a file of trusted certificates")
    if isinstance(options.verify, str | os.PathLike) and os.path.isdir(options.verify):  # noqa: PTH112 - may be a str
        raise ConfigurationError("pyreqwest takes no folder of certificates: give the path of a file")


def configured(builder: Any, options: Connecting, timeout: Timeout) -> Any:
    """Set everything that is the same for all requests; builders are untyped on Python 3.10, so they are Any."""
    builder = (
        builder.follow_redirects(False)
        .referer(False)
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .default_cookie_store(False)
        .pool_idle_timeout(timedelta(seconds=KEEPALIVE_SECONDS))
        .pool_max_idle_per_host(options.max_connections)
        .timeout(timedelta(seconds=timeout.total or LONGEST))
    )
    if timeout.connect is not None:
        builder = builder.connect_timeout(timedelta(seconds=timeout.connect))
    if timeout.read is not None:
        builder = builder.read_timeout(timedelta(seconds=timeout.read))
    if options.proxy is not None:
        builder = builder.proxy(ProxyBuilder.all(options.proxy))
    elif options.trust_env:
        builder = builder.proxy(ProxyBuilder.custom(lambda url: options.proxy_for(str(url))))
    else:
        builder = builder.no_proxy()
    return _with_certificates(builder, options)


def _with_certificates(builder: Any, options: Connecting) -> Any:
    if options.verify is False:
        builder = builder.danger_accept_invalid_certs(True)
    elif isinstance(options.verify, str | os.PathLike):
        for certificate in _CERTIFICATE.findall(_content(options.verify)):
            builder = builder.add_root_certificate_pem(certificate)
    if options.cert is not None:
        builder = builder.identity_pem(b"\n".join(_content(path) for path in options.cert))
    return builder


def _content(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a str or a path
        return file.read()


def received_headers(answer: BaseResponse) -> Headers:
    """Return the headers of an answer, but for values that are not ASCII: pyreqwest cannot show those."""
    return Headers(partial(_readable, answer.headers))


def is_small(answer: BaseResponse) -> bool:
    """Tell whether the body is certain to be plain, and small enough to be read at once."""
    headers: Any = answer.headers
    try:
        size: str = headers.get("content-length", "")
    except ValueError:
        return False
    return size.isdecimal() and int(size) <= LARGEST_BODY and "content-encoding" not in headers


def _readable(headers: Any) -> list[tuple[str, str]]:
    with suppress(ValueError):
        return list(headers.items())
    found: list[tuple[str, str]] = []
    for name in headers:
        with suppress(ValueError):
            found.append((name, headers[name]))
    return found


def translated(error: Exception, *, answering: bool = False) -> TransportError:
    """Return the error of ours for one of pyreqwest's.

    Its classes do not tell whether a request has left; the causes that it lists do.
    """
    details: Any = getattr(error, "details", None)
    listed: list[dict[str, str]] = (details["causes"] if details else None) or []
    causes = [cause["message"] for cause in listed]
    why = causes[-1] if causes else type(error).__name__
    if isinstance(error, exceptions.PoolTimeoutError):
        return no_turn()
    if _NOT_CONNECTED in causes:
        return connect_timed_out() if isinstance(error, exceptions.RequestTimeoutError) else refused(why)
    sent = True if answering or _ANSWERED in causes else None
    if isinstance(error, exceptions.RequestTimeoutError):
        return timed_out(sent=sent)
    if isinstance(error, exceptions.BuilderError):
        return not_http()
    return broken(why, sent=sent)
