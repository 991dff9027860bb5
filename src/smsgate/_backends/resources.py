"""Connections and other resources per process and event loop.

After a fork, the child must neither use nor close the connections of its parent, which still uses them. A connection
that was opened in one event loop works in no other.
"""

from __future__ import annotations

import asyncio
import os
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
from anyio import to_thread

from smsgate._backends.transport_errors import pool_timeout
from smsgate.errors import ConfigurationError
from smsgate.runtime.locks import PerProcess

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

T = TypeVar("T")


def foreign_client() -> ConfigurationError:
    """Return the error for the user's own client in a second process or event loop."""
    return ConfigurationError(
        "a client of yours belongs to the process and event loop of its first use; give each its own"
    )


def asyncio_loop() -> object:
    """Return the running asyncio loop.

    Raises:
        ConfigurationError: under trio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError("this HTTP backend works under asyncio only; httpx works under trio too") from None


async def run_in_thread(function: Callable[[], object]) -> None:
    """Call a function that blocks for long in a thread; a cancelled caller does not wait for it."""
    limiter = anyio.CapacityLimiter(1)  # threads that wait for this call may occupy the default limiter
    await to_thread.run_sync(function, abandon_on_cancel=True, limiter=limiter)


class _Owner:
    """The process and event loop that first used the user's own client; others are rejected."""

    def __init__(self) -> None:
        self._first: tuple[int, object] | None = None

    def check(self, loop: object = None) -> None:
        current = os.getpid(), loop
        if self._first not in (None, current):
            raise foreign_client()
        self._first = current


class _ThreadShared(Generic[T]):
    """An open resource and its slots, as many as threads may use it at once: a queue is faster than a semaphore."""

    __slots__ = ("closed", "slots", "value")

    def __init__(self, value: T, limit: int) -> None:
        self.value = value
        self.slots: SimpleQueue[None] = SimpleQueue()
        for _ in range(limit):
            self.slots.put(None)
        self.closed = False


class LoopShared(Generic[T]):
    """An open resource, its slots, as many as tasks may use it at once, and a lock for what they need once."""

    __slots__ = ("closed", "lock", "slots", "value")

    def __init__(self, value: T, limit: int) -> None:
        self.value = value
        self.slots = anyio.Semaphore(limit)
        self.lock = anyio.Lock()
        self.closed = False


class ProcessResource(Generic[T]):
    """A resource that is opened on first use, shared by threads, closed and opened again; one for each process.

    The last user of a closed one closes it: closing a connection while a thread reads from it would not wake that
    thread, and the file descriptor might already belong to another file.

    Args:
        opening: opens it; threads that use it first at the same time may each call this, and share one.
        closing: closes it; may be called twice.
        limit: how many threads use it at once; further ones wait.
        given: whether it wraps the user's own client, which works in one process only.
    """

    def __init__(self, opening: Callable[[], T], closing: Callable[[T], object], *, limit: int, given: bool) -> None:
        self._closing = closing
        self._limit = limit
        self._owner = _Owner() if given else None
        self._shared: PerProcess[_ThreadShared[T]] = PerProcess(lambda: _ThreadShared(opening(), limit))

    def acquire(self, seconds: float | None) -> _ThreadShared[T]:
        """Acquire a slot of the open resource, which the caller releases.

        Args:
            seconds: how long to wait at most, None for no limit.

        Raises:
            RequestTimeoutError: no slot became free in time.
        """
        if self._owner is not None:
            self._owner.check()
        while True:
            shared = self._shared.get()
            try:
                shared.slots.get(timeout=seconds)
            except Empty:
                raise pool_timeout() from None
            if not shared.closed:
                return shared
            self.release(shared)  # closed by another thread meanwhile: the next one is open

    def release(self, shared: _ThreadShared[T]) -> None:
        """Release a slot."""
        shared.slots.put(None)
        self._close_unused(shared)

    def close(self) -> None:
        """Close the resource if it is open in this process; the next `acquire` opens it again."""
        shared = self._shared.remove()
        if shared is not None:
            shared.closed = True
            self._close_unused(shared)

    def _close_unused(self, shared: _ThreadShared[T]) -> None:
        if shared.closed and shared.slots.qsize() == self._limit:
            self._closing(shared.value)


class LoopResource(Generic[T]):
    """A resource that is opened on first use, shared by tasks, closed and opened again; one for each event loop.

    It is also closed when its loop ends or this object is garbage-collected: event loops then run the ``finally``
    block of the asynchronous generator that guards it.

    Args:
        opening: opens it.
        closing: closes it.
        loop: returns the running event loop.
        limit: how many tasks use it at once; further ones wait.
        given: whether it wraps the user's own client, which works in one event loop only.
    """

    def __init__(
        self,
        opening: Callable[[], T],
        closing: Callable[[T], Awaitable[object]],
        *,
        loop: Callable[[], object],
        limit: int,
        given: bool,
    ) -> None:
        self._opening = opening
        self._closing = closing
        self._loop = loop
        self._limit = limit
        self._owner = _Owner() if given else None
        self._opened: PerProcess[dict[object, tuple[LoopShared[T], AsyncGenerator[None, Any]]]] = PerProcess(dict)

    async def acquire(self, seconds: float | None) -> LoopShared[T]:
        """Acquire a slot of the running loop's open resource; the caller releases it with ``slots.release()``.

        Args:
            seconds: how long to wait at most, None for no limit.

        Raises:
            RequestTimeoutError: no slot became free in time.
        """
        while True:
            shared = await self._get()
            try:
                shared.slots.acquire_nowait()
            except anyio.WouldBlock:
                await _wait(shared.slots, seconds)
            if not shared.closed:
                return shared
            shared.slots.release()  # closed by another task meanwhile: the next one is open

    async def _get(self) -> LoopShared[T]:
        loop, opened = self._loop(), self._opened.get()
        if self._owner is not None:
            self._owner.check(loop)
        if loop not in opened or opened[loop][0].closed:
            self._forget_closed()
            shared = LoopShared(self._opening(), self._limit)
            guard = _guard(shared, self._closing)
            opened[loop] = shared, guard
            await anext(guard)  # never suspends
        return opened[loop][0]

    async def aclose(self) -> None:
        """Close the resource of the running loop; the next `acquire` opens it again."""
        self._forget_closed()
        opened = self._opened.get()
        if opened:
            known = opened.pop(self._loop(), None)
            if known is not None:
                await known[1].aclose()

    def _forget_closed(self) -> None:
        """Drop closed resources, and those of loops that were closed without running the ``finally`` block."""
        opened = self._opened.get()
        for loop, (shared, _) in list(opened.items()):
            is_closed: Callable[[], bool] = getattr(loop, "is_closed", bool)
            if shared.closed or is_closed():
                opened.pop(loop, None)


async def _wait(slots: anyio.Semaphore, seconds: float | None) -> None:
    try:
        with anyio.fail_after(seconds):
            await slots.acquire()
    except TimeoutError as error:
        raise pool_timeout() from error


async def _guard(shared: LoopShared[T], closing: Callable[[T], Awaitable[object]]) -> AsyncGenerator[None, Any]:
    try:
        yield
    finally:
        shared.closed = True
        await closing(shared.value)
