"""The loop of every case: a number comes in, that many operations are done, what they took goes out."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["options", "serve"]


def options() -> dict[str, Any]:
    """Return the options that the bench gave to this process."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


def serve(work: Callable[[int], object]) -> None:
    """Do rounds until the input ends.

    Args:
        work: does so many operations; a number that it returns is bytes of memory.
    """
    for line in sys.stdin:
        count = int(line)
        wall, cpu = time.perf_counter(), time.process_time()
        memory = work(count)
        taken: dict[str, Any] = {
            "wall": (time.perf_counter() - wall) / count,
            "cpu": (time.process_time() - cpu) / count,
        }
        if isinstance(memory, int):
            taken["memory"] = memory
        print(json.dumps(taken), flush=True)
