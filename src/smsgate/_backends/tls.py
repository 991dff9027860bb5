"""TLS contexts made outside of the event loop: reading certificates takes up to a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate._backends.connection import Connecting

__all__ = ["ContextLoader", "run_aside"]


class ContextLoader:
    """Makes the TLS context of a backend once, however many tasks of an event loop wait for it."""

    def __init__(self, options: Connecting) -> None:
        self._options = options
        self._lock = anyio.Lock()

    async def load(self, url: str) -> None:
        """Have the context ready, if a request to that URL needs one."""
        if not self._options.lacks_context(url):
            return
        async with self._lock:
            if self._options.lacks_context(url):
                await run_aside(self._options.ssl_context)


async def run_aside(function: Callable[[], object]) -> None:
    """Call something that blocks for long in a thread; a cancelled caller does not wait for it."""
    limiter = anyio.CapacityLimiter(1)  # threads that wait for this call may have used up the one of all programs
    await to_thread.run_sync(function, abandon_on_cancel=True, limiter=limiter)
