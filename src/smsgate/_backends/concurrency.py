"""The limit of exchanges at one time, where a library has none or somebody else's client is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from smsgate._backends.transport_errors import no_turn

if TYPE_CHECKING:
    import asyncio

__all__ = ["take_turn"]


async def take_turn(gate: asyncio.Semaphore, seconds: float | None) -> None:
    """Wait for a turn, which the caller gives back with ``gate.release()``.

    Args:
        gate: as many turns as there are.
        seconds: how long to wait at most.

    Raises:
        RequestTimeoutError: none came in time.
    """
    if not gate.locked():
        await gate.acquire()
        return
    try:
        with anyio.fail_after(seconds):
            await gate.acquire()
    except TimeoutError as error:
        raise no_turn() from error
