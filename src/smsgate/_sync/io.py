"""What the synchronous half waits for; `smsgate._async.io` is its hand-written counterpart."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import Self

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from types import TracebackType

__all__ = ["Workers", "batches", "join", "now", "sleep"]

T = TypeVar("T")

sleep = time.sleep
now = time.monotonic


def join(chunks: Iterable[bytes]) -> bytes:
    """Read chunks to their end."""
    return b"".join(chunks)


class Workers:
    """Runs several calls at once, each in a thread, and returns when all have ended."""

    def __init__(self, count: int) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="smsgate")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _tb: TracebackType | None) -> None:
        self._executor.shutdown()

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Return the results in the order of the calls."""
        return [future.result() for future in [self._executor.submit(call) for call in calls]]


def batches(items: Iterable[T], size: int) -> Generator[list[T]]:
    """Read an iterable in lists of at most ``size``, never further ahead than one list."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
