"""Thread pool for blocking work, apart from the application's own: neither waits for the other."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_serial = itertools.count()  # older anyio tells run variables apart by name


class ThreadPool:
    """A limited number of threads in each event loop.

    Args:
        limit: threads that run at the same time.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar(f"smsgate_threads_{next(_serial)}")

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread and return its result."""
        limiter = self._limiter.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(self._limit)
            self._limiter.set(limiter)
        (result,) = await run_sync(lambda: (function(),), limiter=limiter)  # wrapped: trio takes no coroutine back
        return result
