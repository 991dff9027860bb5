"""Clients, requests and errors of pyreqwest, for both of its backends."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pyreqwest import exceptions
from pyreqwest.proxy import ProxyBuilder

from smsgate._backends.adapters import Adapter
from smsgate._backends.connection import KEEPALIVE_SECONDS
from smsgate._backends.environment import certificate_variable
from smsgate._backends.transport_errors import (
    broken_exchange,
    connect_timeout,
    connection_failed,
    exchange_timeout,
    invalid_request,
    pool_timeout,
)
from smsgate._http import Headers
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate._backends.connection import ConnectionOptions
    from smsgate._http import Request, Timeout
    from smsgate.errors import TransportError

_LONGEST = 3600.0
"""Seconds that an exchange without a total limit may take: pyreqwest finishes it even if its task was cancelled."""

_CLIENTS = 8
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_NOT_CONNECTED = "client error (Connect)"
_BODY_FAILED = "error decoding response body"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_Client = TypeVar("_Client")


class Clients(Generic[_Client]):
    """The clients of one backend, one for each set of time limits: pyreqwest sets two of the three on a client.

    Attributes:
        opened: the clients by their limits.
    """

    def __init__(self, make: Callable[[Timeout], _Client]) -> None:
        self._make = make
        self.opened: OrderedDict[Timeout, _Client] = OrderedDict()

    def get(self, timeout: Timeout) -> _Client:
        """Return the client with those limits."""
        client = self.opened.get(timeout)
        if client is None:
            client = self.opened.setdefault(timeout, self._make(timeout))
            while len(self.opened) > _CLIENTS:
                self.opened.popitem(last=False)
        return client


class Exchange:
    """A request that was sent, and its response; builders and responses have no types on Python 3.10."""

    __slots__ = ("headers", "response", "sending")

    def __init__(self, sending: Any, response: Any) -> None:
        self.sending = sending
        self.response = response
        self.headers = response.headers  # a copy each time; it returns no values outside of ASCII


class PyreqwestAdapter(Adapter[_Client]):
    """Options, requests and errors of pyreqwest, for both adapters."""

    library_errors: ClassVar[tuple[type[Exception], ...]] = (exceptions.PyreqwestError, ValueError, RuntimeError)
    """RuntimeError comes from a response that was closed."""
    quoting_errors: ClassVar[tuple[type[Exception], ...]] = (exceptions.BuilderError, ValueError)
    builder_class: ClassVar[type[Any]]
    """The library's builder of clients."""
    _closed = False

    def _prepare(self) -> None:
        verify = self._options.verify
        if not isinstance(verify, bool | str | os.PathLike):
            raise ConfigurationError("pyreqwest takes no ssl context: give the path of a file of trusted certificates")
        if isinstance(verify, str | os.PathLike) and os.path.isdir(verify):  # noqa: PTH112 - may be a str
            raise ConfigurationError("pyreqwest takes no folder of certificates: give the path of a file")
        super()._prepare()

    def _open(self) -> Clients[_Client]:
        return Clients(self._make_client)

    def _make_client(self, timeout: Timeout) -> _Client:
        try:
            client: _Client = _configure(self.builder_class(), self._options, timeout).build()
        except RuntimeError as error:
            raise ConfigurationError("pyreqwest works in no process that was forked after it was first used") from error
        except exceptions.BuilderError as error:
            variable = certificate_variable(("SSL_CERT_FILE", "SSL_CERT_DIR"))  # pyreqwest reads them by itself
            named = "" if variable is None else f"; {variable} in the environment names certificates too"
            raise ConfigurationError(f"pyreqwest cannot use these certificates or this proxy{named}") from error
        return client

    def _build(self, client: Any, request: Request, *, whole: bool) -> Any:
        """Return a request that is ready to be sent; with the user's own client, it also sets the total limit."""
        if self._closed:
            raise ConfigurationError("the pyreqwest client that you gave is closed")
        try:
            builder = client.request(request.method, request.url).headers(request.headers)
            if request.content is not None:
                builder = builder.body_bytes(request.content)
            elif request.method in _WITH_BODY:
                builder = builder.header("Content-Length", "0")
            if self._client is not None:
                builder = builder.timeout(timedelta(seconds=request.timeout.total or _LONGEST))
        except self.library_errors:
            raise invalid_request() from None
        return (builder if whole else builder.streamed_read_buffer_limit(1)).build_streamed()

    def _head(self, raw: Exchange) -> tuple[int, Headers]:
        return raw.response.status, Headers(partial(_ascii_headers, raw.headers))

    def _translate(self, error: Exception, *, sent: bool | None) -> TransportError:
        """Translate an exception: its class does not tell whether the request was sent; its causes do."""
        if self._client is not None and isinstance(error, exceptions.ClientClosedError):
            self._closed = True  # known only from this error
        details: Any = getattr(error, "details", None)
        listed: list[dict[str, str]] = (details["causes"] if details else None) or []
        causes = [cause["message"] for cause in listed]
        why = causes[-1] if causes else type(error).__name__
        if isinstance(error, exceptions.PoolTimeoutError):
            return pool_timeout()
        if _NOT_CONNECTED in causes:
            return connect_timeout() if isinstance(error, exceptions.RequestTimeoutError) else connection_failed(why)
        if _BODY_FAILED in causes:
            sent = True
        if isinstance(error, exceptions.RequestTimeoutError):
            return exchange_timeout(sent=sent)
        if isinstance(error, exceptions.BuilderError):
            return invalid_request()
        return broken_exchange(why, sent=sent)


def _configure(builder: Any, options: ConnectionOptions, timeout: Timeout) -> Any:
    """Set the options of all requests of a client; builders have no types on Python 3.10, so they are Any here."""
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
        .timeout(timedelta(seconds=timeout.total or _LONGEST))
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


def _with_certificates(builder: Any, options: ConnectionOptions) -> Any:
    if options.verify is False:
        builder = builder.danger_accept_invalid_certs(True)
    elif isinstance(options.verify, str | os.PathLike):
        for certificate in _CERTIFICATE.findall(Path(options.verify).read_bytes()):
            builder = builder.add_root_certificate_pem(certificate)
    if options.cert is not None:
        builder = builder.identity_pem(b"\n".join(Path(path).read_bytes() for path in options.cert))
    return builder


def _ascii_headers(headers: Any) -> list[tuple[str, str]]:
    with suppress(ValueError):
        return list(headers.items())
    found: list[tuple[str, str]] = []
    for name in headers:
        with suppress(ValueError):
            found.append((name, headers[name]))
    return found
