"""Responses of the stub server as bytes; a new kind of request gets a route here.

All are constant except those about encrypted messages, which return the recipients as they were sent.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["TOTAL", "respond"]

TOTAL = 100_000
"""Messages that the list claims to have."""

DEVICE = "PyDmBQZZXYmyxMwED8Fzy"
STATES = ("Pending", "Processed", "Sent", "Delivered")
ENCRYPTED = b'"isEncrypted":true'
MESSAGE = b"/messages/"

SENT_ID = re.compile(rb'"id": ?"([0-9A-Za-z]{21})"')
ID = b"abcdefghijklmnopqrstu"

_stored: dict[str, dict[str, Any]] = {}  # the last encrypted message of each id; a case uses one id for all its sends


def respond(method: bytes, target: bytes, body: bytes) -> bytes:
    """Return the response to a request.

    Args:
        method: HTTP method.
        target: path and query.
        body: request body.
    """
    path, _, query = target.partition(b"?")
    if method == b"GET" and MESSAGE in path:
        stored = _stored.get(path.rpartition(b"/")[2].decode())
        return response(200, stored) if stored else response(404, {"message": "not found"})
    if not path.endswith(b"/messages"):
        return response(404, {"message": "not found"})
    if method == b"POST":
        return store(json.loads(body)) if ENCRYPTED in body.replace(b": ", b":") else accepted(body)
    parameters = dict(parse_qsl(query))
    return page(int(parameters.get(b"offset", b"0")), int(parameters.get(b"limit", b"50")))


def response(status: int, document: Any, *headers: str) -> bytes:
    """Write a response that keeps the connection open."""
    body = json.dumps(document, separators=(",", ":")).encode()
    lines = [f"HTTP/1.1 {status} Stub", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def accepted(body: bytes) -> bytes:
    """Return the response to a send, with its id if it has one; all ids have one length."""
    match = SENT_ID.search(body)
    return ACCEPTED.replace(ID, match[1]) if match else ACCEPTED


def store(sent: dict[str, Any]) -> bytes:
    """Store an encrypted message and return the response to its send."""
    state = message(sent["id"], 1)
    recipients = [{"phoneNumber": number, "state": STATES[0]} for number in sent["phoneNumbers"]]
    _stored[sent["id"]] = {**state, "isEncrypted": True, "recipients": recipients, "textMessage": sent["textMessage"]}
    return response(202, _stored[sent["id"]])


@lru_cache(maxsize=8)
def page(offset: int, limit: int) -> bytes:
    """Return one page of the list."""
    numbers = range(offset, min(offset + limit, TOTAL))
    return response(200, [message(f"message-{number:013}", 4) for number in numbers], f"X-Total-Count: {TOTAL}")


def message(id: str, states: int) -> dict[str, Any]:
    """Return the state of a message after a number of states."""
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
