"""Work that computes for long, shared by threads: each takes the next item until none is left. Pure but for the cores.

A task or a future for every item would cost an event loop more than reading a hundred remembered keys takes.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ParallelMap", "cores"]

A = TypeVar("A")
T = TypeVar("T")


class ParallelMap(Generic[A, T]):
    """A function and the items to apply it to, once each, by as many threads as call `work`."""

    def __init__(self, function: Callable[[A], T], items: Sequence[A]) -> None:
        self._function = function
        self._items = items
        self._left = deque(range(len(items)))
        self._results: dict[int, T] = {}

    def work(self, check: Callable[[], object] = lambda: None, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Take item after item; a failure stops the other threads, too, after the item they are at.

        Args:
            check: called before each item; raises to stop.
            is_over: asked before each item but the first; True leaves the rest for later.

        Returns:
            Whether there is nothing left to take.
        """
        begun = False
        try:
            while self._left:
                check()
                if begun and is_over():
                    return False
                begun = True
                try:
                    index = self._left.popleft()
                except IndexError:  # another thread was faster
                    return True
                self._results[index] = self._function(self._items[index])
        except BaseException:
            self.drop()
            raise
        return True

    def drop(self) -> None:
        """Let the threads end with the items they are at."""
        self._left.clear()

    def results(self) -> list[T]:
        """Return the results in the order of the items, once all threads have ended without a failure."""
        return [self._results[index] for index in range(len(self._items))]

    def results_so_far(self) -> list[T | None]:
        """Return the results in the order of the items, None for those that were not computed."""
        return [self._results.get(index) for index in range(len(self._items))]


def cores() -> int:
    """Return the number of processors that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(usable(0)) if usable else os.cpu_count() or 1
