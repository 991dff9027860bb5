"""Waiting, locks and threads of the synchronous client; the counterpart of `smsgate._async.io`."""

from __future__ import annotations

import math
import random
import threading
import time
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import ParamSpec, TypeVarTuple, Unpack

from smsgate._core.parallel import ParallelMap, cores
from smsgate.errors import ConfigurationError
from smsgate.runtime.locks import PerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from smsgate._http import HttpClient

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

now = time.monotonic
draw = random.random  # spreads retries, and protects nothing
LARGE = 64 * 1024
"""Bytes from which on the asynchronous client parses a body in a thread."""
this_thread = threading.local()
"""``stop``: in a thread of `smsgate._sync.tasks.Tasks`, the event after which its call makes no further attempt."""


class StoppedError(BaseException):
    """Ends a call in a thread of `smsgate._sync.tasks.Tasks`; it never leaves the thread."""


def check_stop() -> None:
    """End the call of a thread whose `smsgate._sync.tasks.Tasks` have ended.

    Raises:
        StoppedError: they have ended.
    """
    stop: threading.Event | None = getattr(this_thread, "stop", None)
    if stop is not None and stop.is_set():
        raise StoppedError


def sleep(seconds: float) -> None:
    """Wait, no longer than until `check_stop` raises."""
    stop: threading.Event | None = getattr(this_thread, "stop", None)
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)
        check_stop()


def check_awaitable(result: T) -> T:
    """Return what a method of the HTTP backend returned."""
    return result


def check_stream(stream: AbstractContextManager[T]) -> AbstractContextManager[T]:
    """Return what the HTTP backend's ``stream`` returned.

    Raises:
        ConfigurationError: it is no context manager.
    """
    if not hasattr(stream, "__enter__"):
        raise ConfigurationError("http takes an object with functions send and close, and stream, for ``with``")
    return stream


def close(client: HttpClient) -> None:
    """Close an HTTP backend."""
    client.close()


def call_blocking(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Call a function that may block."""
    return function(*arguments, **keywords)


def compute(function: Callable[[Unpack[Ts]], T], *arguments: Unpack[Ts], in_thread: bool) -> T:  # noqa: ARG001 - as there
    """Call a function that may compute for a while."""
    return function(*arguments)


def run_in_workers(function: Callable[[A], T], items: Sequence[A], deadline: float = math.inf) -> list[T]:
    """Apply a function to all items in as many threads as there are cores; none is started after the deadline.

    An interrupted call starts no further item.

    Returns:
        The results in the order of the items; fewer if the deadline was reached.
    """
    work = ParallelMap(function, items)
    threads = min(cores(), len(items))
    take_items = partial(work.take_items, is_over=lambda: now() >= deadline)
    if threads <= 1:
        take_items()
        return work.results()
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - slow to import, and needed here only

    with ThreadPoolExecutor(threads, thread_name_prefix="smsgate") as executor:
        try:
            for future in [executor.submit(take_items) for _ in range(threads)]:
                future.result()
        finally:
            work.drop()
    return work.results()


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
        try:
            yield lock.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))
        finally:  # after Ctrl-C, too, which may come between acquiring the lock and the block
            try:  # noqa: SIM105 - Ctrl-C could come in the code of `suppress`
                lock.release()
            except RuntimeError:  # this thread does not hold it
                pass


def iterate(items: Iterable[T]) -> Generator[T]:
    """Iterate over an iterable."""
    yield from items
