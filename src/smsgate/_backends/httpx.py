"""Backends over httpx, for asyncio and trio too.

Every request goes through the ``send`` of httpx's client, with redirects and authentication off, so that tracers which
patch it see the request; mocks that patch httpx's transports see it, too. Requests are built by hand, because
``Client.build_request`` takes longer than the exchange.
"""

from __future__ import annotations

import threading
import time
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

import anyio
import httpcore  # noqa: F401  # pyright: ignore[reportUnusedImport] - httpx imports it late, when others may fork
import httpx

from smsgate._backends.adapters import AsyncAdapter, SyncAdapter
from smsgate._backends.body_deadline import shut_down
from smsgate._backends.connection import KEEPALIVE_SECONDS
from smsgate._backends.httpx_async import AsyncClient, ClientPool, Exchange, Handshake, close_client
from smsgate._backends.httpx_common import (
    HttpxAdapter,
    NoCookies,
    build_request,
    check_open,
    has_surplus,
    head,
    transport_options,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable

    from smsgate._http import Headers, Request

_Clients: TypeAlias = "dict[tuple[bool, str | None], httpx.Client]"


class HttpxHttpClient(HttpxAdapter[httpx.Client], SyncAdapter[httpx.Client, _Clients]):
    """Synchronous backend over httpx.

    Args:
        client: an `httpx.Client` that you opened and close yourself, and its own options apply.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: concurrent exchanges at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment are used.

    Raises:
        ConfigurationError: for invalid options, or options together with a client.
    """

    client_class: ClassVar[type[Any]] = httpx.Client

    def _open(self) -> _Clients:
        return {}

    def _close(self, opened: _Clients) -> None:
        for client in opened.values():
            client.close()

    def _abandon(self, opened: _Clients) -> None:
        opened.clear()

    def _begin(self, request: Request, opened: _Clients, proxy: str | None, *, whole: bool) -> httpx.Response:
        sending = build_request(request)
        limits, begun = sending.extensions["timeout"], time.monotonic()
        client = self._client
        if client is not None:
            check_open(client)
        else:
            key = (sending.url.scheme == "https", proxy)
            client = opened.get(key) or opened.setdefault(key, self._open_client(*key))
        response = client.send(sending, stream=True, auth=None, follow_redirects=False)
        if limits["pool"] is not None:  # httpcore reads the read limit again before the body
            limits["read"] = min(limits["read"], max(0.001, limits["pool"] - (time.monotonic() - begun)))
        return response

    def _open_client(self, secure: bool, proxy: str | None) -> httpx.Client:  # noqa: FBT001 - half of a key
        options = transport_options(self._options, secure=secure, proxy=proxy)
        transport = httpx.HTTPTransport(**options)
        _make_interruptible(transport)
        return _Client(transport=transport, trust_env=False)

    def _body(self, raw: httpx.Response, request: Request, deadline: float | None) -> Generator[bytes, None, None]:
        if raw.is_stream_consumed:  # by a mock, which has decompressed it
            return (content for content in (raw.content,))
        return super()._body(raw, request, deadline)

    def _chunks(self, raw: httpx.Response, request: Request, deadline: float | None) -> Iterable[bytes]:
        return cast("httpx.SyncByteStream", raw.stream)  # ``iter_raw`` takes several times as long

    def _find_shutdown(self, raw: httpx.Response) -> Callable[[], object] | None:
        stream = raw.extensions.get("network_stream")
        sock = None if stream is None else stream.get_extra_info("socket")
        return None if sock is None else partial(shut_down, sock)

    def _head(self, raw: httpx.Response) -> tuple[int, Headers]:
        return head(raw)

    def _end(self, raw: httpx.Response) -> None:
        stream = raw.extensions.get("network_stream")
        if stream is not None and has_surplus(raw):
            stream.close()
        raw.close()


def _make_interruptible(transport: httpx.HTTPTransport) -> None:
    """Give httpcore's pool a lock that Ctrl-C cannot leave locked.

    Its own is an object of Python code: an interrupt after it was acquired, and before the block that it guards, leaves
    it locked, and whatever comes next, be it the end of the client, waits for it without a limit.
    """
    pool: Any = getattr(transport, "_pool", None)
    if hasattr(pool, "_optional_thread_lock"):
        pool._optional_thread_lock = threading.Lock()  # noqa: SLF001 - there is no other way in


class _Client(httpx.Client):
    """Client that keeps no cookies."""

    cookies = NoCookies()  # type: ignore[override] # pyright: ignore[reportAssignmentType] - it is never set


class HttpxAsyncHttpClient(HttpxAdapter[httpx.AsyncClient], AsyncAdapter[httpx.AsyncClient, ClientPool]):
    """Asynchronous backend over httpx, under asyncio and trio.

    Args:
        client: an `httpx.AsyncClient` that you opened and close yourself, and its own options apply.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: concurrent exchanges at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment are used.

    Raises:
        ConfigurationError: for invalid options, options together with a client, or a given client that is used
            under a second event loop.
    """

    client_class: ClassVar[type[Any]] = httpx.AsyncClient

    def _open(self) -> ClientPool:
        return ClientPool(KEEPALIVE_SECONDS)

    async def _close(self, opened: ClientPool) -> None:
        await opened.aclose()

    @asynccontextmanager
    async def _limit(self, seconds: float | None) -> AsyncGenerator[None, None]:
        with anyio.fail_after(seconds):
            yield

    async def _begin(self, request: Request, opened: ClientPool, proxy: str | None, *, whole: bool) -> Exchange:
        sending = build_request(request)
        kind = (sending.url.scheme == "https", proxy)
        handshake = Handshake()
        if kind[0]:  # a client from the pool may have to connect again
            sending.extensions["trace"] = handshake.trace
        client = self._client or opened.take(kind) or self._open_client(*kind)
        if self._client is not None:
            check_open(client)
        try:
            response = await client.send(sending, stream=True, auth=None, follow_redirects=False)
        except BaseException:
            await handshake.end()
            if self._client is None:
                await close_client(client)
            raise
        return Exchange(opened, kind, client, response)

    def _open_client(self, secure: bool, proxy: str | None) -> httpx.AsyncClient:  # noqa: FBT001 - half of a kind
        options = transport_options(self._options, secure=secure, proxy=proxy, single=True)
        return AsyncClient(transport=httpx.AsyncHTTPTransport(**options), trust_env=False)

    def _head(self, raw: Exchange) -> tuple[int, Headers]:
        return head(raw.response)

    async def _read(self, raw: Exchange) -> bytes | None:
        chunk = await anext(raw.chunks, None)
        raw.is_read = chunk is None
        return chunk

    async def _end(self, raw: Exchange) -> None:
        response, client = raw.response, raw.client
        with anyio.CancelScope(shield=True):
            await response.aclose()
            with suppress(*self.library_errors):  # trio warns of generators that are left to the garbage collector
                async for _ in raw.chunks:  # ends at once
                    pass
            if self._client is None:
                # a cancellation while httpcore gives a connection back can block its pool for good
                if not raw.is_read or has_surplus(response):
                    await client.aclose()
                await raw.pool.give_back(raw.kind, client)
