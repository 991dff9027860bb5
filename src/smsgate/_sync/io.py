"""What the synchronous half waits for; `smsgate._async.io` is its hand-written counterpart."""

from __future__ import annotations

import math
import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import ParamSpec, Self

from smsgate.workload import Workload, cores

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from types import TracebackType

__all__ = [
    "Lock",
    "LockTimeoutError",
    "Workers",
    "batches",
    "call_blocking",
    "compute",
    "join",
    "now",
    "run_in_workers",
    "sleep",
]

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")

sleep = time.sleep
now = time.monotonic


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
    load = Workload(function, items)
    threads = min(cores(), len(items))
    if threads <= 1:
        load.work()
        return load.results()
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - slow to import, and needed here only

    with ThreadPoolExecutor(threads, thread_name_prefix="smsgate") as executor:
        try:
            for future in [executor.submit(load.work) for _ in range(threads)]:
                future.result()
        finally:
            load.drop()
    return load.results()


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


def join(chunks: Iterable[bytes]) -> bytes:
    """Read chunks to their end."""
    return b"".join(chunks)


class Workers:
    """Runs several calls at once, each in a thread, and returns when all have ended."""

    def __init__(self, count: int) -> None:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - slow to import, and needed here only

        self._executor = ThreadPoolExecutor(count, thread_name_prefix="smsgate")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _tb: TracebackType | None) -> None:
        self._executor.shutdown()

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Return the results in the order of the calls."""
        return [future.result() for future in [self._executor.submit(call) for call in calls]]


def batches(items: Iterable[T], size: int) -> Generator[list[T]]:
    """Read an iterable in lists of at most ``size``, never further ahead than one list.

    When the iterable fails, what it gave before comes first.
    """
    batch: list[T] = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch
                batch = []
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
