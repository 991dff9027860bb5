"""Asynchronous backend over aiohttp, for asyncio.

Options are set on the session once, and a request omits default options: each of them may cost as much time as the rest
of this adapter. A session given by the user lends its connector to a session of ours, so that its cookies and default
headers stay out of the exchange.
"""

from __future__ import annotations

import asyncio
import math
import sys
from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast
from weakref import WeakSet

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from smsgate._backends.adapters import AsyncAdapter, SessionAdapter
from smsgate._backends.connection import KEEPALIVE_SECONDS
from smsgate._backends.decoding import decode_headers
from smsgate._backends.resources import foreign_client
from smsgate._backends.transport_errors import (
    broken_exchange,
    connect_timeout,
    connection_failed,
    exchange_timeout,
    find_reason,
    has_invalid_headers,
    invalid_request,
)
from smsgate._http import Headers
from smsgate.errors import ConfigurationError

if sys.version_info >= (3, 11):
    from asyncio import timeout
else:
    # a dependency of aiohttp on Python 3.10
    from async_timeout import timeout  # type: ignore[import-not-found,unused-ignore] # pyright: ignore[reportMissingImports]

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from aiohttp.connector import Connection

    from smsgate._http import Request, Timeout
    from smsgate.errors import TransportError

_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)
_CLOSED = "the aiohttp session that you gave is closed"
_NOT_WRITTEN = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)
_LAST_PORT = 65_535
_ABORT_TURNS = 3
"""Turns of the event loop until an aborted connection is closed: one for TLS, one for the socket, one for our own."""
_GRACE = 0.01
"""Seconds by which the total limit is longer: a connect limit of the same length must expire first."""


class _Opened(NamedTuple):
    """A session of ours, and the transports of its connections, as far as they exist."""

    session: aiohttp.ClientSession
    transports: WeakSet[asyncio.Transport]


class AiohttpAsyncHttpClient(SessionAdapter[aiohttp.ClientSession], AsyncAdapter[aiohttp.ClientSession, _Opened]):
    """Asynchronous backend over aiohttp, for asyncio.

    Args:
        session: an `aiohttp.ClientSession` that you opened and close yourself. Its connector, proxy,
            ``trust_env`` and tracing apply; its headers, cookies, authentication and middlewares do not.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: concurrent exchanges at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment are used.

    Raises:
        ConfigurationError: for invalid options, options together with a session, use under trio, or a given
            session that is used under a second event loop.
    """

    client_class: ClassVar[type[Any]] = aiohttp.ClientSession
    library_errors: ClassVar[tuple[type[Exception], ...]] = (
        aiohttp.ClientError,
        asyncio.TimeoutError,
        OSError,
        ValueError,
        RuntimeError,
    )
    """RuntimeError comes from a session that is closed, before the exchange or during it."""
    quoting_errors: ClassVar[tuple[type[Exception], ...]] = (
        aiohttp.ClientPayloadError,
        aiohttp.ClientResponseError,
        aiohttp.NonHttpUrlClientError,
        aiohttp.ServerDisconnectedError,
        HttpProcessingError,
        ValueError,
    )
    needs_asyncio: ClassVar[bool] = True

    def _prepare(self) -> None:
        given = self._client
        if given is not None and given.trust_env and getattr(given, "_default_proxy", None) is None:
            self._options.trust_env = True  # this adapter reads the proxy variables: aiohttp would read .netrc too
        super()._prepare()

    def _open(self) -> _Opened:
        given = self._client
        if given is None:  # the slots limit the connections
            return _bare_session(aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS))
        if given.closed:
            raise ConfigurationError(_CLOSED)
        names = ("proxy", "proxy_auth")
        proxy = {name: value for name in names if (value := getattr(given, f"_default_{name}", None)) is not None}
        try:
            return _bare_session(given.connector, connector_owner=False, trace_configs=given.trace_configs, **proxy)
        except RuntimeError as error:
            raise foreign_client() from error

    async def _close(self, opened: _Opened) -> None:
        """Close the session, and abort TLS connections that still wait for the server's side of their closing.

        These are no longer the session's. They would outlive the event loop, and Python warns of that.
        """
        await opened.session.close()
        closing = [transport for transport in opened.transports if transport.is_closing()]
        for transport in closing:
            transport.abort()
        for _ in range(_ABORT_TURNS if closing else 0):
            await asyncio.sleep(0)

    def _limit(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        # aiohttp's own total limit may swallow a cancellation from outside that comes right after it
        return cast("AbstractAsyncContextManager[object]", timeout(None if seconds is None else seconds + _GRACE))

    async def _begin(
        self,
        request: Request,
        opened: _Opened,
        proxy: str | None,
        *,
        whole: bool,
    ) -> aiohttp.ClientResponse:
        try:
            url = _parse_url(request.url)
        except ValueError:
            raise invalid_request() from None
        secure = url.scheme == "https" or (proxy is not None and proxy.startswith("https"))
        try:
            return await opened.session.request(
                request.method,
                url,
                data=request.content,
                headers=request.headers,
                skip_auto_headers=_unwanted_headers(request),
                timeout=_limits(request.timeout),
                allow_redirects=False,
                ssl=self._options.ssl_context() if secure and self._client is None else True,
                proxy=proxy,
            )
        except RuntimeError as error:
            if opened.session.closed:
                raise ConfigurationError(_CLOSED) from error
            raise
        except ValueError:
            if has_invalid_headers(request.headers):
                raise invalid_request() from None
            raise

    async def _read(self, raw: aiohttp.ClientResponse) -> bytes | None:
        return await raw.content.readany() or None

    async def _end(self, raw: aiohttp.ClientResponse) -> None:
        raw.close()  # leaves a connection alone whose response was read to its end

    def _head(self, raw: aiohttp.ClientResponse) -> tuple[int, Headers]:
        fields: Any = raw.raw_headers
        if fields is None:  # from VCR before version 9, which is the newest for Python 3.10
            return raw.status, Headers(list(raw.headers.items()))
        return raw.status, Headers(partial(decode_headers, fields))

    def _translate(self, error: Exception, *, sent: bool | None) -> TransportError:
        if isinstance(error, RuntimeError) and sent is None:
            raise error
        if isinstance(error, aiohttp.ClientResponseError):
            _hide_request(error)
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return connect_timeout()
        if isinstance(error, asyncio.TimeoutError | TimeoutError):
            return exchange_timeout(sent=sent)
        if isinstance(error, _NOT_CONNECTED):
            return connection_failed(find_reason(error))
        if isinstance(error, _NOT_WRITTEN) and sent is None:
            return invalid_request()
        return broken_exchange(find_reason(error), sent=sent)


def _bare_session(connector: aiohttp.BaseConnector | None, **options: Any) -> _Opened:
    """Return a session that adds no headers to requests and keeps no cookies of responses."""
    transports: WeakSet[asyncio.Transport] = WeakSet()

    class Response(aiohttp.ClientResponse):
        async def start(self, connection: Connection) -> aiohttp.ClientResponse:
            with suppress(TypeError):  # other event loops than asyncio's may have transports without weak references
                transports.add(cast("asyncio.Transport", connection.transport))
            return await super().start(connection)

    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        request_class=_BareRequest,
        response_class=Response,
        auto_decompress=False,
        **options,
    )
    session._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - retries are ours
    return _Opened(session, transports)


def _unwanted_headers(request: Request) -> tuple[str, ...] | None:
    """Return headers that aiohttp must not add; None if it adds none: this check is faster than the option."""
    headers = request.headers
    is_complete = "User-Agent" in headers and ("Content-Type" in headers or request.method == "GET")
    return None if is_complete else ("Content-Type", "User-Agent")


class _BareRequest(aiohttp.ClientRequest):
    """A request without the ``Accept`` and ``Accept-Encoding`` headers that aiohttp adds."""

    DEFAULT_HEADERS = {}  # noqa: RUF012 - as the base class has it


@lru_cache(maxsize=256)
def _parse_url(url: str) -> URL:
    parsed = URL(url, encoded=True)  # paths and queries are percent-encoded already
    if not 0 <= (parsed.port or 0) <= _LAST_PORT:
        raise ValueError
    return parsed


@lru_cache(maxsize=16)
def _limits(limits: Timeout) -> aiohttp.ClientTimeout:
    total, read = limits.total, limits.read
    if total is not None and read is not None and total <= read:
        read = None  # the whole exchange ends before, and a timer of aiohttp takes up to 40 microseconds
    return aiohttp.ClientTimeout(
        total=None, connect=total, sock_connect=limits.connect, sock_read=read, ceil_threshold=math.inf
    )


def _hide_request(error: aiohttp.ClientResponseError) -> None:
    """Remove the request from an exception: its repr shows all headers, with the credentials."""
    info = error.request_info
    shown = aiohttp.RequestInfo(info.url, info.method, CIMultiDictProxy(CIMultiDict[str]()), info.real_url)
    error.request_info = shown
    error.args = (shown, error.history)
