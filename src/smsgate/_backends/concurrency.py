"""Limit of concurrent exchanges, where the library has none or the client is the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from smsgate._backends.transport_errors import pool_timeout

if TYPE_CHECKING:
    import asyncio


async def acquire_slot(slots: asyncio.Semaphore, seconds: float | None) -> None:
    """Wait for a free slot, which the caller returns with ``slots.release()``.

    Args:
        slots: a semaphore with as many slots as exchanges are allowed.
        seconds: how long to wait at most.

    Raises:
        RequestTimeoutError: no slot became free in time.
    """
    if not slots.locked():
        await slots.acquire()
        return
    try:
        with anyio.fail_after(seconds):
            await slots.acquire()
    except TimeoutError as error:
        raise pool_timeout() from error
