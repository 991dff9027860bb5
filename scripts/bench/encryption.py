"""Rows about encryption: one field, a message to 100 recipients, its state, and the stall of the event loop.

The rounds are few: the official client takes seconds for each.
"""

from __future__ import annotations

from .rows import OURS, THEIRS, Row, Side, Target

__all__ = ["ROWS"]


def _row(name: str, title: str, case: str, backend: str, target: Target, *, count: int = 1, rounds: int = 3) -> Row:
    ours, theirs = (
        Side(f"{label}, {backend}", case, {"package": package, "backend": backend, "encrypted": 1})
        for label, package in (("smsgate", OURS), ("theirs", THEIRS))
    )
    return Row(name, title, "message" if count == 1 else "poll", ours, theirs, target, count=count, rounds=rounds)


ROWS = (
    Row(
        "encrypt",
        "encrypt one field, 75,000 iterations on both",
        "field",
        Side("smsgate", "encrypt", {"package": OURS}),
        Side("theirs", "encrypt", {"package": THEIRS}),
        Target("cpu", 0.9),
        count=10,
        rounds=9,
    ),
    _row(
        "encrypted-send",
        "send encrypted to 100 recipients and read the state back once",
        "encrypted_send",
        "httpx",
        Target("wall", 0.3),
    ),
    _row(
        "encrypted-poll",
        "read the state of an encrypted message to 100 recipients, ten times after the send",
        "encrypted_poll",
        "httpx",
        Target("wall", 0.02),
        count=10,
        rounds=1,
    ),
    _row(
        "encrypted-stall",
        "longest stall of the event loop during an encrypted send to 100 recipients",
        "encrypted_stall",
        "aiohttp",
        Target("stall", 0.02),
    ),
)
