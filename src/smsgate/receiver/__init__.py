"""Receiver of webhook events: verification, storage, response, and handlers that run once for each event.

`WebhookApp` is an ASGI application; `smsgate.fastapi` has the same for FastAPI. Both build on `Receiver`. A program
without an event loop calls `decide`. Events stay in an `EventStore` until their handlers have succeeded.
"""

from __future__ import annotations

from smsgate.receiver._asgi import WebhookApp
from smsgate.receiver._handlers import Handlers
from smsgate.receiver._options import (
    CONCURRENCY,
    DRAIN,
    MAX_ATTEMPTS,
    MAX_BODY,
    MAX_UNVERIFIED,
    TOLERANCE,
    WINDOW,
)
from smsgate.receiver._receiver import Outcome, Receiver
from smsgate.receiver._sqlite import SQLiteStore
from smsgate.receiver._stores import EventStore, MemoryStore, StoredEvent
from smsgate.receiver._verification import INCOMPLETE, AsyncSigningKey, Decision, decide

__all__ = [
    "CONCURRENCY",
    "DRAIN",
    "INCOMPLETE",
    "MAX_ATTEMPTS",
    "MAX_BODY",
    "MAX_UNVERIFIED",
    "TOLERANCE",
    "WINDOW",
    "AsyncSigningKey",
    "Decision",
    "EventStore",
    "Handlers",
    "MemoryStore",
    "Outcome",
    "Receiver",
    "SQLiteStore",
    "StoredEvent",
    "WebhookApp",
    "decide",
]
