"""What the asynchronous half waits for; `smsgate._sync.io` is its hand-written counterpart."""

from __future__ import annotations

import asyncio
import math
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
from smsgate._core.responses import too_large

if TYPE_CHECKING:
    from types import TracebackType

__all__ = [
    "Lock",
    "LockTimeoutError",
    "Tasks",
    "call_blocking",
    "check_stop",
    "compute",
    "iterate",
    "join",
    "now",
    "run_in_workers",
    "run_in_workers_until",
    "sleep",
]

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")

sleep = anyio.sleep
now = time.monotonic
_cores: RunVar[anyio.CapacityLimiter] = RunVar("smsgate.cores")
"""Encrypting threads: as many as cores. With anyio's default of 40 they starve the event loop."""
_TURN = 0.01
"""Seconds after which a thread is given to the next call: one derivation of a key takes longer, a known key less."""
_locks: RunVar[WeakKeyDictionary[Lock, anyio.Lock]] = RunVar("smsgate.locks")
"""The locks of an event loop, for as long as the clients that use them."""


async def call_blocking(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Call something that may block for a moment, in a thread."""
    limiter = anyio.CapacityLimiter(1)  # the default one may be used up by threads that wait for this very call
    return await anyio.to_thread.run_sync(partial(function, *arguments, **keywords), limiter=limiter)


async def compute(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Call something that computes for a while, in a thread that a cancellation leaves behind."""
    return await anyio.to_thread.run_sync(partial(function, *arguments, **keywords), abandon_on_cancel=True)


async def run_in_workers(function: Callable[[A], T], items: Sequence[A]) -> list[T]:
    """Apply a function that computes for long to all items, in as many threads as there are cores.

    All calls on an event loop share these threads, and take turns. A cancelled one ends with the items that are being
    computed.
    """
    load = ParallelMap(function, items)
    await _share(load, len(items))
    return load.results()


async def run_in_workers_until(
    function: Callable[[A], T], items: Sequence[A], deadline: float | None
) -> list[T | None]:
    """Do what `run_in_workers` does, but begin no item after a deadline; those have None in the place of a result."""
    load = ParallelMap(function, items)
    with anyio.move_on_after(math.inf if deadline is None else max(0.0, deadline - now())):
        await _share(load, len(items))
    return load.results_so_far()


async def _share(load: ParallelMap[A, T], count: int) -> None:
    if not count:
        return
    limiter = _cores.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(cores())
        _cores.set(limiter)

    def take_turn() -> bool:
        end = now() + _TURN
        return load.work(anyio.from_thread.check_cancelled, lambda: now() >= end)

    async def take_turns() -> None:
        while not await anyio.to_thread.run_sync(take_turn, limiter=limiter):
            pass

    await _all([take_turns] * min(cores(), count))


async def _all(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Await several calls at once; when all have ended, the first failure is raised as it is, in no group."""
    results: dict[int, T] = {}
    failures: dict[int, Exception] = {}

    async def keep(index: int) -> None:
        try:
            results[index] = await calls[index]()
        except Exception as error:  # noqa: BLE001 - raised below
            failures[index] = error

    async with anyio.create_task_group() as group:
        for index in range(len(calls)):
            group.start_soon(keep, index)
    if failures:
        raise failures[min(failures)]
    return [results[index] for index in range(len(calls))]


class LockTimeoutError(Exception):
    """A lock could not be had in time; never leaves the exchange."""


class Lock:
    """A lock whose holders are the tasks of one event loop; every loop and forked process has its own."""

    @asynccontextmanager
    async def hold(self, seconds: float = math.inf) -> AsyncGenerator[None]:
        """Hold the lock inside an ``async with`` block.

        Raises:
            LockTimeoutError: others held it for all the seconds that there were.
        """
        locks: WeakKeyDictionary[Lock, anyio.Lock] | None = _locks.get(None)
        if locks is None:
            locks = WeakKeyDictionary()
            _locks.set(locks)
        lock = locks.setdefault(self, anyio.Lock())
        with anyio.move_on_after(seconds) as waiting:
            await lock.acquire()
        if waiting.cancelled_caught:
            raise LockTimeoutError
        try:
            yield
        finally:
            lock.release()


async def join(chunks: AsyncIterable[bytes], largest: float = math.inf) -> bytes:
    """Read chunks to their end.

    Raises:
        ResponseError: they are an attachment, and longer than the client allows.
    """
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > largest:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()  # trio warns of generators that are left to the garbage collector
            raise too_large("attachment", "max_attachment_size", int(largest))
        parts.append(chunk)
    return b"".join(parts)


class Tasks(Generic[T]):
    """Calls that run at once beside their caller, in tasks of their own. Leaving the block cancels them.

    No task group: one must not stay open while an asynchronous generator, such as `send_many`, waits for its consumer.
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
        """Begin a call; `take` returns its result under this number."""
        scope = anyio.CancelScope()
        self._scopes.add(scope)
        self._tasks.add(_spawn(partial(self._run, number, call, scope)))

    async def wait(self) -> None:
        """Wait until a call has ended since the last time."""
        await self._news.wait()
        self._news = anyio.Event()

    def take(self) -> list[tuple[int, T | BaseException]]:
        """Return what has ended since the last time: numbers, and results or what was raised."""
        ended, self._ended = self._ended, []
        return ended

    async def _run(self, number: int, call: Callable[[], Awaitable[T]], scope: anyio.CancelScope) -> None:
        try:
            with scope:
                try:
                    result: T | BaseException = await call()
                except Exception as error:  # noqa: BLE001 - raised by who takes it
                    result = error
                self._ended.append((number, result))
        finally:
            self._scopes.discard(scope)
            self._news.set()


def _spawn(function: Callable[[], Coroutine[Any, Any, None]]) -> object:
    """Run a function that raises nothing in a task that belongs to the event loop alone."""
    if sniffio.current_async_library() == "trio":
        import trio  # noqa: PLC0415 - not always installed

        return trio.lowlevel.spawn_system_task(function, context=copy_context())
    return asyncio.get_running_loop().create_task(function())


def check_stop() -> None:
    """Raise in a call that is to end before its next attempt: here cancellation does that."""


async def iterate(items: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T]:
    """Read an iterable of either kind."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
