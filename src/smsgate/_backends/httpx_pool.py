"""A pool of one-connection httpx transports.

The pool inside httpx looks at all its connections for every request, which costs more than the exchanges themselves
from some dozen connections on. Here the connection used last is taken first, without a look at the others.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    import httpx

__all__ = ["TransportPool"]


class TransportPool:
    """Lends transports, at most ``limit`` at once; idle ones are closed after ``keepalive`` seconds.

    Belongs to one event loop.
    """

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport], limit: int, keepalive: float) -> None:
        self._make = make
        self._keepalive = keepalive
        self._gate = anyio.Semaphore(limit, fast_acquire=True)
        self._idle: list[tuple[float, httpx.AsyncBaseTransport]] = []
        self._closed = False

    @asynccontextmanager
    async def exchange(self, request: httpx.Request) -> AsyncGenerator[httpx.Response]:
        """Lend a transport for one exchange; after a failure or cancellation its connection is closed."""
        async with self._gate:
            transport = self._idle.pop()[1] if self._idle else self._make()
            try:
                answer = await transport.handle_async_request(request)
                yield answer
                await answer.aclose()
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await transport.aclose()
                raise
            now = time.monotonic()
            self._idle.append((now, transport))
        await self._close_idle(now - self._keepalive)

    async def aclose(self) -> None:
        """Close the idle connections now and the busy ones when their exchanges end."""
        self._closed = True
        await self._close_idle(float("inf"))

    async def _close_idle(self, before: float) -> None:
        """Close what was last used before a time; the list is in that order."""
        if self._closed:
            before = float("inf")
        while self._idle and self._idle[0][0] < before:
            with anyio.CancelScope(shield=True):
                await self._idle.pop(0)[1].aclose()
