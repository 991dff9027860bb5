"""To whom something opened belongs: a process, and when it is asynchronous an event loop too.

Connections that a parent process opened must not be used after a fork, and not even closed: the parent goes on with
them. What was opened under an event loop works under no other.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

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

    It is also closed when its loop ends or nobody holds it any more: an asynchronous generator waits for that, since
    event loops run the final part of those they have started.

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
        self._home: object = None
        self._value: T | None = None
        self._guard: AsyncGenerator[None, Any] | None = None

    def current(self) -> T | None:
        """Return it if it is open in the running loop."""
        if self._value is not None and self._home is self._loop() and self._process == os.getpid():
            return self._value
        return None

    async def get(self) -> T:
        """Return it, opened in the running loop."""
        self._settle()
        if self._value is None:
            self._value = value = self._opening()
            self._guard = _guard(value, self._closing)
            await anext(self._guard)  # never suspends, so no other task comes in between
            return value
        return self._value

    async def aclose(self) -> None:
        """Close it, if it is open here; the next `get` opens it again."""
        if self._process != os.getpid():
            return
        guard, self._guard, self._value = self._guard, None, None
        if guard is not None and self._home is self._loop():
            await guard.aclose()

    def _settle(self) -> None:
        process, home = os.getpid(), self._loop()
        if self._process == process and self._home is home:
            return
        if self._given and self._process is not None:
            raise ConfigurationError(FOREIGN)
        if self._process not in (None, process):
            _inherited.append((self._value, self._guard, self._home))
        self._process, self._home, self._value, self._guard = process, home, None, None


async def _guard(value: T, closing: Callable[[T], Awaitable[object]]) -> AsyncGenerator[None, Any]:
    try:
        yield
    finally:
        await closing(value)
