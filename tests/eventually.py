"""Polling and time ratios for tests on busy machines."""

from __future__ import annotations

import contextlib
import inspect
import time
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["LIMIT", "SCALES", "eventually", "eventually_async", "in_proportion"]

T = TypeVar("T")

LIMIT = 60.0
"""Seconds that anything may take which a quiet machine does at once; only a failing test waits for so long."""

SCALES = (1, 5, 25)
"""Factors of the times in a test of proportions; see `in_proportion`."""


def eventually(condition: Callable[[], T], *, within: float = LIMIT, pause: float = 0.01) -> T:
    """Call something until it returns a true value, and return that; fail the test after ``within`` seconds."""
    until = time.monotonic() + within
    while not (found := condition()):
        if time.monotonic() > until:
            pytest.fail(f"not true within {within:g} s: {_source(condition)}")
        time.sleep(pause)
    return found


async def eventually_async(condition: Callable[[], Any], *, within: float = LIMIT, pause: float = 0.01) -> Any:
    """Do the same in an event loop that goes on meanwhile; what is called may return something to await."""
    until = time.monotonic() + within
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if time.monotonic() > until:
            pytest.fail(f"not true within {within:g} s: {_source(condition)}")
        await anyio.sleep(pause)


async def in_proportion(attempt: Callable[[float], Awaitable[T]]) -> T:
    """Await a test of times that must be in proportion, scaled up until it holds; raise the last failure.

    The delays of a busy machine do not grow with the times of the test, a fault of the tested code does.
    """
    for scale in SCALES[:-1]:
        with contextlib.suppress(Exception, pytest.fail.Exception):
            return await attempt(scale)
    return await attempt(SCALES[-1])


def _source(condition: Callable[[], Any]) -> str:
    try:
        return " ".join(inspect.getsource(condition).split())
    except (OSError, TypeError):
        return repr(condition)
