"""Blocking work in threads of its own, so that it neither waits for the application's threads nor uses them up."""

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


class Threads:
    """So many threads for each event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar(f"smsgate_threads_{next(_serial)}")

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread."""
        limiter = self._limiter.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(self._limit)
            self._limiter.set(limiter)
        (result,) = await run_sync(lambda: (function(),), limiter=limiter)  # wrapped: trio takes no coroutine back
        return result
