"""The parts of a send, for the rows that miss a target: what the library, our adapter and our own work take."""

from __future__ import annotations

from .limits import TASKS
from .rows import Row, Side, Target

__all__ = ["ROWS"]

_NONE = Target("none", 0.0)

ROWS = (
    Row(
        "part-pyreqwest",
        "part: our pyreqwest adapter with a ready request, beside pyreqwest itself",
        "request",
        Side("adapter", "adapter", {"library": "pyreqwest"}),
        Side("pyreqwest", "post", {"library": "pyreqwest"}),
        _NONE,
        python=11,
    ),
    Row(
        "part-aiohttp-async",
        f"part: our aiohttp adapter with ready requests, {TASKS} tasks, beside aiohttp itself",
        "request",
        Side("adapter", "adapter_async", {"library": "aiohttp", "at_once": TASKS}),
        Side("aiohttp", "post_async", {"library": "aiohttp", "at_once": TASKS}),
        _NONE,
        multiple=TASKS,
    ),
    Row(
        "part-own",
        "part: our own work for a send, right after a sleep of 50 µs, beside the same in a tight loop",
        "request",
        Side("after a sleep", "own", {"pause_us": 50}),
        Side("tight loop", "own", {"pause_us": 0}),
        _NONE,
    ),
)
