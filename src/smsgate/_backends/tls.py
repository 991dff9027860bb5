"""TLS contexts made in a thread: reading certificates takes up to a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from smsgate._backends.connection import add_proxy
from smsgate._backends.transport_errors import connect_timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate._backends.connection import ConnectionOptions


async def load_context(options: ConnectionOptions, lock: anyio.Lock, seconds: float | None, proxy: str | None) -> None:
    """Make the TLS context of a backend, once for all tasks of an event loop.

    Args:
        options: the backend's options.
        lock: lock of the event loop.
        seconds: how long to wait at most, None for no limit.
        proxy: the proxy of the exchange, for the error.

    Raises:
        RequestTimeoutError: reading the certificates took longer.
    """
    try:
        with anyio.fail_after(seconds):
            async with lock:  # a task that waited finds the context made, which takes no time
                await run_in_thread(options.ssl_context)
    except TimeoutError as error:
        raise add_proxy(connect_timeout(), proxy) from error


async def run_in_thread(function: Callable[[], object]) -> None:
    """Call a function that blocks for long in a thread; a cancelled caller does not wait for it."""
    limiter = anyio.CapacityLimiter(1)  # threads that wait for this call may occupy the default limiter
    await to_thread.run_sync(function, abandon_on_cancel=True, limiter=limiter)
