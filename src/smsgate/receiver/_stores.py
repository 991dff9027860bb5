"""What is kept about received events: those that are not done yet, and the marks of all for some days."""

from __future__ import annotations

import heapq
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from smsgate.runtime.locks import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta


MAX_BYTES = 256 * 1024 * 1024
_log = logging.getLogger("smsgate.receiver")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An event in somebody's hands, to be given back by exactly one of `finish`, `repeat`, `give_up`, `release`.

    Attributes:
        number: the store's own number of it.
        body: the raw body.
        attempts: how often handling it was begun, this time included.
        finished: names of the handlers that are through.
    """

    number: int
    body: bytes = field(repr=False)
    attempts: int = 1
    finished: frozenset[str] = frozenset()


class EventStore(Protocol):
    """Where received events wait until they are handled. Called from several tasks, maybe of several event loops.

    An implementation hands out every event to one caller at a time, and again when that caller's process is gone. A
    receiver does not cancel these calls; only the end of its event loop does.
    """

    async def add(self, body: bytes, marks: tuple[str, ...], *, window: timedelta) -> Unfinished | None:
        """Keep an event and hand it out; None if one of its marks was seen within the window.

        It must be safe when this returns: the phone is told that it need not send it again.
        """
        ...

    async def claim(self, limit: int) -> list[Unfinished]:
        """Hand out events that are due and in nobody's hands, those of dead processes included."""
        ...

    async def unfinished(self) -> int:
        """Count the events that are still to be handled, those in somebody's hands included."""
        ...

    async def note(self, number: int, *, finished: frozenset[str]) -> None:
        """Note which handlers are through with an event that stays in hand, in case that the process dies."""
        ...

    async def finish(self, number: int) -> None:
        """Note that an event is handled; its marks stay."""
        ...

    async def repeat(self, number: int, *, after: float, finished: frozenset[str]) -> None:
        """Take an event back, to be handed out again after so many seconds."""
        ...

    async def give_up(self, number: int) -> None:
        """Set an event aside: kept, but not handed out any more."""
        ...

    def release(self, number: int) -> None:
        """Take an event back whose handling was interrupted. Must not wait: the event loop may be closing."""
        ...


@dataclass(slots=True)
class _Kept:
    number: int
    body: bytes = field(repr=False)
    attempts: int
    due: float
    finished: frozenset[str] = frozenset()
    held: bool = True

    def hand_out(self) -> Unfinished:
        return Unfinished(self.number, self.body, self.attempts, self.finished)


class MemoryStore:
    """Keeps events in this process: they outlive a failed handler, but not the process.

    Args:
        clock: seconds since any moment.
        limit: marks kept at most; the oldest are forgotten first.
        max_bytes: bodies of all events that are not handled. When there is no room for another one, events that were
            given up are dropped, the oldest first; if that is not enough, it is refused until there is room again.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, limit: int = 200_000, max_bytes: int = MAX_BYTES
    ) -> None:
        self._clock = clock
        self._limit = limit
        self._room = max_bytes
        self._lock = ForkSafeLock()
        self._marks: dict[str, float] = {}  # oldest first
        self._kept: dict[int, _Kept] = {}
        self._waiting: list[tuple[float, int]] = []  # a heap of those in nobody's hands: when they are due, and number
        self._failed: dict[int, _Kept] = {}
        self._count = 0

    def __repr__(self) -> str:
        return f"MemoryStore(unfinished={len(self._kept)}, failed={len(self._failed)})"

    async def add(self, body: bytes, marks: tuple[str, ...], *, window: timedelta) -> Unfinished | None:
        """See `EventStore.add`."""
        now = self._clock()
        with self._lock:
            self._forget(now - window.total_seconds())
            if any(mark in self._marks for mark in marks):
                return None
            if not self._make_room(len(body)):
                raise MemoryError("more unhandled events than the memory store takes")
            self._room -= len(body)
            self._marks.update(dict.fromkeys(marks, now))
            self._count += 1
            kept = self._kept[self._count] = _Kept(self._count, body, 1, now)
            return kept.hand_out()

    def _make_room(self, size: int) -> bool:
        """Drop what was given up, as far as that is of any use."""
        if self._room >= size:
            return True
        if self._room + sum(len(kept.body) for kept in self._failed.values()) < size:
            return False
        dropped = 0
        while self._room < size:
            self._room += len(self._failed.pop(next(iter(self._failed))).body)
            dropped += 1
        if dropped:
            _log.warning("%d events that were set aside are dropped, to make room for others", dropped)
        return True

    def _forget(self, before: float) -> None:
        while self._marks:
            mark, seen = next(iter(self._marks.items()))
            if seen >= before and len(self._marks) <= self._limit:
                return
            del self._marks[mark]

    async def claim(self, limit: int) -> list[Unfinished]:
        """See `EventStore.claim`."""
        now = self._clock()
        with self._lock:
            handed: list[Unfinished] = []
            while self._waiting and self._waiting[0][0] <= now and len(handed) < limit:
                kept = self._kept.get(heapq.heappop(self._waiting)[1])
                if kept and not kept.held:
                    kept.held = True
                    kept.attempts += 1
                    handed.append(kept.hand_out())
            return handed

    async def unfinished(self) -> int:
        """See `EventStore.unfinished`."""
        return len(self._kept)

    async def failed(self) -> int:
        """Count the events that were given up."""
        return len(self._failed)

    async def revive(self) -> int:
        """Let events that were given up be handled again; returns how many."""
        with self._lock:
            revived = len(self._failed)
            for number, kept in self._failed.items():
                self._kept[number] = _Kept(number, kept.body, 0, self._clock(), kept.finished)
                self._put_back(self._kept[number])
            self._failed.clear()
            return revived

    async def discard(self) -> int:
        """Forget events that were given up, except that they were received; returns how many."""
        with self._lock:
            discarded = len(self._failed)
            self._room += sum(len(kept.body) for kept in self._failed.values())
            self._failed.clear()
            return discarded

    async def note(self, number: int, *, finished: frozenset[str]) -> None:
        """See `EventStore.note`."""
        with self._lock:
            self._kept[number].finished = finished

    async def finish(self, number: int) -> None:
        """See `EventStore.finish`."""
        with self._lock:
            self._drop(number)

    async def repeat(self, number: int, *, after: float, finished: frozenset[str]) -> None:
        """See `EventStore.repeat`."""
        with self._lock:
            kept = self._kept[number]
            kept.due, kept.finished = self._clock() + after, finished
            self._put_back(kept)

    def _put_back(self, kept: _Kept) -> None:
        kept.held = False
        heapq.heappush(self._waiting, (kept.due, kept.number))

    def _drop(self, number: int) -> None:
        kept = self._kept.pop(number, None)
        if kept:
            self._room += len(kept.body)

    async def give_up(self, number: int) -> None:
        """See `EventStore.give_up`."""
        with self._lock:
            kept = self._kept.pop(number, None)
            if kept:
                self._failed[number] = kept

    def release(self, number: int) -> None:
        """See `EventStore.release`."""
        with self._lock:
            kept = self._kept.get(number)
            if kept and kept.held:
                self._put_back(kept)
