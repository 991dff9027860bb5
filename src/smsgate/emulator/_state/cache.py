"""Cache with a sliding TTL on the gateway's clock."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SlidingCache(Generic[Value]):
    """Values that expire when they are not read for a TTL in seconds: each read extends it.

    Args:
        seconds: the TTL.
        limit: how many values are kept; those that were not used for longest are removed.
    """

    def __init__(self, seconds: float, *, limit: int = 4000) -> None:
        self._limit = limit
        self._life = timedelta(seconds=seconds)
        self._items: OrderedDict[str, tuple[datetime, Value]] = OrderedDict()

    def put(self, key: str, value: Value, now: datetime) -> None:
        """Store a value under a key."""
        self._items[key] = (now + self._life, value)
        self._items.move_to_end(key)
        if len(self._items) > self._limit:
            self._items.popitem(last=False)

    def get(self, key: str, now: datetime) -> tuple[Value] | None:
        """Return the value in a tuple of one, or ``None``; each read extends its TTL."""
        item = self._items.get(key)
        if item is None:
            return None
        if item[0] <= now:
            del self._items[key]
            return None
        self.put(key, item[1], now)
        return (item[1],)

    def drop(self, key: str) -> None:
        """Remove a key."""
        self._items.pop(key, None)
