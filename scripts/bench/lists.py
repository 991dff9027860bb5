"""Rows about lists of messages."""

from __future__ import annotations

from .rows import OURS, THEIRS, Row, Side, Target

__all__ = ["ROWS"]

ROWS = (
    Row(
        "list-objects",
        "list 100 messages with four states each into objects, httpx on both",
        "list",
        Side("smsgate, httpx", "list_messages", {"package": OURS, "backend": "httpx"}),
        Side("theirs, httpx", "list_messages", {"package": THEIRS, "backend": "httpx"}),
        Target("cpu", 0.65),
    ),
    Row(
        "iterate-memory",
        "iterate 100,000 messages: peak memory over the first page",
        "message",
        Side("smsgate, default", "iterate", {"package": OURS, "backend": ""}),
        None,
        Target("memory", 10e6),
        fresh=True,
        count=100_000,
    ),
)
