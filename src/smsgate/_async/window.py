"""Sliding window of concurrent calls."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from smsgate._async import io
from smsgate._async.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable

A = TypeVar("A")
T = TypeVar("T")

_READ_AHEAD = 1000
"""Most items between the oldest one without a result and the newest one that was started."""


class Window(Generic[A, T]):
    """Runs a call for each item, several at once, and yields the results in the order of the items.

    Items are read lazily, ``width`` ahead of the consumer. While a slow item holds the results of later ones back, the
    window reads on, up to a thousand items.

    Args:
        call: the call, of one item.
        width: concurrent calls.
    """

    def __init__(self, call: Callable[[A], Awaitable[T]], width: int) -> None:
        self._call = call
        self._width = width
        self._ended: dict[int, T | BaseException] = {}
        self._started = 0
        self._yielded = 0
        self._under_way = 0
        self._read_all = False
        self._failure: BaseException | None = None

    async def run(self, items: Iterable[A] | AsyncIterable[A]) -> AsyncGenerator[T]:
        """Yield the results.

        An exception of a call or of the items is raised after the results of all calls that have started.
        """
        async with Tasks[T](self._width) as tasks, aclosing(io.iterate(items)) as source:
            while True:
                await self._fill(tasks, source)
                if self._yielded == self._started:
                    break
                while self._yielded not in self._ended:
                    await tasks.wait()
                    self._collect(tasks)
                    await self._fill(tasks, source)
                result = self._ended.pop(self._yielded)
                self._yielded += 1
                if not isinstance(result, BaseException):
                    yield result
        if self._failure is not None:
            raise self._failure

    async def _fill(self, tasks: Tasks[T], source: AsyncGenerator[A]) -> None:
        """Start one call, and more as long as the next result is missing."""
        begun = 0
        while self._has_room() and not (begun and self._yielded in self._ended):
            begun += 1
            self._read_all = True
            try:
                async for item in source:
                    self._read_all = False
                    tasks.start(self._started, partial(self._call, item))
                    self._started += 1
                    self._under_way += 1
                    break
            except Exception as error:  # noqa: BLE001 - raised after the results
                self._failure = error
            self._collect(tasks)

    def _has_room(self) -> bool:
        if self._read_all or self._failure is not None or self._under_way >= self._width:
            return False
        waiting = self._started - self._yielded
        return waiting < (self._width if self._yielded in self._ended else max(self._width, _READ_AHEAD))

    def _collect(self, tasks: Tasks[T]) -> None:
        for number, result in tasks.take():
            self._under_way -= 1
            self._ended[number] = result
            if isinstance(result, BaseException) and self._failure is None:
                self._failure = result
