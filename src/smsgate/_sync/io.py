"""What the synchronous half waits for; `smsgate._async.io` is its hand-written counterpart."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from typing_extensions import ParamSpec, Self

from smsgate._core.parallel import ParallelMap, cores
from smsgate._core.responses import too_large

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from types import TracebackType

__all__ = [
    "Lock",
    "LockTimeoutError",
    "Tasks",
    "call_blocking",
    "check_stop",
    "compute",
    "iterate",
    "join",
    "now",
    "run_in_workers",
    "run_in_workers_until",
    "sleep",
]

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")

now = time.monotonic
_thread = threading.local()
"""``stop``: the event that ends the call of a thread of `Tasks`."""


def call_blocking(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Call something that may block for a moment."""
    return function(*arguments, **keywords)


def compute(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Call something that computes for a while."""
    return function(*arguments, **keywords)


def run_in_workers(function: Callable[[A], T], items: Sequence[A]) -> list[T]:
    """Apply a function that computes for long to all items, in as many threads as there are cores.

    An interrupted call ends with the items that are being computed.
    """
    load = ParallelMap(function, items)
    _share(load, len(items), lambda: False)
    return load.results()


def run_in_workers_until(function: Callable[[A], T], items: Sequence[A], deadline: float | None) -> list[T | None]:
    """Do what `run_in_workers` does, but begin no item after a deadline; those have None in the place of a result."""
    load = ParallelMap(function, items)
    end = math.inf if deadline is None else deadline
    _share(load, len(items), lambda: now() >= end)
    return load.results_so_far()


def _share(load: ParallelMap[A, T], count: int, is_over: Callable[[], bool]) -> None:
    threads = min(cores(), count)
    if threads <= 1:
        load.work(is_over=is_over)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - slow to import, and needed here only

    with ThreadPoolExecutor(threads, thread_name_prefix="smsgate") as executor:
        try:
            for future in [executor.submit(load.work, is_over=is_over) for _ in range(threads)]:
                future.result()
        finally:
            load.drop()


class LockTimeoutError(Exception):
    """A lock could not be had in time; never leaves the exchange."""


class Lock:
    """A lock whose holders are threads; a forked process has its own.

    A thread that holds it may take it again: hooks and log handlers run inside, and may use the client that they serve.
    """

    def __init__(self) -> None:
        self._locks: dict[int, threading.RLock] = {}

    @contextmanager
    def hold(self, seconds: float = math.inf) -> Generator[None]:
        """Hold the lock inside a ``with`` block.

        Raises:
            LockTimeoutError: others held it for all the seconds that there were.
        """
        lock = self._locks.setdefault(os.getpid(), threading.RLock())  # setdefault: one for all threads
        if not lock.acquire(timeout=min(seconds, threading.TIMEOUT_MAX)):
            raise LockTimeoutError
        try:
            yield
        finally:
            lock.release()


def join(chunks: Iterable[bytes], largest: float = math.inf) -> bytes:
    """Read chunks to their end.

    Raises:
        ResponseError: they are an attachment, and longer than the client allows.
    """
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > largest:
            raise too_large("attachment", "max_attachment_size", int(largest))
        parts.append(chunk)
    return b"".join(parts)


class StoppedError(BaseException):
    """Ends a call of `Tasks` that is to make no further attempt; nobody outside sees it."""


class Tasks(Generic[T]):
    """Calls that run at once beside their caller, in threads. Leaving the block lets no call make another attempt."""

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
        """Begin a call; `take` returns its result under this number."""
        self._executor.submit(self._run, number, call)

    def wait(self) -> None:
        """Wait until a call has ended since the last time."""
        self._news.wait()
        self._news.clear()

    def take(self) -> list[tuple[int, T | BaseException]]:
        """Return what has ended since the last time: numbers, and results or what was raised."""
        return [self._ended.popleft() for _ in range(len(self._ended))]

    def _run(self, number: int, call: Callable[[], T]) -> None:
        _thread.stop = self._stop
        try:
            self._ended.append((number, call()))
        except BaseException as error:  # noqa: BLE001 - raised by who takes it
            self._ended.append((number, error))
        finally:
            self._news.set()


def check_stop() -> None:
    """Raise in a call that is to end before its next attempt.

    Raises:
        StoppedError: the call is one of `Tasks` whose block was left.
    """
    stop: threading.Event | None = getattr(_thread, "stop", None)
    if stop is not None and stop.is_set():
        raise StoppedError


def sleep(seconds: float) -> None:
    """Wait, or raise like `check_stop`."""
    stop: threading.Event | None = getattr(_thread, "stop", None)
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)
        check_stop()


def iterate(items: Iterable[T]) -> Generator[T]:
    """Read an iterable."""
    yield from items
