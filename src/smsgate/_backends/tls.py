"""TLS contexts made in a thread: reading certificates takes up to a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from smsgate._backends.transport_errors import connect_timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate._backends.connection import ConnectionOptions


class ContextLoader:
    """TLS context of a backend, made once for all tasks of an event loop that wait for it."""

    def __init__(self, options: ConnectionOptions) -> None:
        self._options = options
        self._lock = anyio.Lock()

    async def load(self, url: str, seconds: float | None) -> None:
        """Make the context if a request needs it.

        Args:
            url: the request's URL.
            seconds: how long to wait at most, None for no limit.

        Raises:
            RequestTimeoutError: reading the certificates took longer.
        """
        if not self._options.lacks_context(url):
            return
        try:
            with anyio.fail_after(seconds):
                async with self._lock:
                    if self._options.lacks_context(url):
                        await run_in_thread(self._options.ssl_context)
        except TimeoutError as error:
            raise connect_timeout() from error


async def run_in_thread(function: Callable[[], object]) -> None:
    """Call a function that blocks for long in a thread; a cancelled caller does not wait for it."""
    limiter = anyio.CapacityLimiter(1)  # threads that wait for this call may occupy the default limiter
    await to_thread.run_sync(function, abandon_on_cancel=True, limiter=limiter)
