"""Parts of the asynchronous backend over httpx alone: a pool of clients, and care for cancelled handshakes.

The pool of httpx scans all its connections for every request: from some dozen connections on, that takes longer than
the exchanges themselves. The pool here holds clients with one connection each, and takes the one that was used last.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import anyio
import httpx

from smsgate._backends.httpx_common import NoCookies

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Hashable, Mapping


class ClientPool:
    """Idle clients of one event loop, closed after ``keepalive`` seconds."""

    def __init__(self, keepalive: float) -> None:
        self._keepalive = keepalive
        self._idle: list[tuple[float, Hashable, httpx.AsyncClient]] = []
        self._closed = False

    def take(self, kind: Hashable) -> httpx.AsyncClient | None:
        """Return the idle client that was used last, None if there is none.

        Args:
            kind: clients of different kinds cannot replace each other.
        """
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index][1] == kind:
                return self._idle.pop(index)[2]
        return None

    async def give_back(self, kind: Hashable, client: httpx.AsyncClient) -> None:
        """Keep a client for later exchanges, unless it is closed, and close those that are idle for too long."""
        now = time.monotonic()
        if not client.is_closed:
            self._idle.append((now, kind, client))
        await self._close_idle(now - self._keepalive)

    async def aclose(self) -> None:
        """Close the idle clients now and the busy ones when they are given back."""
        self._closed = True
        await self._close_idle(float("inf"))

    async def _close_idle(self, before: float) -> None:
        """Close clients that were last used before a time; the list is sorted by it."""
        if self._closed:
            before = float("inf")
        while self._idle and self._idle[0][0] < before:
            await close_client(self._idle.pop(0)[2])


async def close_client(client: httpx.AsyncClient) -> None:
    """Close a client, though the caller may be cancelled."""
    with anyio.CancelScope(shield=True):
        await client.aclose()


class Handshake:
    """Closes a connection whose TLS handshake was cancelled: httpcore leaves its socket to the garbage collector."""

    def __init__(self) -> None:
        self._stream: Any = None

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Follow the events of httpcore."""
        if event.endswith("connect_tcp.complete"):
            self._stream = info["return_value"]
        elif event.endswith("start_tls.complete"):
            self._stream = None

    async def end(self) -> None:
        """Close the connection if the handshake has not ended."""
        if self._stream is not None:
            with anyio.CancelScope(shield=True):
                await self._stream.aclose()


class Exchange:
    """A response of httpx, and the client that its pool lent for it."""

    __slots__ = ("chunks", "client", "headers", "is_read", "kind", "pool", "response")

    def __init__(self, pool: ClientPool, kind: Hashable, client: httpx.AsyncClient, response: httpx.Response) -> None:
        self.pool = pool
        self.kind = kind
        self.client = client
        self.response = response
        self.is_read = False
        is_decoded = response.is_stream_consumed  # by a mock
        self.headers: Mapping[str, str] = {} if is_decoded else response.headers
        chunks = response.aiter_bytes() if is_decoded else response.aiter_raw()
        self.chunks = cast("AsyncGenerator[bytes, None]", chunks)


class AsyncClient(httpx.AsyncClient):
    """Client that keeps no cookies."""

    cookies = NoCookies()  # type: ignore[override] # pyright: ignore[reportAssignmentType] - it is never set
