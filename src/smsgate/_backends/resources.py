"""Connections and other resources per process and event loop.

After a fork, the child must neither use nor close the connections of its parent, which still uses them. A connection
that was opened in one event loop works in no other.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import ref

from smsgate._event_loops import current_loop
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


class _Owner:
    """The process and event loop that first used the user's own client; others are rejected."""

    def __init__(self) -> None:
        self._first: tuple[int, object] | None = None

    def check(self, loop: object = None) -> None:
        current = os.getpid(), loop
        if self._first not in (None, current):
            raise foreign_client()
        self._first = current


class ProcessResource(Generic[T]):
    """A resource that is opened on first use, shared by threads, closed and opened again; one for each process.

    Args:
        opening: opens it.
        closing: closes it.
        given: whether it wraps the user's own client, which works in one process only.
    """

    def __init__(self, opening: Callable[[], T], closing: Callable[[T], object], *, given: bool) -> None:
        self._opening = opening
        self._closing = closing
        self._owner = _Owner() if given else None
        self._slots: PerProcess[_Slot[T]] = PerProcess(_Slot)

    def get(self) -> T:
        """Return the resource, open."""
        if self._owner is not None:
            self._owner.check()
        slot = self._slots.get()
        value = slot.value
        if value is not None:
            return value
        with slot.lock:
            if slot.value is None:
                slot.value = self._opening()
            return slot.value

    def close(self) -> None:
        """Close the resource if it is open in this process; the next `get` opens it again."""
        slot = self._slots.get()
        with slot.lock:
            value, slot.value = slot.value, None
        if value is not None:
            self._closing(value)


class _Slot(Generic[T]):
    __slots__ = ("lock", "value")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value: T | None = None


class LoopResource(Generic[T]):
    """A resource that is opened on first use, shared by tasks, closed and opened again; one for each event loop.

    It is also closed when its loop ends or this object is garbage-collected: event loops then run the ``finally``
    block of the asynchronous generator that guards it.

    Args:
        opening: opens it.
        closing: closes it.
        loop: returns the running event loop.
        given: whether it wraps the user's own client, which works in one event loop only.
    """

    def __init__(
        self,
        opening: Callable[[], T],
        closing: Callable[[T], Awaitable[object]],
        *,
        loop: Callable[[], object] = current_loop,
        given: bool,
    ) -> None:
        self._opening = opening
        self._closing = closing
        self._loop = loop
        self._owner = _Owner() if given else None
        self._opened: PerProcess[dict[object, tuple[T, AsyncGenerator[None, Any]]]] = PerProcess(dict)

    async def get(self) -> T:
        """Return the resource of the running loop, open."""
        loop, opened = self._loop(), self._opened.get()
        if self._owner is not None:
            self._owner.check(loop)
        if loop not in opened:
            self._forget_closed_loops()
            value = self._opening()
            guard = _guard(ref(self), loop, value, self._closing)
            opened[loop] = value, guard
            await anext(guard)  # never suspends
        return opened[loop][0]

    async def aclose(self) -> None:
        """Close the resource of the running loop; the next `get` opens it again."""
        self._forget_closed_loops()
        opened = self._opened.get()
        if opened:
            known = opened.pop(self._loop(), None)
            if known is not None:
                await known[1].aclose()

    def forget(self, loop: object, value: T) -> None:
        """Drop the reference to a resource that is being closed."""
        opened = self._opened.get()
        if loop in opened and opened[loop][0] is value:
            del opened[loop]

    def _forget_closed_loops(self) -> None:
        """Drop the resources of loops that were closed without running the ``finally`` blocks of generators."""
        opened = self._opened.get()
        for loop in list(opened):
            is_closed: Callable[[], bool] = getattr(loop, "is_closed", bool)
            if is_closed():
                opened.pop(loop, None)


async def _guard(
    owner: ref[LoopResource[T]], loop: object, value: T, closing: Callable[[T], Awaitable[object]]
) -> AsyncGenerator[None, Any]:
    try:
        yield
    finally:
        holder = owner()
        if holder is not None:
            holder.forget(loop, value)
        await closing(value)
