"""Rows about sends, one message after the other, beside the official client; without targets (decision 0007)."""

from __future__ import annotations

from .rows import OURS, THEIRS, Row, Side, Target

__all__ = ["ROWS"]

TASKS = 100


def _side(label: str, case: str, package: str, backend: str, at_once: int) -> Side:
    return Side(label, case, {"package": package, "backend": backend, "at_once": at_once})


def _sync(name: str, title: str, ours: str, theirs: str, *, threads: int = 1, python: int = 10) -> Row:
    return Row(
        name,
        title,
        "request",
        _side(f"smsgate, {ours or 'default'}", "send", OURS, ours, threads),
        _side(f"theirs, {theirs or 'default'}", "send", THEIRS, theirs, threads),
        Target("rate", None),
        multiple=threads,
        python=python,
    )


def _async(name: str, title: str, ours: str, theirs: str, *, slow: bool = False, python: int = 10) -> Row:
    return Row(
        name,
        f"{title}, {TASKS} tasks",
        "request",
        _side(f"smsgate, {ours or 'default'}", "send_async", OURS, ours, TASKS),
        _side(f"theirs, {theirs or 'default'}", "send_async", THEIRS, theirs, TASKS),
        Target("rate", None),
        multiple=TASKS,
        slow=slow,
        python=python,
    )


ROWS = (
    _sync("sync-default", "sync send, default of each (httpx; httpx)", "", ""),
    _sync("sync-fastest", "sync send, fastest of each (pyreqwest; httpx)", "pyreqwest", "httpx", python=11),
    _sync(
        "sync-fastest-8",
        "sync send, fastest of each, 8 threads",
        "pyreqwest",
        "httpx",
        threads=8,
        python=11,
    ),
    _sync("sync-requests", "sync send, requests on both", "requests", "requests"),
    _async("async-default", "async send, default of each (aiohttp; httpx)", "", ""),
    _async("async-aiohttp", "async send, aiohttp on both", "aiohttp", "aiohttp"),
    _async("async-aiohttp-50ms", "async send, aiohttp on both, server 50 ms", "aiohttp", "aiohttp", slow=True),
    _async("async-fastest", "async send, fastest of each (pyreqwest; aiohttp)", "pyreqwest", "aiohttp", python=11),
    _async("async-httpx", "async send, httpx on both", "httpx", "httpx"),
    _async("async-httpx-50ms", "async send, httpx on both, server 50 ms", "httpx", "httpx", slow=True),
)
