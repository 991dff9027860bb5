"""The httpx backend, synchronous and asynchronous.

Requests go to httpx's transports directly: `httpx.Client` would spend more time on merging headers and URLs than on the
exchange. A client given by the user is used through its public ``send``, with redirects and authentication off.
"""

from __future__ import annotations

import threading
import time
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import anyio
import httpx

from smsgate._backends.httpx_pool import TransportPool
from smsgate._backends.lifetime import current_loop, current_process
from smsgate.ahttp import AsyncStreamedResponse
from smsgate.errors import ConfigurationError, ConnectError, RequestTimeoutError, TransportError
from smsgate.http import Headers, Request, Response, StreamedResponse, Timeout

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator

__all__ = ["HttpxAsyncHttpClient", "HttpxHttpClient"]

_KEEPALIVE_SECONDS = 30.0


class HttpxHttpClient:
    """Synchronous backend over httpx.

    Args:
        client: an `httpx.Client` of yours to use; it stays yours to close, and its own options apply.
        verify: True, False, the path of a CA file, or an ssl context.
        proxy: URL of a proxy for all requests.
        max_connections: connections kept open at most.
        trust_env: whether proxy variables of the environment count.

    Raises:
        ConfigurationError: for options that cannot be used, or options beside a client.
    """

    def __init__(
        self,
        client: httpx.Client | None = None,
        *,
        verify: bool | str | ssl.SSLContext = True,
        proxy: str | None = None,
        max_connections: int = 100,
        trust_env: bool = False,
    ) -> None:
        _check_options(client, httpx.Client, verify=verify, proxy=proxy)
        self._given = client
        self._verify = verify
        self._proxy = proxy
        self._limits = _limits(max_connections)
        self._trust_env = trust_env
        self._lock = threading.Lock()
        self._process = current_process()
        self._opened: Callable[[httpx.Request], httpx.Response] | None = None
        self._close: Callable[[], None] | None = None

    def send(self, request: Request) -> Response:
        """Exchange one request for its whole answer."""
        with self._exchange(request) as (answer, chunks):
            content = b"".join(chunks)
            return Response(answer.status_code, _headers(answer), content)

    @contextmanager
    def stream(self, request: Request) -> Generator[StreamedResponse]:
        """Exchange one request for an answer whose body arrives in chunks."""
        with self._exchange(request) as (answer, chunks):
            yield StreamedResponse(answer.status_code, _headers(answer), chunks)

    def close(self) -> None:
        """Close the connections this object opened; a later `send` opens it again."""
        with self._lock:
            close, self._close, self._opened = self._close, None, None
        if close is not None and self._process == current_process():
            close()

    @contextmanager
    def _exchange(self, request: Request) -> Generator[tuple[httpx.Response, Iterator[bytes]]]:
        deadline = None if request.timeout.total is None else time.monotonic() + request.timeout.total
        outgoing = _outgoing(request)
        with _errors():
            answer = self._handler()(outgoing)
        try:
            yield answer, _bounded(answer, deadline)
        finally:
            answer.close()

    def _handler(self) -> Callable[[httpx.Request], httpx.Response]:
        if self._opened is not None and self._process == current_process():
            return self._opened
        if self._process != current_process():  # forked: the parent's lock and connections are not ours
            self._lock, self._opened, self._close, self._process = threading.Lock(), None, None, current_process()
        with self._lock:
            if self._opened is None:
                self._opened, self._close = self._open()
            return self._opened

    def _open(self) -> tuple[Callable[[httpx.Request], httpx.Response], Callable[[], None] | None]:
        if self._given is not None:
            return _through(self._given), None
        if self._trust_env:
            client = httpx.Client(verify=self._verify, proxy=self._proxy, limits=self._limits, follow_redirects=False)
            return _through(client), client.close
        transport = httpx.HTTPTransport(
            verify=self._verify, proxy=self._proxy, limits=self._limits, trust_env=False, retries=0
        )
        return transport.handle_request, transport.close


class HttpxAsyncHttpClient:
    """Asynchronous backend over httpx, under asyncio and trio.

    Args:
        client: an `httpx.AsyncClient` of yours to use; it stays yours to close, and its own options apply.
        verify: True, False, the path of a CA file, or an ssl context.
        proxy: URL of a proxy for all requests.
        max_connections: exchanges under way at most; further ones wait.
        trust_env: whether proxy variables of the environment count.

    Raises:
        ConfigurationError: for options that cannot be used, options beside a client, or a given client that is used
            under a second event loop.
    """

    def __init__(
        self,
        client: httpx.AsyncClient | None = None,
        *,
        verify: bool | str | ssl.SSLContext = True,
        proxy: str | None = None,
        max_connections: int = 100,
        trust_env: bool = False,
    ) -> None:
        _check_options(client, httpx.AsyncClient, verify=verify, proxy=proxy)
        self._given = client
        self._verify = verify
        self._proxy = proxy
        self._max_connections = max_connections
        self._trust_env = trust_env
        self._owner: tuple[int, object] | None = None
        self._pool: TransportPool | None = None

    async def send(self, request: Request) -> Response:
        """Exchange one request for its whole answer."""
        with _errors(), _total(request.timeout):
            async with self._exchange(request) as answer:
                content = await answer.aread()
                return Response(answer.status_code, _headers(answer), content)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncStreamedResponse]:
        """Exchange one request for an answer whose body arrives in chunks."""
        deadline = None if request.timeout.total is None else time.monotonic() + request.timeout.total
        async with AsyncExitStack() as stack:
            with _errors(), _total(request.timeout):
                answer = await stack.enter_async_context(self._exchange(request))
            yield AsyncStreamedResponse(answer.status_code, _headers(answer), _abounded(answer, deadline))

    async def aclose(self) -> None:
        """Close the connections this object opened; a later `send` opens it again."""
        pool, self._pool = self._pool, None
        if pool is not None and self._owner == (current_process(), current_loop()):
            await pool.aclose()

    @asynccontextmanager
    async def _exchange(self, request: Request) -> AsyncGenerator[httpx.Response]:
        outgoing = _outgoing(request)
        pool = self._current_pool()
        if pool is None:
            client = cast("httpx.AsyncClient", self._given)
            answer = await client.send(outgoing, stream=True, auth=None, follow_redirects=False)
            try:
                yield answer
            finally:
                with anyio.CancelScope(shield=True):
                    await answer.aclose()
            return
        async with pool.exchange(outgoing) as answer:
            yield answer

    def _current_pool(self) -> TransportPool | None:
        owner = (current_process(), current_loop())
        if self._owner != owner:
            if self._given is not None and self._owner is not None:
                raise ConfigurationError("a client of yours belongs to the event loop and process of its first use")
            self._owner, self._pool = owner, None
        if self._given is None and self._pool is None:
            self._pool = TransportPool(self._make_transport(), self._max_connections, _KEEPALIVE_SECONDS)
        return self._pool

    def _make_transport(self) -> Callable[[], httpx.AsyncBaseTransport]:
        limits = _limits(1)
        if self._trust_env:
            verify, proxy = self._verify, self._proxy
            return lambda: _ClientTransport(httpx.AsyncClient(verify=verify, proxy=proxy, limits=limits))
        context = self._verify if not isinstance(self._verify, bool | str) else _ssl_context(self._verify)
        return lambda: httpx.AsyncHTTPTransport(verify=context, proxy=self._proxy, limits=limits, trust_env=False)


class _ClientTransport(httpx.AsyncBaseTransport):
    """An `httpx.AsyncClient` seen as a transport: it reads proxy variables, redirects and authentication stay off."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._client.send(request, stream=True, auth=None, follow_redirects=False)

    async def aclose(self) -> None:
        await self._client.aclose()


def _limits(connections: int) -> httpx.Limits:
    return httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEEPALIVE_SECONDS
    )


def _ssl_context(verify: bool | str) -> ssl.SSLContext:  # noqa: FBT001 - httpx's own form of the option
    import ssl as ssl_module  # noqa: PLC0415 - only needed when a CA file is named

    if isinstance(verify, str):
        return ssl_module.create_default_context(cafile=verify)
    return httpx.create_ssl_context(verify=verify, trust_env=False)


def _check_options(client: object, kind: type, *, verify: bool | str | ssl.SSLContext, proxy: str | None) -> None:
    if client is None:
        return
    if not isinstance(client, kind):
        raise ConfigurationError(f"this backend takes an httpx.{kind.__name__}")
    if verify is not True or proxy is not None:
        raise ConfigurationError("set verify and proxy on your own httpx client")


def _through(client: httpx.Client) -> Callable[[httpx.Request], httpx.Response]:
    def send(request: httpx.Request) -> httpx.Response:
        return client.send(request, stream=True, auth=None, follow_redirects=False)

    return send


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


def _outgoing(request: Request) -> httpx.Request:
    """Build the httpx request by hand: a tenth of the time of `httpx.Client.build_request`."""
    with _errors():
        url = _parsed(request.url)
    headers = [(b"Host", url.netloc), *((k.encode("ascii"), v.encode("latin-1")) for k, v in request.headers.items())]
    if request.content is not None:
        headers.append((b"Content-Length", str(len(request.content)).encode("ascii")))
    elif request.method in {"POST", "PUT", "PATCH"}:
        headers.append((b"Content-Length", b"0"))
    limits = request.timeout
    connect = _smaller(limits.connect, limits.total)
    read = _smaller(limits.read, limits.total)
    timeout = {"connect": connect, "read": read, "write": read, "pool": limits.total}
    stream = httpx.ByteStream(request.content or b"")
    return httpx.Request(request.method, url, headers=headers, stream=stream, extensions={"timeout": timeout})


def _smaller(first: float | None, second: float | None) -> float | None:
    return first if second is None else second if first is None else min(first, second)


def _headers(answer: httpx.Response) -> Headers:
    return Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw)


def _bounded(answer: httpx.Response, deadline: float | None) -> Iterator[bytes]:
    with _errors(answering=True):
        for chunk in answer.iter_bytes():
            if deadline is not None and time.monotonic() > deadline:
                raise RequestTimeoutError("the answer took longer than the total time allowed", sent=True)
            yield chunk


async def _abounded(answer: httpx.Response, deadline: float | None) -> AsyncIterator[bytes]:
    chunks = answer.aiter_bytes()
    while True:
        remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
        with _errors(answering=True), _total(Timeout(total=remaining)):
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
        yield chunk


@contextmanager
def _total(timeout: Timeout) -> Iterator[None]:
    try:
        with anyio.fail_after(timeout.total):
            yield
    except TimeoutError as error:
        raise RequestTimeoutError("the exchange took longer than the total time allowed") from error


@contextmanager
def _errors(*, answering: bool = False) -> Iterator[None]:
    """Turn httpx's exceptions into ours; their texts hold no headers and no bodies."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise RequestTimeoutError("no connection within the time allowed", sent=False) from error
    except httpx.PoolTimeout as error:
        raise RequestTimeoutError("no free connection within the time allowed", sent=False) from error
    except httpx.TimeoutException as error:
        raise RequestTimeoutError("no answer within the time allowed", sent=answering or None) from error
    except (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise ConnectError(f"no connection: {_reason(error)}") from error
    except httpx.LocalProtocolError as error:
        raise TransportError("the request cannot be written as HTTP", sent=False) from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise TransportError(f"the exchange broke off: {_reason(error)}", sent=answering or None) from error


def _reason(error: Exception) -> Any:
    return str(error) or type(error).__name__
