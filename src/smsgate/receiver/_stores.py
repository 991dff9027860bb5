"""Event stores: the protocol, and the store in memory."""

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
class StoredEvent:
    """An event that a caller has claimed and gives back by exactly one of `finish`, `repeat`, `give_up`, `release`.

    Attributes:
        number: the store's own number of the event.
        body: the raw body.
        attempts: number of attempts to handle it, this one included.
        finished: names of the handlers that have succeeded.
    """

    number: int
    body: bytes = field(repr=False)
    attempts: int = 1
    finished: frozenset[str] = frozenset()


class EventStore(Protocol):
    """Storage of received events until they are handled. Called from several tasks, maybe of several event loops.

    An implementation gives every event to one caller at a time, and to another one when that caller's process has
    ended. A receiver does not cancel these calls; only the end of its event loop does.
    """

    async def add(self, body: bytes, keys: tuple[str, ...], *, window: timedelta) -> StoredEvent | None:
        """Store an event and claim it; None for a duplicate, with a deduplication key that was seen within the window.

        The event must be durable when this returns: the phone will not send it again.
        """
        ...

    async def claim(self, limit: int) -> list[StoredEvent]:
        """Claim events that are due and that no living process has claimed."""
        ...

    async def unfinished(self) -> int:
        """Count the events that are still to be handled, claimed ones included."""
        ...

    async def note(self, number: int, *, finished: frozenset[str]) -> None:
        """Record which handlers have succeeded for an event that stays claimed, in case that the process dies."""
        ...

    async def finish(self, number: int) -> None:
        """Record that an event is handled; its deduplication keys stay."""
        ...

    async def repeat(self, number: int, *, after: float, finished: frozenset[str]) -> None:
        """Release an event whose handlers failed; it is due again after a delay in seconds."""
        ...

    async def give_up(self, number: int) -> None:
        """Set an event aside: it stays stored, but cannot be claimed any more."""
        ...

    def release(self, number: int) -> None:
        """Release an event whose handling was interrupted. Must not wait: the event loop may be closing."""
        ...


@dataclass(slots=True)
class _Entry:
    number: int
    body: bytes = field(repr=False)
    attempts: int
    due: float
    finished: frozenset[str] = frozenset()
    is_claimed: bool = True

    def to_event(self) -> StoredEvent:
        return StoredEvent(self.number, self.body, self.attempts, self.finished)


class MemoryStore:
    """Event store in memory: events outlive a failed handler, but not the process.

    Args:
        clock: returns monotonic seconds.
        limit: deduplication keys that are remembered at most; the oldest are forgotten first.
        max_bytes: bytes of the bodies of all events that are not handled. When there is no room for another one, events
            that were set aside are dropped, the oldest first; if that is not enough, it is rejected.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, limit: int = 200_000, max_bytes: int = MAX_BYTES
    ) -> None:
        self._clock = clock
        self._limit = limit
        self._room = max_bytes
        self._lock = ForkSafeLock()
        self._keys: dict[str, float] = {}  # oldest first
        self._entries: dict[int, _Entry] = {}
        self._queue: list[tuple[float, int]] = []  # a heap of unclaimed events: when they are due, and their numbers
        self._failed: dict[int, _Entry] = {}
        self._count = 0

    def __repr__(self) -> str:
        return f"MemoryStore(unfinished={len(self._entries)}, failed={len(self._failed)})"

    async def add(self, body: bytes, keys: tuple[str, ...], *, window: timedelta) -> StoredEvent | None:
        """See `EventStore.add`."""
        now = self._clock()
        with self._lock:
            self._forget(now - window.total_seconds())
            if any(key in self._keys for key in keys):
                return None
            if not self._make_room(len(body)):
                raise MemoryError("more unhandled events than the memory store takes")
            self._room -= len(body)
            self._keys.update(dict.fromkeys(keys, now))
            self._count += 1
            entry = self._entries[self._count] = _Entry(self._count, body, 1, now)
            return entry.to_event()

    def _make_room(self, size: int) -> bool:
        """Make room for a body by dropping events that were set aside, if that is enough."""
        if self._room >= size:
            return True
        if self._room + sum(len(entry.body) for entry in self._failed.values()) < size:
            return False
        dropped = 0
        while self._room < size:
            self._room += len(self._failed.pop(next(iter(self._failed))).body)
            dropped += 1
        if dropped:
            _log.warning("%d events that were set aside are dropped, to make room for others", dropped)
        return True

    def _forget(self, before: float) -> None:
        while self._keys:
            key, seen = next(iter(self._keys.items()))
            if seen >= before and len(self._keys) <= self._limit:
                return
            del self._keys[key]

    async def claim(self, limit: int) -> list[StoredEvent]:
        """See `EventStore.claim`."""
        now = self._clock()
        with self._lock:
            claimed: list[StoredEvent] = []
            while self._queue and self._queue[0][0] <= now and len(claimed) < limit:
                entry = self._entries.get(heapq.heappop(self._queue)[1])
                if entry and not entry.is_claimed:
                    entry.is_claimed = True
                    entry.attempts += 1
                    claimed.append(entry.to_event())
            return claimed

    async def unfinished(self) -> int:
        """See `EventStore.unfinished`."""
        return len(self._entries)

    async def failed(self) -> int:
        """Count the events that were set aside."""
        return len(self._failed)

    async def revive(self) -> int:
        """Let events that were set aside be handled again; returns how many."""
        with self._lock:
            revived = len(self._failed)
            for number, entry in self._failed.items():
                self._entries[number] = _Entry(number, entry.body, 0, self._clock(), entry.finished)
                self._requeue(self._entries[number])
            self._failed.clear()
            return revived

    async def discard(self) -> int:
        """Delete events that were set aside, but not their deduplication keys; returns how many."""
        with self._lock:
            discarded = len(self._failed)
            self._room += sum(len(entry.body) for entry in self._failed.values())
            self._failed.clear()
            return discarded

    async def note(self, number: int, *, finished: frozenset[str]) -> None:
        """See `EventStore.note`."""
        with self._lock:
            self._entries[number].finished = finished

    async def finish(self, number: int) -> None:
        """See `EventStore.finish`."""
        with self._lock:
            self._drop(number)

    async def repeat(self, number: int, *, after: float, finished: frozenset[str]) -> None:
        """See `EventStore.repeat`."""
        with self._lock:
            entry = self._entries[number]
            entry.due, entry.finished = self._clock() + after, finished
            self._requeue(entry)

    def _requeue(self, entry: _Entry) -> None:
        entry.is_claimed = False
        heapq.heappush(self._queue, (entry.due, entry.number))

    def _drop(self, number: int) -> None:
        entry = self._entries.pop(number, None)
        if entry:
            self._room += len(entry.body)

    async def give_up(self, number: int) -> None:
        """See `EventStore.give_up`."""
        with self._lock:
            entry = self._entries.pop(number, None)
            if entry:
                self._failed[number] = entry

    def release(self, number: int) -> None:
        """See `EventStore.release`."""
        with self._lock:
            entry = self._entries.get(number)
            if entry and entry.is_claimed:
                self._requeue(entry)
