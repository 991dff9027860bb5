"""Fixtures that post a signed event to an application in the same event loop."""

from __future__ import annotations

import itertools
import json
import time

import httpx
import pytest

from smsgate import webhooks

KEY = "key-of-the-phone"


@pytest.fixture
def anyio_backend():
    """FastAPI runs under asyncio."""
    return "asyncio"


@pytest.fixture
def envelope():
    serial = itertools.count(1)

    def make(event="sms:received", **fields):
        number = next(serial)
        payload = {"message": "hello", "messageId": f"m{number}", "sender": "+12025550100", **fields}
        document = {"deviceId": "phone-1", "event": event, "id": f"d{number}", "payload": payload, "webhookId": "hook"}
        return json.dumps(document).encode()

    return make


@pytest.fixture
def request_to():
    async def request(app, method, path, **options):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.example") as client:
            return await client.request(method, path, **options)

    return request


@pytest.fixture
def post(request_to):
    async def post(app, body, path="/sms", headers=None):
        if headers is None:
            moment = str(int(time.time()))
            headers = {"X-Signature": webhooks.sign(body, moment, KEY), "X-Timestamp": moment}
        return await request_to(app, "POST", path, content=body, headers=headers)

    return post
