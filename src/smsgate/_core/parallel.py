"""Computation over many items, shared by threads that each take the next item.

A task or a future per item would cost an event loop more than the decryption of a hundred items with cached keys.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

A = TypeVar("A")
T = TypeVar("T")


class ParallelMap(Generic[A, T]):
    """A function and the items to apply it to, once each, by as many threads as call `take_items`."""

    def __init__(self, function: Callable[[A], T], items: Sequence[A]) -> None:
        self._function = function
        self._items = items
        self._left = deque(range(len(items)))
        self._results: dict[int, T] = {}
        self._failure: Exception | None = None

    def take_items(
        self, check: Callable[[], object] = lambda: None, is_over: Callable[[], bool] = lambda: False
    ) -> bool:
        """Compute item after item. A failure, which `results` raises, stops all threads after their current item.

        Args:
            check: called before each item; raises to stop.
            is_over: called before each item but the first; True ends this call with items left.

        Returns:
            Whether no item is left.
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
        except Exception as error:  # noqa: BLE001 - raised by `results`
            self._failure = error
            self.drop()
        except BaseException:
            self.drop()
            raise
        return True

    def drop(self) -> None:
        """Remove the items that no thread has taken."""
        self._left.clear()

    def results(self) -> list[T]:
        """Return the results in the order of the items, without those that were not computed.

        Raises:
            Exception: of the function.
        """
        if self._failure is not None:
            raise self._failure
        return [self._results[index] for index in sorted(self._results)]


def cores() -> int:
    """Return the number of processors that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(usable(0)) if usable else os.cpu_count() or 1
