"""The asynchronous httpx backend, under asyncio and trio."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, cast

import anyio
import httpcore  # noqa: F401 # pyright: ignore[reportUnusedImport] - httpx would import it inside the event loop
import httpx

from smsgate._backends.connection import KEEPALIVE_SECONDS, Cert, Connecting
from smsgate._backends.decoding import acollect, adecoded
from smsgate._backends.httpx_common import (
    FAILURES,
    QUOTING,
    NoCookies,
    check_open,
    has_surplus,
    limits,
    new_preparing,
    outgoing,
    proxy_of,
    received_headers,
    translated,
    verification,
)
from smsgate._backends.httpx_pool import ClientPool
from smsgate._backends.resources import LoopBound
from smsgate._backends.tls import ContextLoader
from smsgate._backends.transport_errors import cause, deadline_of, no_turn, timed_out
from smsgate._http import AsyncClosedOnExit, AsyncStreamedResponse, Response
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from smsgate._http import Request, Verify
    from smsgate.errors import TransportError

__all__ = ["HttpxAsyncHttpClient"]


class HttpxAsyncHttpClient(AsyncClosedOnExit):
    """Asynchronous backend over httpx, under asyncio and trio.

    Args:
        client: an `httpx.AsyncClient` of yours to use; it stays yours to close, and its own options apply.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: exchanges under way at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment count.

    Raises:
        ConfigurationError: for options that cannot be used, options beside a client, or a given client that is used
            under a second event loop.
    """

    def __init__(
        self,
        client: httpx.AsyncClient | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
        max_connections: int = 100,
        trust_env: bool = True,
    ) -> None:
        if client is not None and not isinstance(client, httpx.AsyncClient):
            raise ConfigurationError("this backend takes an httpx.AsyncClient")
        self._client = client
        self._preparing = new_preparing()
        self._options = Connecting(
            client, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )
        self._pool: LoopBound[ClientPool] = LoopBound(self._open_pool, ClientPool.aclose, given=client is not None)

    async def send(self, request: Request) -> Response:
        """Exchange one request for its whole answer."""
        progress = _Progress()
        route = self._options.route(request.url)
        try:
            with anyio.fail_after(request.timeout.total):
                async with self._exchange(request, route.proxy, progress) as answer:
                    headers, is_coded = received_headers(answer)
                    if answer.is_stream_consumed:  # a mocked one, whose content is there already
                        return Response(answer.status_code, headers, answer.content)
                    return Response(
                        answer.status_code,
                        headers,
                        await acollect(_chunks(answer, None), headers if is_coded else None),
                    )
        except TimeoutError as error:
            raise route.named(progress.out_of_time()) from error
        except FAILURES as error:
            raise route.named(translated(error, sent=progress.sent)) from cause(error, QUOTING)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncStreamedResponse, None]:
        """Exchange one request for an answer whose body arrives in chunks."""
        deadline = deadline_of(request.timeout)
        progress = _Progress()
        route = self._options.route(request.url)
        async with AsyncExitStack() as stack:
            try:
                with anyio.fail_after(request.timeout.total):
                    answer = await stack.enter_async_context(self._exchange(request, route.proxy, progress))
            except TimeoutError as error:
                raise route.named(progress.out_of_time()) from error
            except FAILURES as error:
                raise route.named(translated(error, sent=None)) from cause(error, QUOTING)
            headers, _ = received_headers(answer)
            if answer.is_stream_consumed:
                yield AsyncStreamedResponse(answer.status_code, headers, answer.aiter_bytes())
                return
            async with aclosing(adecoded(_chunks(answer, deadline), headers)) as chunks:
                yield AsyncStreamedResponse(answer.status_code, headers, chunks)

    async def aclose(self) -> None:
        """Close the connections this object opened; a later `send` opens it again."""
        self._preparing.cache_clear()
        await self._pool.aclose()

    @asynccontextmanager
    async def _exchange(
        self, request: Request, proxy: str | None, progress: _Progress
    ) -> AsyncGenerator[httpx.Response, None]:
        """Open an answer; the connection is kept if the block reads it to its end, and closed otherwise."""
        pool = await self._pool.get()
        sending = outgoing(request, self._preparing)
        client = self._client
        async with AsyncExitStack() as stack:
            if client is not None:
                await stack.enter_async_context(pool.gate)
                check_open(client)
            else:
                await pool.contexts.load(request.url)
                kind = (sending.url.scheme == "https", proxy)
                client = await stack.enter_async_context(pool.lend(kind, partial(self._open, *kind)))
            progress.sent = None
            answer = await client.send(sending, stream=True, auth=None, follow_redirects=False)
            progress.sent = True
            try:
                yield answer
            finally:
                with anyio.CancelScope(shield=True):
                    await answer.aclose()
                    if self._client is None and has_surplus(answer):
                        await client.aclose()

    def _open_pool(self) -> ClientPool:
        return ClientPool(self._options.max_connections, KEEPALIVE_SECONDS, ContextLoader(self._options))

    def _open(self, secure: bool, proxy: str | None) -> httpx.AsyncClient:  # noqa: FBT001 - half of a key
        transport = httpx.AsyncHTTPTransport(
            verify=verification(self._options, secure=secure, proxy=proxy),
            proxy=proxy_of(self._options, proxy),
            limits=limits(1),
            trust_env=False,
        )
        return _AsyncClient(transport=transport, trust_env=False)


class _AsyncClient(httpx.AsyncClient):
    """Client that keeps no cookies."""

    cookies = NoCookies()  # type: ignore[override] # pyright: ignore[reportAssignmentType] - it is never set


class _Progress:
    """How far an exchange has come: still waiting for a connection, under way, or being answered."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        self.sent: bool | None = False

    def out_of_time(self) -> TransportError:
        return no_turn() if self.sent is False else timed_out(sent=self.sent)


async def _chunks(answer: httpx.Response, deadline: float | None) -> AsyncGenerator[bytes, None]:
    chunks = cast("AsyncGenerator[bytes, None]", answer.aiter_raw())
    try:
        while True:
            try:
                if deadline is None:
                    chunk = await anext(chunks, None)
                else:
                    with anyio.fail_after(max(0.0, deadline - time.monotonic())):
                        chunk = await anext(chunks, None)
            except TimeoutError as error:
                raise timed_out(sent=True) from error
            except FAILURES as error:
                raise translated(error, sent=True) from cause(error, QUOTING)
            if chunk is None:
                return
            yield chunk
    finally:
        await _abandon(answer, chunks)


async def _abandon(answer: httpx.Response, chunks: AsyncGenerator[bytes, None]) -> None:
    """Let httpx's nested generators come to an end: trio warns of those left to the garbage collector."""
    with anyio.CancelScope(shield=True):
        await answer.aclose()
        with suppress(*FAILURES):
            async for _ in chunks:  # fails at once: the connection is closed, or the answer was read to its end
                pass
