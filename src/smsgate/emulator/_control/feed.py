"""Recent changes of a gateway in a bounded memory, for event streams and for waiting."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from smsgate.runtime.locks import ForkSafeLock

if TYPE_CHECKING:
    from smsgate.emulator._state.changes import ChangeKind

CAPACITY = 4096


@dataclass(frozen=True, slots=True)
class Recent:
    """Changes since a number, each thing once; ``complete`` is false when some were forgotten."""

    changes: tuple[tuple[ChangeKind, int | str], ...]
    last: int
    complete: bool


class ChangeFeed:
    """The last changes, numbered from 1. Threads may share it."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._changes: deque[tuple[ChangeKind, int | str]] = deque(maxlen=capacity)
        self._lock = ForkSafeLock()
        self.last: int = 0

    def add(self, kind: ChangeKind, key: int | str) -> None:
        """Take note of a change; usable as a listener of `Changes`."""
        with self._lock:
            self.last += 1
            self._changes.append((kind, key))

    def since(self, number: int) -> Recent:
        """Return the changes after a number, in the order in which things changed last."""
        with self._lock:
            missing = self.last - number
            complete = 0 <= missing <= len(self._changes)
            latest = dict.fromkeys(islice(reversed(self._changes), missing) if complete else ())
            last = self.last
        return Recent(tuple(reversed(latest)), last, complete)
