"""The stub server's answers, whole HTTP responses as bytes; add a route here for a new kind of work.

All are canned, but those about encrypted messages: their recipients come back as they were sent, as a server does it.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["TOTAL", "answer"]

TOTAL = 100_000
"""Messages that the list claims to have."""

DEVICE = "PyDmBQZZXYmyxMwED8Fzy"
STATES = ("Pending", "Processed", "Sent", "Delivered")
ENCRYPTED = b'"isEncrypted":true'
MESSAGE = b"/messages/"

GIVEN = re.compile(rb'"id": ?"([0-9A-Za-z]{21})"')
ID = b"abcdefghijklmnopqrstu"

_kept: dict[str, dict[str, Any]] = {}  # the last encrypted message of each id; a case uses one id for all its sends


def answer(method: bytes, target: bytes, body: bytes) -> bytes:
    """Return the response to a request.

    Args:
        method: HTTP method.
        target: path and query.
        body: what was posted.
    """
    path, _, query = target.partition(b"?")
    if method == b"GET" and MESSAGE in path:
        kept = _kept.get(path.rpartition(b"/")[2].decode())
        return response(200, kept) if kept else response(404, {"message": "not found"})
    if not path.endswith(b"/messages"):
        return response(404, {"message": "not found"})
    if method == b"POST":
        return keep(json.loads(body)) if ENCRYPTED in body.replace(b": ", b":") else accepted(body)
    parameters = dict(parse_qsl(query))
    return page(int(parameters.get(b"offset", b"0")), int(parameters.get(b"limit", b"50")))


def response(status: int, document: Any, *headers: str) -> bytes:
    """Write a response that keeps the connection open."""
    body = json.dumps(document, separators=(",", ":")).encode()
    lines = [f"HTTP/1.1 {status} Stub", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def accepted(body: bytes) -> bytes:
    """Answer a send, with the id that it gave, if it did; all are of one length."""
    given = GIVEN.search(body)
    return ACCEPTED.replace(ID, given[1]) if given else ACCEPTED


def keep(sent: dict[str, Any]) -> bytes:
    """Answer an encrypted send, and remember it."""
    state = message(sent["id"], 1)
    recipients = [{"phoneNumber": number, "state": STATES[0]} for number in sent["phoneNumbers"]]
    _kept[sent["id"]] = {**state, "isEncrypted": True, "recipients": recipients, "textMessage": sent["textMessage"]}
    return response(202, _kept[sent["id"]])


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


ACCEPTED = response(202, message(ID.decode(), 1))
