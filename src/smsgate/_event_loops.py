"""Values that belong to an event loop of asyncio or trio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakKeyDictionary

import sniffio

from smsgate.runtime.locks import PerProcess

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def running_library() -> str | None:
    """Return "asyncio" or "trio", the library that runs the caller; None outside of both."""
    try:
        return sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        return None


def current_loop() -> object:
    """Return an object that identifies the running event loop of asyncio or trio."""
    if running_library() == "trio":
        import trio  # noqa: PLC0415 - only where it is running already

        return trio.lowlevel.current_trio_token()
    return asyncio.get_running_loop()


class PerLoop(Generic[T]):
    """A value per event loop and process, such as a lock; dropped with the loop or with this object.

    Args:
        make: makes the value of an event loop on first use.
    """

    __slots__ = ("_make", "_values")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: PerProcess[WeakKeyDictionary[object, T]] = PerProcess(WeakKeyDictionary)

    def get(self) -> T:
        """Return the value of the running event loop."""
        values, loop = self._values.get(), current_loop()
        value = values.get(loop)
        if value is None:
            value = values[loop] = self._make()
        return value
