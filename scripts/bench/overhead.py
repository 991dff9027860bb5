"""Rows about the overhead of a send over the HTTP library in its ordinary use, with the same bytes."""

from __future__ import annotations

from .rows import OURS, Row, Side, Target

__all__ = ["ROWS"]

TASKS = 100


def _sync(library: str, limit: float, *, plus_us: float = 60.0, python: int = 10) -> Row:
    return Row(
        f"limit-{library}",
        f"our sync send beside {library} itself",
        "request",
        Side(f"smsgate, {library}", "send", {"package": OURS, "backend": library, "at_once": 1}),
        Side(library, "post", {"library": library, "at_once": 1}),
        Target("cpu", limit, plus_us=plus_us),
        python=python,
    )


def _async(library: str, limit: float, *, plus_us: float = 60.0, python: int = 10) -> Row:
    return Row(
        f"limit-{library}-async",
        f"our async send beside {library} itself, {TASKS} tasks",
        "request",
        Side(f"smsgate, {library}", "send_async", {"package": OURS, "backend": library, "at_once": TASKS}),
        Side(library, "post_async", {"library": library, "at_once": TASKS}),
        Target("cpu", limit, plus_us=plus_us),
        multiple=TASKS,
        python=python,
    )


ROWS = (
    _sync("httpx", 1.0),
    _async("httpx", 1.0),
    _sync("requests", 1.0),
    _async("aiohttp", 1.4),
    _sync("pyreqwest", 1.4, plus_us=110.0, python=11),
    _async("pyreqwest", 1.4, plus_us=110.0, python=11),
)
