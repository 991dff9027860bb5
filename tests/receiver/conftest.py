"""A phone that signs events and posts them to an ASGI application in the same event loop."""

from __future__ import annotations

import itertools
import json
import time
from functools import partial

import httpx
import pytest

from eventually import eventually_async
from smsgate import webhooks
from smsgate.receiver import MemoryStore, SQLiteStore, _processing as processing

KEY = "key-of-the-phone"
_serial = itertools.count(1)


def envelope(event="sms:received", *, id=None, device="phone-1", payload=None, **fields):
    """Return the raw body of an event; every call makes another delivery of another message."""
    number = next(_serial)
    if payload is None:
        payload = {"message": "hello", "messageId": f"m{number}", "sender": "+12025550100", **fields}
    document = {
        "deviceId": device,
        "event": event,
        "id": f"delivery-{number}" if id is None else id,
        "payload": payload,
        "webhookId": "hook-1",
    }
    return json.dumps(document, separators=(",", ":")).encode()


def signed(body, *, key=KEY, timestamp=None):
    moment = str(int(time.time()) if timestamp is None else timestamp)
    return {"X-Signature": webhooks.sign(body, moment, key), "X-Timestamp": moment, "Content-Type": "application/json"}


class PretendPhone:
    """Posts to an application; a call returns when the application is through with the request."""

    envelope = staticmethod(envelope)
    signed = staticmethod(signed)

    async def post(self, app, body, *, headers=None, path="/sms"):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver.example") as client:
            return await client.post(path, content=body, headers=signed(body) if headers is None else headers)

    async def request(self, app, method, path="/sms"):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver.example") as client:
            return await client.request(method, path)


@pytest.fixture
def phone():
    return PretendPhone()


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
        return
    kept = SQLiteStore(tmp_path / "events.db")
    yield kept
    kept.close()


@pytest.fixture
def quick(monkeypatch):
    """Make the receiver repeat failed handlers at once."""
    monkeypatch.setattr(processing, "_FIRST_DELAY", 0.01)
    monkeypatch.setattr(processing, "_MAX_DELAY", 0.02)
    monkeypatch.setattr(processing, "_PAUSE", 0.01)


@pytest.fixture
def until():
    """Wait until something is true; what is called may return something to await."""
    return partial(eventually_async, pause=0.005)
