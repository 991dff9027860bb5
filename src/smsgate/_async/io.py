"""Waiting, locks, threads and tasks of the asynchronous client; the counterpart of `smsgate._sync.io`."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import anyio
import anyio.from_thread
import anyio.to_thread
import sniffio
from anyio.lowlevel import RunVar
from typing_extensions import ParamSpec, Self

from smsgate._core.parallel import ParallelMap, cores

if TYPE_CHECKING:
    from types import TracebackType

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")

sleep = anyio.sleep
now = time.monotonic
_cores: RunVar[anyio.CapacityLimiter] = RunVar("smsgate.cores")
"""Limits encrypting threads to the number of cores: anyio's default of 40 would starve the event loop."""
_TURN = 0.01
"""Seconds after which a thread serves the next call: less than a key derivation, more than a cached key takes."""
_locks: RunVar[WeakKeyDictionary[Lock, anyio.Lock]] = RunVar("smsgate.locks")
"""Locks of an event loop; each lives as long as its client."""


def draw() -> float:
    """Return a random number from 0 to 1. It spreads retries and protects nothing."""
    return random.random()  # noqa: S311


async def call_blocking(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Call a function that may block, in a thread."""
    limiter = anyio.CapacityLimiter(1)  # threads that wait for this very call may use up the default one
    return await anyio.to_thread.run_sync(partial(function, *arguments, **keywords), limiter=limiter)


async def compute(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Call a function that computes for a while, in a thread that a cancellation abandons."""
    return await anyio.to_thread.run_sync(partial(function, *arguments, **keywords), abandon_on_cancel=True)


async def run_in_workers(function: Callable[[A], T], items: Sequence[A]) -> list[T]:
    """Apply a function that computes for long to all items, in as many threads as there are cores.

    All calls of an event loop share these threads fairly. A cancelled call starts no further item.
    """
    work = ParallelMap(function, items)
    await _share(work, len(items))
    return work.results()


async def run_in_workers_until(
    function: Callable[[A], T], items: Sequence[A], deadline: float | None
) -> list[T | None]:
    """Apply a function as `run_in_workers` does, but start no item after a deadline; the result of those is None."""
    work = ParallelMap(function, items)
    with anyio.move_on_after(math.inf if deadline is None else max(0.0, deadline - now())):
        await _share(work, len(items))
    return work.results_so_far()


async def _share(work: ParallelMap[A, T], count: int) -> None:
    if not count:
        return
    limiter = _cores.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(cores())
        _cores.set(limiter)

    def take_turn() -> bool:
        end = now() + _TURN
        return work.take_items(anyio.from_thread.check_cancelled, lambda: now() >= end)

    failures: list[Exception] = []

    async def take_turns() -> None:
        try:
            while not await anyio.to_thread.run_sync(take_turn, limiter=limiter):
                pass
        except Exception as error:  # noqa: BLE001 - raised below, outside the exception group of the task group
            failures.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(min(cores(), count)):
            group.start_soon(take_turns)
    if failures:
        raise failures[0]


class Lock:
    """A lock for the tasks of one event loop; every event loop and forked process has its own."""

    @asynccontextmanager
    async def hold(self, seconds: float = math.inf) -> AsyncGenerator[bool]:
        """Hold the lock inside an ``async with`` block; its value is False when the lock was not free in time."""
        locks: WeakKeyDictionary[Lock, anyio.Lock] | None = _locks.get(None)
        if locks is None:
            locks = WeakKeyDictionary()
            _locks.set(locks)
        lock = locks.setdefault(self, anyio.Lock())
        with anyio.move_on_after(seconds) as waiting:
            await lock.acquire()
        if waiting.cancelled_caught:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


class Tasks(Generic[T]):
    """Concurrent calls, one task each; leaving the ``async with`` block cancels them.

    A task group would not do: it must not stay open while an asynchronous generator such as `send_many` yields.
    """

    def __init__(self, _count: int) -> None:
        self._scopes: set[anyio.CancelScope] = set()
        self._tasks: set[object] = set()  # an event loop keeps no strong reference to its tasks
        self._ended: list[tuple[int, T | BaseException]] = []
        self._news = anyio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _error: object, _tb: TracebackType | None) -> None:
        for scope in self._scopes:
            scope.cancel()
        with anyio.CancelScope(shield=True):
            while self._scopes:
                await self.wait()

    def start(self, number: int, call: Callable[[], Awaitable[T]]) -> None:
        """Start a call; `take` returns its result with this number."""
        scope = anyio.CancelScope()
        self._scopes.add(scope)
        self._tasks.add(_spawn(partial(self._run, number, call, scope)))

    async def wait(self) -> None:
        """Wait until another call has ended."""
        await self._news.wait()
        self._news = anyio.Event()

    def take(self) -> list[tuple[int, T | BaseException]]:
        """Return the calls that have ended since the last `take`: their numbers, and their results or exceptions."""
        ended, self._ended = self._ended, []
        return ended

    async def _run(self, number: int, call: Callable[[], Awaitable[T]], scope: anyio.CancelScope) -> None:
        try:
            with scope:
                try:
                    result: T | BaseException = await call()
                except Exception as error:  # noqa: BLE001 - raised by the consumer of `take`
                    result = error
                self._ended.append((number, result))
        finally:
            self._scopes.discard(scope)
            self._news.set()


def _spawn(function: Callable[[], Coroutine[Any, Any, None]]) -> object:
    """Run a function that raises nothing in a task of the event loop, outside every task group."""
    if sniffio.current_async_library() == "trio":
        import trio  # noqa: PLC0415 - not always installed

        return trio.lowlevel.spawn_system_task(function, context=copy_context())
    return asyncio.get_running_loop().create_task(function())


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
