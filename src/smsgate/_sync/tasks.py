"""Concurrent calls of the synchronous client; the counterpart of `smsgate._async.tasks`."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from typing_extensions import Self

from smsgate._sync import io

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

T = TypeVar("T")


class Tasks(Generic[T]):
    """Concurrent calls in threads. After the ``with`` block is left, no call makes another attempt."""

    def __init__(self, count: int) -> None:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - slow to import, and needed here only

        self._executor = ThreadPoolExecutor(count, thread_name_prefix="smsgate")
        self._ended: deque[tuple[int, T | BaseException]] = deque()
        self._news = threading.Event()
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _tb: TracebackType | None) -> None:
        self._stop.set()
        self._executor.shutdown(cancel_futures=True)

    def start(self, number: int, call: Callable[[], T]) -> None:
        """Start a call; `take` returns its result with this number."""
        self._executor.submit(self._run, number, call)

    def wait(self) -> None:
        """Wait until another call has ended."""
        self._news.wait()
        self._news.clear()

    def take(self) -> list[tuple[int, T | BaseException]]:
        """Return the calls that have ended since the last `take`: their numbers, and their results or exceptions."""
        return [self._ended.popleft() for _ in range(len(self._ended))]

    def _run(self, number: int, call: Callable[[], T]) -> None:
        io.this_thread.stop = self._stop
        try:
            self._ended.append((number, call()))
        except BaseException as error:  # noqa: BLE001 - raised by the consumer of `take`
            self._ended.append((number, error))
        finally:
            self._news.set()
