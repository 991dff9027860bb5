"""Waiting, locks and threads of the asynchronous client; the counterpart of `smsgate._sync.io`."""

from __future__ import annotations

import math
import random
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from typing_extensions import ParamSpec, TypeVarTuple, Unpack

from smsgate._core.parallel import ParallelMap, cores
from smsgate._event_loops import PerLoop
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from smsgate._http import AsyncHttpClient

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

sleep = anyio.sleep
now = time.monotonic
draw = random.random  # spreads retries, and protects nothing
LARGE = 64 * 1024
"""Bytes from which on a body is parsed in a thread, which costs a tenth of a millisecond."""
_workers = PerLoop(lambda: anyio.CapacityLimiter(cores()))
"""Limits encrypting threads to the number of cores: anyio's default of 40 would starve the event loop."""
_TURN = 0.01
"""Seconds after which a thread serves the next call: less than a key derivation, more than a cached key takes."""


_PROTOCOL = "http takes an object with coroutine functions send and aclose, and stream, for ``async with``"


def check_awaitable(result: Awaitable[T]) -> Awaitable[T]:
    """Return what a method of the HTTP backend returned.

    Raises:
        ConfigurationError: it cannot be awaited.
    """
    if not hasattr(result, "__await__"):
        raise ConfigurationError(_PROTOCOL)
    return result


def check_stream(stream: AbstractAsyncContextManager[T]) -> AbstractAsyncContextManager[T]:
    """Return what the HTTP backend's ``stream`` returned.

    Raises:
        ConfigurationError: it is no asynchronous context manager.
    """
    if not hasattr(stream, "__aenter__"):
        raise ConfigurationError(_PROTOCOL)
    return stream


async def close(client: AsyncHttpClient) -> None:
    """Close an HTTP backend."""
    await check_awaitable(client.aclose())


async def call_blocking(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Call a function that may block, in a thread."""
    limiter = anyio.CapacityLimiter(1)  # threads that wait for this very call may use up the default one
    return await anyio.to_thread.run_sync(partial(function, *arguments, **keywords), limiter=limiter)


async def compute(function: Callable[[Unpack[Ts]], T], *arguments: Unpack[Ts], in_thread: bool) -> T:
    """Call a function that may compute for a while; in a thread, which a cancellation abandons, or here."""
    if not in_thread:
        return function(*arguments)
    return await anyio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True)


async def run_in_workers(function: Callable[[A], T], items: Sequence[A], deadline: float = math.inf) -> list[T]:
    """Apply a function to all items in as many threads as there are cores; none is started after the deadline.

    All calls of an event loop share these threads fairly. A cancelled call starts no further item.

    Returns:
        The results in the order of the items; fewer if the deadline was reached.
    """
    work = ParallelMap(function, items)
    limiter = _workers.get()

    def take_turn() -> bool:
        end = now() + _TURN
        return work.take_items(anyio.from_thread.check_cancelled, lambda: now() >= end)

    async def take_turns() -> None:
        while not await anyio.to_thread.run_sync(take_turn, limiter=limiter):
            pass

    with anyio.move_on_after(deadline - now()):
        async with anyio.create_task_group() as group:
            for _ in range(min(cores(), len(items))):
                group.start_soon(take_turns)
    return work.results()


class Lock:
    """A lock for the tasks of one event loop; every event loop and forked process has its own."""

    def __init__(self) -> None:
        self._lock = PerLoop(anyio.Lock)

    @asynccontextmanager
    async def hold(self, seconds: float = math.inf) -> AsyncGenerator[bool]:
        """Hold the lock inside an ``async with`` block; its value is False when the lock was not free in time."""
        lock = self._lock.get()
        with anyio.move_on_after(seconds) as waiting:
            await lock.acquire()
        if waiting.cancelled_caught:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def check_stop() -> None:
    """Do nothing: cancellation ends asynchronous calls."""


async def iterate(items: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T]:
    """Iterate over an iterable of either kind."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
