"""Measurement loop of every case: it reads a number, does that many operations and writes their times."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["options", "serve", "serve_threads"]


def options() -> dict[str, Any]:
    """Return the options that the bench gave to this process."""
    parsed: dict[str, Any] = json.loads(sys.argv[1])
    return parsed


def serve(work: Callable[[int], Mapping[str, float] | None]) -> None:
    """Do rounds until the input ends.

    Args:
        work: does so many operations; may return more figures of the round, by their names in a sample.
    """
    for line in sys.stdin:
        count = int(line)
        wall, cpu = time.perf_counter(), time.process_time()
        figures = work(count)
        taken: dict[str, Any] = {
            "wall": (time.perf_counter() - wall) / count,
            "cpu": (time.process_time() - cpu) / count,
        }
        print(json.dumps({**taken, **(figures or {})}), flush=True)


def serve_threads(work: Callable[[int], None], threads: int) -> None:
    """Do rounds until the input ends, each shared among so many threads; one thread is this one."""
    if threads == 1:
        serve(work)
        return
    with ThreadPoolExecutor(threads) as pool:

        def shared(count: int) -> None:
            list(pool.map(work, [count // threads] * threads))

        serve(shared)
