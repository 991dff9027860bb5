"""Pool of httpx clients with one connection each.

The pool of httpx scans all its connections for every request: from some dozen connections on, that takes longer than
the exchanges themselves. This pool takes the connection that was used last.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable

    import httpx

    from smsgate._backends.tls import ContextLoader


class ClientPool:
    """Lends clients, at most ``limit`` at once; idle ones are closed after ``keepalive`` seconds.

    Exchanges through the user's own client acquire one of the ``slots`` themselves. A pool is used in one event loop.
    """

    def __init__(self, limit: int, keepalive: float, contexts: ContextLoader) -> None:
        self._keepalive = keepalive
        self.contexts = contexts
        self.slots = anyio.Semaphore(limit, fast_acquire=True)
        self._idle: list[tuple[float, Hashable, httpx.AsyncClient]] = []
        self._closed = False

    @asynccontextmanager
    async def lend(
        self, kind: Hashable, make: Callable[[], httpx.AsyncClient]
    ) -> AsyncGenerator[httpx.AsyncClient, None]:
        """Lend a client for one exchange; after a failure or cancellation it is closed, and a closed one is dropped.

        Args:
            kind: clients of different kinds cannot replace each other.
            make: makes a client of that kind.
        """
        async with self.slots:
            client = self._take(kind) or make()
            try:
                yield client
            except BaseException:
                await _close(client)
                raise
            now = time.monotonic()
            if not client.is_closed:
                self._idle.append((now, kind, client))
        await self._close_idle(now - self._keepalive)

    async def aclose(self) -> None:
        """Close the idle connections now and the busy ones when their exchanges end."""
        self._closed = True
        await self._close_idle(float("inf"))

    def _take(self, kind: Hashable) -> httpx.AsyncClient | None:
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index][1] == kind:
                return self._idle.pop(index)[2]
        return None

    async def _close_idle(self, before: float) -> None:
        """Close clients that were last used before a time; the list is sorted by it."""
        if self._closed:
            before = float("inf")
        while self._idle and self._idle[0][0] < before:
            await _close(self._idle.pop(0)[2])


async def _close(client: httpx.AsyncClient) -> None:
    with anyio.CancelScope(shield=True):
        await client.aclose()
