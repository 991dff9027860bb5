"""To whom something opened belongs: a process, and when it is asynchronous an event loop too.

Connections that a parent process opened must not be used after a fork, and not even closed: the parent goes on with
them. What was opened under an event loop works under no other.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import ref

import sniffio

from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

__all__ = ["FOREIGN", "LoopBound", "ProcessBound", "asyncio_loop", "current_loop", "running_library"]

T = TypeVar("T")

_inherited: list[object] = []  # kept alive, so that no destructor touches what the parent process still uses
FOREIGN = "a client of yours belongs to the process and event loop of its first use; give each its own"


def running_library() -> str | None:
    """Return "asyncio" or "trio", whichever runs the caller, or None outside of both."""
    try:
        return sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        return None


def current_loop() -> object:
    """Return what identifies the running event loop, asyncio's or trio's."""
    if running_library() == "trio":
        import trio  # noqa: PLC0415 - only where it is running already

        return trio.lowlevel.current_trio_token()
    return asyncio.get_running_loop()


def asyncio_loop() -> object:
    """Return the running asyncio loop.

    Raises:
        ConfigurationError: under trio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError("this HTTP backend works under asyncio only; httpx works under trio too") from None


class ProcessBound(Generic[T]):
    """Something that is opened on first use, shared by threads, closed and opened again.

    Args:
        opening: opens it.
        closing: closes it.
        given: whether it stands on something of the user's, which is refused after a fork.
    """

    def __init__(self, opening: Callable[[], T], closing: Callable[[T], object], *, given: bool) -> None:
        self._opening = opening
        self._closing = closing
        self._given = given
        self._homes: dict[int, _Home[T]] = {}

    def get(self) -> T:
        """Return it, opened."""
        process = os.getpid()
        home = self._homes.get(process) or self._move_in(process)
        value = home.value
        if value is not None:
            return value
        with home.lock:
            if home.value is None:
                home.value = self._opening()
            return home.value

    def close(self) -> None:
        """Close it, if it is open here; the next `get` opens it again."""
        home = self._homes.get(os.getpid())
        if home is None:
            return
        with home.lock:
            value, home.value = home.value, None
        if value is not None:
            self._closing(value)

    def _move_in(self, process: int) -> _Home[T]:
        if self._homes:
            if self._given:
                raise ConfigurationError(FOREIGN)
            _inherited.extend(list(self._homes.values()))
        return self._homes.setdefault(process, _Home())  # threads that come here together get the same one


class _Home(Generic[T]):
    """What is open in one process; another thread may have held the lock of the parent's when it forked."""

    __slots__ = ("lock", "value")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value: T | None = None


class LoopBound(Generic[T]):
    """Something that is opened on first use in an event loop, shared by its tasks, closed and opened again.

    Each loop has its own. It is also closed when its loop ends or nobody holds it any more: an asynchronous generator
    waits for that, since event loops run the final part of those they have started.

    Args:
        opening: opens it.
        closing: closes it.
        loop: tells which loop is running.
        given: whether it stands on something of the user's, which is refused under another loop.
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
        self._given = given
        self._process: int | None = None
        self._first: object = None
        self._opened: dict[object, tuple[T, AsyncGenerator[None, Any]]] = {}
        self._last: tuple[int, object, T] | None = None

    def current(self) -> T | None:
        """Return it if the running loop, asyncio's, was the last to ask for it, the fast way."""
        last = self._last  # read once: loops in other threads set it too
        if last is not None and last[1] is asyncio._get_running_loop() and last[0] == os.getpid():  # noqa: SLF001
            return last[2]
        return None

    async def get(self) -> T:
        """Return it, opened in the running loop."""
        home = self._settle()
        known = self._opened.get(home)
        if known is not None:
            value = known[0]
        else:
            self._forget_ended()
            value = self._opening()
            guard = _guard(ref(self), home, value, self._closing)
            self._opened[home] = value, guard
            await anext(guard)  # never suspends
        self._last = os.getpid(), home, value
        return value

    async def aclose(self) -> None:
        """Close what the running loop has opened; the next `get` opens it again."""
        if self._process != os.getpid():
            return
        self._forget_ended()
        self._last = None
        if self._opened:
            known = self._opened.pop(self._loop(), None)
            if known is not None:
                await known[1].aclose()

    def forget(self, home: object, value: T) -> None:
        """Hold something no longer that is being closed."""
        known = self._opened.get(home)
        if known is not None and known[0] is value:
            del self._opened[home]
            self._last = None

    def _settle(self) -> object:
        process, home = os.getpid(), self._loop()
        if self._process not in (None, process):
            if self._given:
                raise ConfigurationError(FOREIGN)
            _inherited.append(self._opened)
            self._opened, self._last = {}, None
        self._process = process
        if self._given:
            if self._first not in (None, home):
                raise ConfigurationError(FOREIGN)
            self._first = home
        return home

    def _forget_ended(self) -> None:
        """Let go of loops that were closed without running their final parts."""
        for home in list(self._opened):
            is_closed: Callable[[], bool] = getattr(home, "is_closed", bool)
            if is_closed():
                self._opened.pop(home, None)
                self._last = None


async def _guard(
    owner: ref[LoopBound[T]], home: object, value: T, closing: Callable[[T], Awaitable[object]]
) -> AsyncGenerator[None, Any]:
    try:
        yield
    finally:
        holder = owner()
        if holder is not None:
            holder.forget(home, value)
        await closing(value)
