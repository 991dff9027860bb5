"""Basic credentials of a request."""

from __future__ import annotations

import base64
import binascii
import hmac
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=64)
def basic_pair(header: str) -> tuple[str, str] | None:
    """Return login and password of a Basic header; None unless it is padded standard base64 with a colon."""
    try:
        decoded = base64.b64decode(header[6:].encode(), validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return None
    login, colon, password = decoded.partition(":")
    return (login, password) if colon else None


def equal_in_constant_time(presented: Any, expected: str) -> bool:
    """Compare two texts in constant time."""
    return hmac.compare_digest(str(presented).encode("utf-8", "replace"), expected.encode())
