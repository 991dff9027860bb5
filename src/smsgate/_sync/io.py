"""Waiting, locks and threads of the synchronous client; the counterpart of `smsgate._async.io`."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from typing_extensions import ParamSpec, Self

from smsgate._core.parallel import ParallelMap, cores
from smsgate.runtime.locks import PerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from types import TracebackType

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")

now = time.monotonic
_thread = threading.local()
"""``stop``: in a thread of `Tasks`, the event after which its call makes no further attempt."""


def draw() -> float:
    """Return a random number from 0 to 1. It spreads retries and protects nothing."""
    return random.random()  # noqa: S311


def call_blocking(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Call a function that may block."""
    return function(*arguments, **keywords)


def compute(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Call a function that computes for a while."""
    return function(*arguments, **keywords)


def run_in_workers(function: Callable[[A], T], items: Sequence[A]) -> list[T]:
    """Apply a function that computes for long to all items, in as many threads as there are cores.

    An interrupted call starts no further item.
    """
    work = ParallelMap(function, items)
    _share(work, len(items), lambda: False)
    return work.results()


def run_in_workers_until(function: Callable[[A], T], items: Sequence[A], deadline: float | None) -> list[T | None]:
    """Apply a function as `run_in_workers` does, but start no item after a deadline; the result of those is None."""
    work = ParallelMap(function, items)
    end = math.inf if deadline is None else deadline
    _share(work, len(items), lambda: now() >= end)
    return work.results_so_far()


def _share(work: ParallelMap[A, T], count: int, is_over: Callable[[], bool]) -> None:
    threads = min(cores(), count)
    if threads <= 1:
        work.take_items(is_over=is_over)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - slow to import, and needed here only

    with ThreadPoolExecutor(threads, thread_name_prefix="smsgate") as executor:
        try:
            for future in [executor.submit(work.take_items, is_over=is_over) for _ in range(threads)]:
                future.result()
        finally:
            work.drop()


class Lock:
    """A re-entrant lock for threads; a forked process has its own.

    Re-entrant because hooks and log handlers run inside it, and may use the client. `ForkSafeLock` would not do: it
    makes a fork wait for the holder, which may wait for the network here.
    """

    def __init__(self) -> None:
        self._lock = PerProcess(threading.RLock)

    @contextmanager
    def hold(self, seconds: float = math.inf) -> Generator[bool]:
        """Hold the lock inside a ``with`` block; its value is False when the lock was not free in time."""
        lock = self._lock.get()
        if not lock.acquire(timeout=min(seconds, threading.TIMEOUT_MAX)):
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


class StoppedError(BaseException):
    """Ends a call of `Tasks` before its next attempt; it never leaves `Tasks`."""


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
        _thread.stop = self._stop
        try:
            self._ended.append((number, call()))
        except BaseException as error:  # noqa: BLE001 - raised by the consumer of `take`
            self._ended.append((number, error))
        finally:
            self._news.set()


def check_stop() -> None:
    """End the call of a thread of `Tasks` whose block was left.

    Raises:
        StoppedError: the block was left.
    """
    stop: threading.Event | None = getattr(_thread, "stop", None)
    if stop is not None and stop.is_set():
        raise StoppedError


def sleep(seconds: float) -> None:
    """Wait, no longer than until `check_stop` raises."""
    stop: threading.Event | None = getattr(_thread, "stop", None)
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)
        check_stop()


def iterate(items: Iterable[T]) -> Generator[T]:
    """Iterate over an iterable."""
    yield from items
