"""Concurrent calls of the synchronous client; the counterpart of `smsgate._async.tasks`."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
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
        self._ended: SimpleQueue[tuple[int, T | BaseException]] = SimpleQueue()  # Ctrl-C cannot leave it locked
        self._next: list[tuple[int, T | BaseException]] = []
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
        self._next.append(self._ended.get())

    def take(self) -> list[tuple[int, T | BaseException]]:
        """Return the calls that have ended since the last `take`: their numbers, and their results or exceptions."""
        ended, self._next = self._next, []
        try:
            while True:
                ended.append(self._ended.get_nowait())
        except Empty:
            return ended

    def _run(self, number: int, call: Callable[[], T]) -> None:
        io.this_thread.stop = self._stop
        try:
            self._ended.put((number, call()))
        except BaseException as error:  # noqa: BLE001 - raised by the consumer of `take`
            self._ended.put((number, error))
