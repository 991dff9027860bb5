"""Pool of httpx clients with one connection each.

The pool of httpx scans all its connections for every request: from some dozen connections on, that takes longer than
the exchanges themselves. This pool takes the connection that was used last.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Hashable

    import httpx


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
