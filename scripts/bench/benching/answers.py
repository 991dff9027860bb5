"""The stub server's canned answers, whole HTTP responses as bytes. Pure; add a route here for a new kind of work."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["TOTAL", "answer"]

TOTAL = 100_000
"""Messages that the list claims to have."""

DEVICE = "PyDmBQZZXYmyxMwED8Fzy"
STATES = ("Pending", "Processed", "Sent", "Delivered")


def answer(method: bytes, target: bytes) -> bytes:
    """Return the response to a request.

    Args:
        method: HTTP method.
        target: path and query.
    """
    path, _, query = target.partition(b"?")
    if not path.endswith(b"/messages"):
        return response(404, {"message": "not found"})
    if method == b"POST":
        return accepted()
    parameters = dict(parse_qsl(query))
    return page(int(parameters.get(b"offset", b"0")), int(parameters.get(b"limit", b"50")))


def response(status: int, document: Any, *headers: str) -> bytes:
    """Write a response that keeps the connection open."""
    body = json.dumps(document, separators=(",", ":")).encode()
    lines = [f"HTTP/1.1 {status} Stub", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@lru_cache(maxsize=1)
def accepted() -> bytes:
    """Answer a send."""
    return response(202, message("abcdefghijklmnopqrstu", 1))


@lru_cache(maxsize=8)
def page(offset: int, limit: int) -> bytes:
    """Answer with a part of the list."""
    numbers = range(offset, min(offset + limit, TOTAL))
    return response(200, [message(f"message-{number:013}", 4) for number in numbers], f"X-Total-Count: {TOTAL}")


def message(id: str, states: int) -> dict[str, Any]:
    """Return the state of a message that has gone through so many states."""
    reached = STATES[:states]
    return {
        "id": id,
        "deviceId": DEVICE,
        "state": reached[-1],
        "isHashed": False,
        "isEncrypted": False,
        "recipients": [{"phoneNumber": "+15550100", "state": reached[-1]}],
        "states": {name: f"2026-01-02T03:04:{second:02}.678Z" for second, name in enumerate(reached, 5)},
    }
