"""Total time limits under asyncio: one timer for all exchanges with the same limit, where each would have one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from smsgate._backends.transport_errors import timed_out

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Deadline", "Deadlines"]

_GRACE = 0.01
"""Seconds more than asked for: who limits the time to connect as well hears of that first, and so that nothing left."""


class Deadlines:
    """The deadlines of the running event loop, by their limits: of those with the same, the first begun ends first."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines: dict[float, dict[Deadline, None]] = {}

    def add(self, deadline: Deadline, seconds: float) -> dict[Deadline, None]:
        """Have a deadline expire after its limit, unless it is taken from the returned line before."""
        deadline.when = self._loop.time() + seconds + _GRACE
        line = self._lines.get(seconds)
        if line is None:
            line = self._lines[seconds] = {}
            self._loop.call_at(deadline.when, self._sweep, seconds)
        line[deadline] = None
        return line

    def _sweep(self, seconds: float) -> None:
        line, now = self._lines[seconds], self._loop.time()
        for deadline in list(line):
            if deadline.when > now:
                self._loop.call_at(deadline.when, self._sweep, seconds)
                return
            del line[deadline]
            deadline.expire()
        del self._lines[seconds]


class Deadline:
    """A ``with`` block around an exchange, which is cancelled at its limit and then fails with `RequestTimeoutError`.

    Args:
        deadlines: those of the running event loop.
        seconds: the limit, None for none.

    Attributes:
        when: moment of the end, on the event loop's clock.
        sent: whether the request has certainly left, to be set by the block.
    """

    __slots__ = ("_before", "_deadlines", "_expired", "_line", "_seconds", "_task", "sent", "when")
    _task: Any  # Python 3.10 counts no cancellations

    def __init__(self, deadlines: Deadlines, seconds: float | None) -> None:
        self._deadlines = deadlines
        self._seconds = seconds
        self._expired = False
        self.when = 0.0
        self.sent: bool | None = None

    def __enter__(self) -> Self:
        if self._seconds is not None:
            self._task = asyncio.current_task()
            self._before = self._task.cancelling() if hasattr(self._task, "cancelling") else 0
            self._line = self._deadlines.add(self, self._seconds)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        if self._seconds is not None:
            self._line.pop(self, None)
        if not self._expired:
            return
        others = self._task.uncancel() > self._before if hasattr(self._task, "uncancel") else False
        if kind is not None and issubclass(kind, asyncio.CancelledError) and not others:
            raise timed_out(sent=self.sent) from error

    def expire(self) -> None:
        """Cancel the task of the exchange."""
        self._expired = True
        self._task.cancel()
