"""Receiving events: check a request, answer it, and work on it afterwards, each event once. No web framework.

`WebhookApp` is an ASGI application; `smsgate.fastapi` has the same for FastAPI. Both stand on `Receiver`. For a
synchronous program `decide` is enough. What was received is kept in an `EventStore` until its handlers are through.
"""

from __future__ import annotations

from smsgate.receiver.asgi import WebhookApp
from smsgate.receiver.deciding import Decision, decide
from smsgate.receiver.receiver import AsyncSigningKey, Outcome, Receiver
from smsgate.receiver.sqlite import SQLiteStore
from smsgate.receiver.stores import EventStore, MemoryStore, Unfinished

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
