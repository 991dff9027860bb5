"""Total time limits under asyncio: one timer for all exchanges with the same limit, where each would have one."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from smsgate._backends.failures import timed_out

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Deadline", "Deadlines"]

_GRACE = 0.01
"""Seconds more than asked for: who limits the time to connect as well hears of that first, and so that nothing left."""


class Deadlines:
    """The exchanges of the running event loop that have the same limit; the first to begin is the first to end.

    Args:
        seconds: the limit, None for none.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.loop = asyncio.get_running_loop()
        self._open: dict[Deadline, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, deadline: Deadline) -> None:
        """Have it expire when its time has come."""
        if self.seconds is None:
            return
        self._open[deadline] = None
        if self._timer is None:
            self._timer = self.loop.call_at(deadline.when, self._sweep)

    def remove(self, deadline: Deadline) -> None:
        """Forget it, if it has not expired."""
        self._open.pop(deadline, None)

    def _sweep(self) -> None:
        now = self.loop.time()
        over: list[Deadline] = []
        self._timer = None
        for deadline in self._open:
            if deadline.when > now:
                self._timer = self.loop.call_at(deadline.when, self._sweep)
                break
            over.append(deadline)
        for deadline in over:
            del self._open[deadline]
            deadline.expire()


class Deadline:
    """A ``with`` block around an exchange, which is cancelled at its limit and then fails with `RequestTimeoutError`.

    Attributes:
        when: moment of the end, on the event loop's clock.
        sent: whether the request has certainly left, to be set by the block.
    """

    __slots__ = ("_before", "_deadlines", "_expired", "_task", "sent", "when")
    _task: Any  # Python 3.10 counts no cancellations

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self.when = deadlines.loop.time() + _GRACE + (math.inf if deadlines.seconds is None else deadlines.seconds)
        self.sent: bool | None = None

    def __enter__(self) -> Self:
        self._expired = False
        self._task = asyncio.current_task()
        self._before = self._task.cancelling() if hasattr(self._task, "cancelling") else 0
        self._deadlines.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._deadlines.remove(self)
        if not self._expired:
            return
        others = self._task.uncancel() > self._before if hasattr(self._task, "uncancel") else False
        if kind is not None and not others:
            raise timed_out(sent=self.sent) from None

    def expire(self) -> None:
        """Cancel the task of the exchange."""
        self._expired = True
        self._task.cancel()
