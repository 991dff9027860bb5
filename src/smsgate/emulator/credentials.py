"""Basic credentials, and the login cache that makes a database outage look like a wrong password."""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class SlidingCache(Generic[Value]):
    """Values that are forgotten when nobody asked for them for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._life = timedelta(seconds=seconds)
        self._items: dict[str, tuple[datetime, Value]] = {}

    def put(self, key: str, value: Value, now: datetime) -> None:
        """Keep a value under a key."""
        self._items[key] = (now + self._life, value)

    def get(self, key: str, now: datetime) -> tuple[Value] | None:
        """The value in a tuple of one, or ``None``; asking prolongs its life."""
        item = self._items.get(key)
        if item is None:
            return None
        if item[0] <= now:
            del self._items[key]
            return None
        self.put(key, item[1], now)
        return (item[1],)

    def drop(self, key: str) -> None:
        """Forget a key."""
        self._items.pop(key, None)


def basic_pair(header: str) -> tuple[str, str] | None:
    """Login and password of a Basic header: scheme in any case, padded standard base64, split at the first colon."""
    try:
        decoded = base64.b64decode(header[6:].encode(), validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return None
    login, colon, password = decoded.partition(":")
    return (login, password) if colon else None


def same(given: Any, expected: str) -> bool:
    """Compare two texts in constant time."""
    return hmac.compare_digest(str(given).encode("utf-8", "replace"), expected.encode())
