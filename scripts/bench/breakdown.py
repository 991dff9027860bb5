"""Rows that explain others: the rate of the HTTP library alone, and the cost of our adapter and of our own code."""

from __future__ import annotations

from .overhead import TASKS
from .rows import THEIRS, Row, Side, Target

__all__ = ["ROWS"]

_NONE = Target("cpu", None, plus_us=0.0)


def _bound(name: str, title: str, library: str, theirs: str, at_once: int, *, python: int = 10) -> Row:
    """Compare a library in its ordinary use with the official client, which bounds every client over it."""
    case = "_async" if name.startswith("async") else ""
    return Row(
        f"bound-{name}",
        f"bound: {title}",
        "request",
        Side(library, f"post{case}", {"library": library, "at_once": at_once}),
        Side(
            f"theirs, {theirs or 'default'}",
            f"send{case}",
            {"package": THEIRS, "backend": theirs, "at_once": at_once},
        ),
        Target("rate", None),
        multiple=at_once,
        python=python,
    )


ROWS = (
    _bound("sync-fastest", "pyreqwest itself beside their fastest", "pyreqwest", "httpx", 1, python=11),
    _bound("sync-fastest-8", "the same with 8 threads", "pyreqwest", "httpx", 8, python=11),
    _bound("async-default", f"aiohttp itself beside their default, {TASKS} tasks", "aiohttp", "", TASKS),
    _bound("async-aiohttp", f"aiohttp itself beside theirs over it, {TASKS} tasks", "aiohttp", "aiohttp", TASKS),
    _bound(
        "async-fastest",
        f"pyreqwest itself beside their fastest, {TASKS} tasks",
        "pyreqwest",
        "aiohttp",
        TASKS,
        python=11,
    ),
    Row(
        "part-pyreqwest",
        "part: our pyreqwest adapter with a ready request, beside pyreqwest itself",
        "request",
        Side("adapter", "adapter", {"library": "pyreqwest"}),
        Side("pyreqwest", "post", {"library": "pyreqwest", "at_once": 1}),
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
        "part: our own code for a send, right after a sleep of 50 µs, beside the same in a tight loop",
        "request",
        Side("after a sleep", "client_only", {"pause_us": 50}),
        Side("tight loop", "client_only", {"pause_us": 0}),
        _NONE,
    ),
)
