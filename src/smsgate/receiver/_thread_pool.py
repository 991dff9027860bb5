"""Thread pool for blocking work, apart from the application's own: neither waits for the other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio.to_thread import run_sync

from smsgate._event_loops import PerLoop

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class ThreadPool:
    """A limited number of threads in each event loop.

    Args:
        limit: threads that run at the same time.
    """

    def __init__(self, limit: int) -> None:
        self._limiter = PerLoop(partial(anyio.CapacityLimiter, limit))

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread and return its result."""
        (result,) = await run_sync(
            lambda: (function(),), limiter=self._limiter.get()
        )  # wrapped: trio takes no coroutine back
        return result
