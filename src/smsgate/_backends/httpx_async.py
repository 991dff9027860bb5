"""Asynchronous backend over httpx, for asyncio and trio."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, cast

import anyio
import httpcore  # noqa: F401 # pyright: ignore[reportUnusedImport] - httpx would import it inside the event loop
import httpx

from smsgate._backends.connection import KEEPALIVE_SECONDS, Cert, ConnectionOptions, add_proxy
from smsgate._backends.decoding import adecode
from smsgate._backends.httpx_common import (
    LIBRARY_ERRORS,
    QUOTING_ERRORS,
    NoCookies,
    build_request,
    check_open,
    has_surplus,
    pool_limits,
    proxy_of,
    response_headers,
    tls_context,
    translate,
)
from smsgate._backends.httpx_pool import ClientPool
from smsgate._backends.resources import LoopResource
from smsgate._backends.streaming import AsyncStreamingClient
from smsgate._backends.tls import ContextLoader
from smsgate._backends.transport_errors import deadline_after, exchange_timeout, pool_timeout, safe_cause
from smsgate._http import AsyncStreamedResponse
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from smsgate._http import Headers, Request, Verify
    from smsgate.errors import TransportError


class HttpxAsyncHttpClient(AsyncStreamingClient):
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
        self._options = ConnectionOptions(
            client, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )
        self._pool: LoopResource[ClientPool] = LoopResource(
            self._open_pool, ClientPool.aclose, given=client is not None
        )

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncStreamedResponse, None]:
        """Send one request; the body of the response arrives in chunks."""
        deadline = deadline_after(request.timeout)
        stage = _Stage()
        proxy = self._options.proxy_for(request.url)
        async with AsyncExitStack() as stack:
            try:
                with anyio.fail_after(request.timeout.total):
                    response = await stack.enter_async_context(self._exchange(request, proxy, stage))
            except TimeoutError as error:
                raise add_proxy(stage.timeout_error(), proxy) from error
            except LIBRARY_ERRORS as error:
                raise add_proxy(translate(error, sent=None), proxy) from safe_cause(error, QUOTING_ERRORS)
            headers = response_headers(response)
            async with aclosing(_body(response, headers, deadline)) as chunks:
                yield AsyncStreamedResponse(response.status_code, headers, chunks)

    async def aclose(self) -> None:
        """Close the connections that this object opened; a later `send` opens new ones."""
        await self._pool.aclose()

    @asynccontextmanager
    async def _exchange(
        self, request: Request, proxy: str | None, stage: _Stage
    ) -> AsyncGenerator[httpx.Response, None]:
        """Send one request; the connection is kept if the block reads the whole body, and closed otherwise."""
        pool = await self._pool.get()
        sending = build_request(request)
        client = self._client
        async with AsyncExitStack() as stack:
            if client is not None:
                await stack.enter_async_context(pool.slots)
                check_open(client)
            else:
                await pool.contexts.load(request.url, request.timeout.total)
                kind = (sending.url.scheme == "https", proxy)
                client = await stack.enter_async_context(pool.lend(kind, partial(self._open, *kind)))
            stage.sent = None
            response = await client.send(sending, stream=True, auth=None, follow_redirects=False)
            stage.sent = True
            try:
                yield response
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
                    if self._client is None and has_surplus(response):
                        await client.aclose()

    def _open_pool(self) -> ClientPool:
        return ClientPool(self._options.max_connections, KEEPALIVE_SECONDS, ContextLoader(self._options))

    def _open(self, secure: bool, proxy: str | None) -> httpx.AsyncClient:  # noqa: FBT001 - half of a key
        transport = httpx.AsyncHTTPTransport(
            verify=tls_context(self._options, secure=secure, proxy=proxy),
            proxy=proxy_of(self._options, proxy),
            limits=pool_limits(1),
            trust_env=False,
        )
        return _AsyncClient(transport=transport, trust_env=False)


class _AsyncClient(httpx.AsyncClient):
    """Client that keeps no cookies."""

    cookies = NoCookies()  # type: ignore[override] # pyright: ignore[reportAssignmentType] - it is never set


class _Stage:
    """Stage of an exchange: ``sent`` is False until a connection is free, then None, and True from the headers on."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        self.sent: bool | None = False

    def timeout_error(self) -> TransportError:
        return pool_timeout() if self.sent is False else exchange_timeout(sent=self.sent)


def _body(response: httpx.Response, headers: Headers, deadline: float | None) -> AsyncGenerator[bytes, None]:
    """Return the body, decompressed."""
    if response.is_stream_consumed:  # by a mock, which has decompressed it
        return cast("AsyncGenerator[bytes, None]", response.aiter_bytes())
    return adecode(_chunks(response, deadline), headers)


async def _chunks(response: httpx.Response, deadline: float | None) -> AsyncGenerator[bytes, None]:
    chunks = cast("AsyncGenerator[bytes, None]", response.aiter_raw())
    try:
        while True:
            try:
                if deadline is None:
                    chunk = await anext(chunks, None)
                else:
                    with anyio.fail_after(max(0.0, deadline - time.monotonic())):
                        chunk = await anext(chunks, None)
            except TimeoutError as error:
                raise exchange_timeout(sent=True) from error
            except LIBRARY_ERRORS as error:
                raise translate(error, sent=True) from safe_cause(error, QUOTING_ERRORS)
            if chunk is None:
                return
            yield chunk
    finally:
        await _exhaust(response, chunks)


async def _exhaust(response: httpx.Response, chunks: AsyncGenerator[bytes, None]) -> None:
    """Exhaust httpx's nested generators: trio warns of those that are left to the garbage collector."""
    with anyio.CancelScope(shield=True):
        await response.aclose()
        with suppress(*LIBRARY_ERRORS):
            async for _ in chunks:  # ends at once: the connection is closed, or the whole body was read
                pass
