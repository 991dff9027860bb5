"""Asynchronous backend over httpx, for asyncio and trio."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

import anyio
import httpcore  # noqa: F401 # pyright: ignore[reportUnusedImport] - httpx would import it inside the event loop
import httpx

from smsgate._backends.adapters import AsyncAdapter
from smsgate._backends.connection import KEEPALIVE_SECONDS
from smsgate._backends.httpx_common import (
    HttpxAdapter,
    NoCookies,
    build_request,
    check_open,
    has_surplus,
    head,
    transport_options,
)
from smsgate._backends.httpx_pool import ClientPool, close_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Hashable, Mapping

    from smsgate._http import Headers, Request


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

    async def _begin(self, request: Request, opened: ClientPool, proxy: str | None, *, whole: bool) -> _Exchange:
        sending = build_request(request)
        kind = (sending.url.scheme == "https", proxy)
        client = self._client or opened.take(kind) or self._open_client(*kind)
        if self._client is not None:
            check_open(client)
        try:
            response = await client.send(sending, stream=True, auth=None, follow_redirects=False)
        except BaseException:
            if self._client is None:
                await close_client(client)
            raise
        return _Exchange(opened, kind, client, response)

    def _open_client(self, secure: bool, proxy: str | None) -> httpx.AsyncClient:  # noqa: FBT001 - half of a kind
        options = transport_options(self._options, secure=secure, proxy=proxy, single=True)
        return _AsyncClient(transport=httpx.AsyncHTTPTransport(**options), trust_env=False)

    def _head(self, raw: _Exchange) -> tuple[int, Headers]:
        return head(raw.response)

    async def _read(self, raw: _Exchange) -> bytes | None:
        return await anext(raw.chunks, None)

    async def _end(self, raw: _Exchange) -> None:
        response, client = raw.response, raw.client
        with anyio.CancelScope(shield=True):
            await response.aclose()
            with suppress(*self.library_errors):
                async for (
                    _
                ) in raw.chunks:  # ends at once; trio warns of generators that are left to the garbage collector
                    pass
            if self._client is None:
                if has_surplus(response):
                    await client.aclose()
                await raw.pool.give_back(raw.kind, client)


class _Exchange:
    """A response of httpx, and the client that its pool lent for it."""

    __slots__ = ("chunks", "client", "headers", "kind", "pool", "response")

    def __init__(self, pool: ClientPool, kind: Hashable, client: httpx.AsyncClient, response: httpx.Response) -> None:
        self.pool = pool
        self.kind = kind
        self.client = client
        self.response = response
        is_decoded = response.is_stream_consumed  # by a mock
        self.headers: Mapping[str, str] = {} if is_decoded else response.headers
        chunks = response.aiter_bytes() if is_decoded else response.aiter_raw()
        self.chunks = cast("AsyncGenerator[bytes, None]", chunks)


class _AsyncClient(httpx.AsyncClient):
    """Client that keeps no cookies."""

    cookies = NoCookies()  # type: ignore[override] # pyright: ignore[reportAssignmentType] - it is never set
