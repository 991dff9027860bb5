"""Asynchronous backend over aiohttp, for asyncio.

Options are set on the session once, and a request omits default options: each of them may cost as much time as the rest
of this adapter. A session given by the user lends its connector to a session of ours, so that its cookies and default
headers stay out of the exchange.
"""

from __future__ import annotations

import asyncio
import math
import sys
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from smsgate._backends.concurrency import acquire_slot
from smsgate._backends.connection import KEEPALIVE_SECONDS, Cert, ConnectionOptions, add_proxy
from smsgate._backends.decoding import adecode, decode_headers
from smsgate._backends.resources import LoopResource, asyncio_loop, foreign_client
from smsgate._backends.streaming import aread_response
from smsgate._backends.tls import ContextLoader
from smsgate._backends.transport_errors import (
    broken_exchange,
    connect_timeout,
    connection_failed,
    exchange_timeout,
    has_invalid_headers,
    invalid_request,
    reason_of,
    safe_cause,
)
from smsgate._http import AsyncClosedOnExit, AsyncStreamedResponse, Headers
from smsgate.errors import ConfigurationError, TransportError

if sys.version_info >= (3, 11):
    from asyncio import timeout
else:
    # a dependency of aiohttp on Python 3.10
    from async_timeout import timeout  # type: ignore[import-not-found,unused-ignore] # pyright: ignore[reportMissingImports]

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

    from smsgate._http import Request, Response, Timeout, Verify
    from smsgate.errors import SMSGateError

_LIBRARY_ERRORS = (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError, RuntimeError)
"""RuntimeError comes from a session that is closed, before the exchange or during it."""
_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)
_CLOSED = "the aiohttp session that you gave is closed"
_NOT_WRITTEN = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)
_QUOTING_ERRORS = (
    aiohttp.ClientPayloadError,
    aiohttp.ClientResponseError,
    aiohttp.NonHttpUrlClientError,
    aiohttp.ServerDisconnectedError,
    HttpProcessingError,
    ValueError,
)
_ADDED_HEADERS = ("Content-Type", "User-Agent")
_LAST_PORT = 65_535
_GRACE = 0.01
"""Seconds by which the total limit is longer: a connect limit of the same length must expire first."""


class AiohttpAsyncHttpClient(AsyncClosedOnExit):
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

    def __init__(
        self,
        session: aiohttp.ClientSession | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
        max_connections: int = 100,
        trust_env: bool = True,
    ) -> None:
        if session is not None and not isinstance(session, aiohttp.ClientSession):
            raise ConfigurationError("this backend takes an aiohttp.ClientSession")
        self._given = session
        self._options = ConnectionOptions(
            session, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )
        if session is not None and session.trust_env and getattr(session, "_default_proxy", None) is None:
            self._options.trust_env = True  # this adapter reads the proxy variables: aiohttp would read .netrc too
        self._slots = None if session is None else asyncio.Semaphore(max_connections)  # our connector has this limit
        self._opened: LoopResource[_Opened] = LoopResource(
            self._open, _Opened.aclose, loop=asyncio_loop, given=session is not None
        )

    async def send(self, request: Request) -> Response:
        """Send one request and return the response with its whole body."""
        asyncio_loop()  # the timeout below fails under trio with an error of its own
        total = request.timeout.total
        sent: bool | None = None
        try:
            # aiohttp's own total limit may swallow a cancellation from outside that comes right after it
            async with (
                timeout(None if total is None else total + _GRACE),
                self._exchange(request, _send_timeout(request.timeout)) as response,
            ):
                sent = True
                return await aread_response(response, request.max_size)
        except asyncio.TimeoutError as error:
            raise add_proxy(exchange_timeout(sent=sent), self._options.proxy_for(request.url)) from error

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncStreamedResponse]:
        """Send one request; the body of the response arrives in chunks."""
        return self._exchange(request, _stream_timeout(request.timeout))

    @asynccontextmanager
    async def _exchange(
        self, request: Request, limits: aiohttp.ClientTimeout
    ) -> AsyncGenerator[AsyncStreamedResponse, None]:
        slots = self._slots
        if slots is not None:
            await acquire_slot(slots, request.timeout.total)
        try:
            response = await self._begin(request, limits)
            try:
                headers = _headers(response)
                async with aclosing(adecode(_chunks(response), headers)) as chunks:
                    yield AsyncStreamedResponse(response.status, headers, chunks)
            finally:
                response.close()  # leaves a connection alone whose response was read to its end
        finally:
            if slots is not None:
                slots.release()

    async def aclose(self) -> None:
        """Close the connections that this object opened; a later `send` opens new ones."""
        await self._opened.aclose()

    async def _begin(self, request: Request, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """Send a request and return the response with its headers."""
        proxy = self._options.proxy_for(request.url)
        opened = await self._opened.get()
        await opened.contexts.load(request.url, request.timeout.total)
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
                timeout=limits,
                allow_redirects=False,
                ssl=self._options.ssl_context() if secure and self._given is None else True,
                proxy=proxy,
            )
        except _LIBRARY_ERRORS as error:
            failure = _translate_early(error, request, opened.session)
            if isinstance(failure, TransportError):
                add_proxy(failure, proxy)
            raise failure from safe_cause(error, _QUOTING_ERRORS)

    def _open(self) -> _Opened:
        return _Opened(self._make(), ContextLoader(self._options))

    def _make(self) -> aiohttp.ClientSession:
        given = self._given
        if given is None:
            limit = self._options.max_connections
            return _bare_session(aiohttp.TCPConnector(limit=limit, keepalive_timeout=KEEPALIVE_SECONDS))
        if given.closed:
            raise ConfigurationError(_CLOSED)
        names = ("proxy", "proxy_auth")
        proxy = {name: value for name in names if (value := getattr(given, f"_default_{name}", None)) is not None}
        try:
            return _bare_session(given.connector, connector_owner=False, trace_configs=given.trace_configs, **proxy)
        except RuntimeError as error:
            raise foreign_client() from error


class _Opened:
    """A session and the loader of its TLS context."""

    __slots__ = ("contexts", "session")

    def __init__(self, session: aiohttp.ClientSession, contexts: ContextLoader) -> None:
        self.session = session
        self.contexts = contexts

    async def aclose(self) -> None:
        await self.session.close()


def _bare_session(connector: aiohttp.BaseConnector | None, **options: Any) -> aiohttp.ClientSession:
    """Return a session that adds no headers to requests and keeps no cookies of responses."""
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        request_class=_BareRequest,
        auto_decompress=False,
        **options,
    )
    session._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - retries are ours
    return session


class _BareRequest(aiohttp.ClientRequest):
    """A request without the ``Accept`` and ``Accept-Encoding`` headers that aiohttp adds."""

    DEFAULT_HEADERS = {}  # noqa: RUF012 - as the base class has it


def _unwanted_headers(request: Request) -> tuple[str, ...] | None:
    """Return headers that aiohttp must not add; None if it adds none: this check is faster than the option."""
    headers = request.headers
    complete = "User-Agent" in headers and ("Content-Type" in headers or request.method == "GET")
    return None if complete else _ADDED_HEADERS


@lru_cache(maxsize=256)
def _parse_url(url: str) -> URL:
    parsed = URL(url, encoded=True)  # paths and queries are percent-encoded already
    if not 0 <= (parsed.port or 0) <= _LAST_PORT:
        raise ValueError
    return parsed


@lru_cache(maxsize=16)
def _send_timeout(limits: Timeout) -> aiohttp.ClientTimeout:
    total, read = limits.total, limits.read
    if total is not None and read is not None and total <= read:
        read = None  # the whole exchange ends before, and a timer of aiohttp takes up to 40 microseconds
    return aiohttp.ClientTimeout(
        total=None, connect=total, sock_connect=limits.connect, sock_read=read, ceil_threshold=math.inf
    )


@lru_cache(maxsize=16)
def _stream_timeout(limits: Timeout) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=limits.total, sock_connect=limits.connect, sock_read=limits.read)


def _headers(response: aiohttp.ClientResponse) -> Headers:
    raw: Any = response.raw_headers
    if raw is None:  # from VCR before version 9, which is the newest for Python 3.10
        return Headers(list(response.headers.items()))
    return Headers(partial(decode_headers, raw))


async def _chunks(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    try:
        while chunk := await response.content.readany():
            yield chunk
    except _LIBRARY_ERRORS as error:
        raise _translate(error, sent=True) from safe_cause(error, _QUOTING_ERRORS)


def _translate_early(error: Exception, request: Request, session: aiohttp.ClientSession) -> SMSGateError:
    """Translate an exception that came before the response."""
    if isinstance(error, RuntimeError):
        if session.closed:
            return ConfigurationError(_CLOSED)
        raise error
    if isinstance(error, ValueError) and has_invalid_headers(request.headers):
        return invalid_request()
    return _translate(error, sent=None)


def _translate(error: Exception, *, sent: bool | None) -> TransportError:
    """Translate an exception of aiohttp into ours."""
    if isinstance(error, aiohttp.ClientResponseError):
        _hide_request(error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return connect_timeout()
    if isinstance(error, asyncio.TimeoutError | TimeoutError):
        return exchange_timeout(sent=sent)
    if isinstance(error, _NOT_CONNECTED):
        return connection_failed(reason_of(error))
    if isinstance(error, _NOT_WRITTEN) and sent is None:
        return invalid_request()
    return broken_exchange(reason_of(error), sent=sent)


def _hide_request(error: aiohttp.ClientResponseError) -> None:
    """Remove the request from an exception: its repr shows all headers, with the credentials."""
    info = error.request_info
    shown = aiohttp.RequestInfo(info.url, info.method, CIMultiDictProxy(CIMultiDict[str]()), info.real_url)
    error.request_info = shown
    error.args = (shown, error.history)
