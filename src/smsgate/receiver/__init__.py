"""Receiving events: check a request, answer it, and work on it afterwards, each event once. No web framework.

`WebhookApp` is an ASGI application; `smsgate.fastapi` has the same for FastAPI. Both stand on `Receiver`. For a
synchronous program `decide` is enough. What was received is kept in an `EventStore` until its handlers are through.
"""

from __future__ import annotations

from smsgate.receiver._asgi import WebhookApp
from smsgate.receiver._receiver import AsyncSigningKey, Outcome, Receiver
from smsgate.receiver._sqlite import SQLiteStore
from smsgate.receiver._stores import EventStore, MemoryStore, Unfinished
from smsgate.receiver._verification import Decision, decide

__all__ = [
    "AsyncSigningKey",
    "Decision",
    "EventStore",
    "MemoryStore",
    "Outcome",
    "Receiver",
    "SQLiteStore",
    "Unfinished",
    "WebhookApp",
    "decide",
]
