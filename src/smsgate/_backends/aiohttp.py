"""The aiohttp backend, for asyncio.

What can be is set on the session once, and a request is told nothing that goes without saying: each such thing may cost
as much as our whole share. So do timers: `send` limits the whole exchange by a deadline of ours; `stream`, whose time
includes what its user does meanwhile, leaves that to aiohttp. A session given by the user lends its connector to a
session of ours, so that its cookies and default headers stay out of the exchange.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from smsgate._backends.concurrency import take_turn
from smsgate._backends.connection import KEEPALIVE_SECONDS, Cert, Connecting
from smsgate._backends.deadlines import Deadline, Deadlines
from smsgate._backends.decoding import SMALL_BODY, acollect, adecoded, decoded_headers
from smsgate._backends.resources import FOREIGN, LoopBound, asyncio_loop
from smsgate._backends.tls import ContextLoader
from smsgate._backends.transport_errors import (
    broken,
    cause,
    connect_timed_out,
    not_http,
    reason,
    refused,
    timed_out,
    unwritable,
)
from smsgate._http import AsyncClosedOnExit, AsyncStreamedResponse, Headers, Response, Timeout
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from smsgate._http import Request, Verify
    from smsgate.errors import SMSGateError, TransportError

__all__ = ["AiohttpAsyncHttpClient"]

_FAILURES = (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError, RuntimeError)
"""RuntimeError: the session is closed, before an exchange or meanwhile."""
_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)
_CLOSED = "the aiohttp session that you gave is closed"
_NOT_WRITTEN = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)
_QUOTING = (
    aiohttp.ClientPayloadError,
    aiohttp.ClientResponseError,
    aiohttp.NonHttpUrlClientError,
    aiohttp.ServerDisconnectedError,
    HttpProcessingError,
    ValueError,
)
_ADDED_HEADERS = ("Content-Type", "User-Agent")


class AiohttpAsyncHttpClient(AsyncClosedOnExit):
    """Asynchronous backend over aiohttp, for asyncio.

    Args:
        session: an `aiohttp.ClientSession` of yours to use; it stays yours to close. Its connector, proxy,
            ``trust_env`` and tracing apply; its headers, cookies, authentication and middlewares do not.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: exchanges under way at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment count.

    Raises:
        ConfigurationError: for options that cannot be used, options beside a session, use under trio, or a given
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
        self._options = Connecting(
            session, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )
        if session is not None and session.trust_env and getattr(session, "_default_proxy", None) is None:
            self._options.trust_env = True  # read here: aiohttp would read .netrc too
        self._gate = None if session is None else asyncio.Semaphore(max_connections)  # ours has it in its connector
        self._opened: LoopBound[_Opened] = LoopBound(
            self._open, _Opened.aclose, loop=asyncio_loop, given=session is not None
        )

    async def send(self, request: Request) -> Response:
        """Exchange one request for its whole answer."""
        gate = self._gate
        if gate is not None:
            await take_turn(gate, request.timeout.total)
        try:
            opened = self._opened.current() or await self._opened.get()
            route = self._options.route(request.url)
            with route, Deadline(opened.deadlines, request.timeout.total) as deadline:
                await opened.contexts.load(request.url)
                asked = self._begin(request, route.proxy, opened.session, _until_answered(request.timeout))
                try:
                    answer = await asked
                except _FAILURES as error:
                    raise _unanswered(error, request, opened.session) from cause(error, _QUOTING)
                deadline.sent = True
                try:
                    if answer.content.is_eof() and not _is_coded(answer):  # it came together with the headers
                        content = answer.content.read_nowait()
                    else:
                        content = await _content(answer)
                except _FAILURES as error:
                    answer.close()
                    raise _translated(error, sent=True) from cause(error, _QUOTING)
                except BaseException:
                    answer.close()
                    raise
                return Response(answer.status, _headers(answer), content)
        finally:
            if gate is not None:
                gate.release()

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncStreamedResponse, None]:
        """Exchange one request for an answer whose body arrives in chunks."""
        gate = self._gate
        if gate is not None:
            await take_turn(gate, request.timeout.total)
        try:
            opened = await self._opened.get()
            route = self._options.route(request.url)
            with route:
                with Deadline(opened.deadlines, request.timeout.total):
                    await opened.contexts.load(request.url)
                asked = self._begin(request, route.proxy, opened.session, _limits(request.timeout))
                try:
                    answer = await asked
                except _FAILURES as error:
                    raise _unanswered(error, request, opened.session) from cause(error, _QUOTING)
            try:
                headers = _headers(answer)
                async with aclosing(adecoded(_chunks(answer), headers)) as chunks:
                    yield AsyncStreamedResponse(answer.status, headers, chunks)
            finally:
                answer.close()  # does nothing to a connection whose answer was read to its end
        finally:
            if gate is not None:
                gate.release()

    async def aclose(self) -> None:
        """Close the connections this object opened; a later `send` opens it again."""
        await self._opened.aclose()

    def _begin(
        self, request: Request, proxy: str | None, session: aiohttp.ClientSession, limits: aiohttp.ClientTimeout
    ) -> Awaitable[aiohttp.ClientResponse]:
        """Write a request; the answer is still to be awaited."""
        url = request.url
        secure = url.startswith("https") or (proxy is not None and proxy.startswith("https"))
        try:
            parsed = _parsed(url)
        except ValueError:
            raise not_http() from None
        return session.request(
            request.method,
            parsed,
            data=request.content,
            headers=request.headers,
            skip_auto_headers=_unwanted(request),
            timeout=limits,
            allow_redirects=False,
            ssl=self._options.ssl_context() if secure and self._given is None else True,
            proxy=proxy,
        )

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
            raise ConfigurationError(FOREIGN) from error


class _Opened:
    """What was opened: a session, its TLS context, and the deadlines of its exchanges."""

    __slots__ = ("contexts", "deadlines", "session")

    def __init__(self, session: aiohttp.ClientSession, contexts: ContextLoader) -> None:
        self.session = session
        self.contexts = contexts
        self.deadlines = Deadlines()

    async def aclose(self) -> None:
        await self.session.close()


def _bare_session(connector: aiohttp.BaseConnector | None, **options: Any) -> aiohttp.ClientSession:
    """Make a session that adds nothing to requests and keeps nothing of answers."""
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        request_class=_BareRequest,
        auto_decompress=False,
        **options,
    )
    session._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - one call, one exchange
    return session


class _BareRequest(aiohttp.ClientRequest):
    """A request without ``Accept`` and ``Accept-Encoding`` of aiohttp's."""

    DEFAULT_HEADERS = {}  # noqa: RUF012 - as the base class has it


def _unwanted(request: Request) -> tuple[str, ...] | None:
    """Return headers that aiohttp shall not add; None where it would not: to look is faster than to tell it."""
    headers = request.headers
    complete = "User-Agent" in headers and ("Content-Type" in headers or request.method == "GET")
    return None if complete else _ADDED_HEADERS


@lru_cache(maxsize=256)
def _parsed(url: str) -> URL:
    parsed = URL(url, encoded=True)
    if not 0 <= (parsed.port or 0) < 65536:  # noqa: PLR2004 - the ports that there are
        raise ValueError
    return parsed  # our paths and queries are escaped already, byte for byte


@lru_cache(maxsize=16)
def _limits(timeout: Timeout) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=timeout.total, sock_connect=timeout.connect, sock_read=timeout.read)


@lru_cache(maxsize=16)
def _until_answered(timeout: Timeout) -> aiohttp.ClientTimeout:
    """Return the limits of an exchange that has a deadline of ours: each timer of aiohttp's takes as long as we do."""
    total, read = timeout.total, timeout.read
    if total is not None and read is not None and total <= read:
        read = None  # the whole exchange ends before
    return aiohttp.ClientTimeout(
        total=None, connect=total, sock_connect=timeout.connect, sock_read=read, ceil_threshold=math.inf
    )


def _headers(answer: aiohttp.ClientResponse) -> Headers:
    raw: Any = answer.raw_headers
    if raw is None:  # from VCR before version 9, which is the newest for Python 3.10
        return Headers(list(answer.headers.items()))
    return Headers(partial(decoded_headers, raw))


def _is_coded(answer: aiohttp.ClientResponse) -> bool:
    return "Content-Encoding" in answer.headers


async def _content(answer: aiohttp.ClientResponse) -> bytes:
    """Read a body to its end; one that is small and plain, as nearly all are, without the machinery for others."""
    size = answer.content_length
    if size is not None and size <= SMALL_BODY and not _is_coded(answer):
        stream = answer.content
        begun = await stream.readany()
        return begun if stream.at_eof() else begun + await stream.read()
    return await acollect(_chunks(answer), _headers(answer))


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    try:
        while chunk := await answer.content.readany():
            yield chunk
    except _FAILURES as error:
        raise _translated(error, sent=True) from cause(error, _QUOTING)


def _unanswered(error: Exception, request: Request, session: aiohttp.ClientSession) -> SMSGateError:
    """Return the error of ours for one that came before an answer."""
    if isinstance(error, RuntimeError):
        if session.closed:
            return ConfigurationError(_CLOSED)
        raise error
    if isinstance(error, ValueError) and unwritable(request.headers):
        return not_http()
    return _translated(error, sent=None)


def _translated(error: Exception, *, sent: bool | None) -> TransportError:
    """Return the error of ours for one of aiohttp's."""
    if isinstance(error, aiohttp.ClientResponseError):
        _hide_request(error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return connect_timed_out()
    if isinstance(error, asyncio.TimeoutError | TimeoutError):
        return timed_out(sent=sent)
    if isinstance(error, _NOT_CONNECTED):
        return refused(reason(error))
    if isinstance(error, _NOT_WRITTEN) and sent is None:
        return not_http()
    return broken(reason(error), sent=sent)


def _hide_request(error: aiohttp.ClientResponseError) -> None:
    """Take the request out of an error: its repr shows all headers, the credentials among them."""
    asked = error.request_info
    shown = aiohttp.RequestInfo(asked.url, asked.method, CIMultiDictProxy(CIMultiDict[str]()), asked.real_url)
    error.request_info = shown
    error.args = (shown, error.history)
