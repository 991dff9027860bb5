"""Fixtures of the emulator tests: a clock, gateways, and functions that send a request."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest

from smsgate.emulator import Gateway, ManualClock
from smsgate.http import Request, Timeout


@dataclass
class Answer:
    status: int
    headers: Any
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def message(self) -> str:
        return self.json["message"]


class Talk:
    """Sends requests to a gateway; ``auth`` is ``basic``, a header's value, or None."""

    def __init__(self, gateway: Gateway, clock: ManualClock) -> None:
        self.gateway = gateway
        self.clock = clock
        self.prefix = "" if gateway.mode == "local" else "/3rdparty/v1"

    def __call__(self, method, path, body=None, *, auth="basic", headers=None, prefix=None, raw=None) -> Answer:
        sent = dict(headers or {})
        if auth == "basic":
            pair = f"{self.gateway.login}:{self.gateway.password}"
            sent["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        elif auth is not None:
            sent["Authorization"] = auth
        content = raw
        if body is not None:
            content = json.dumps(body).encode()
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        url = "http://gateway.example" + (self.prefix if prefix is None else prefix) + path
        answer = self.gateway.handle(Request(method, url, sent, content, Timeout()))
        return Answer(answer.status, answer.headers, answer.content)

    def send(self, number="+79990001234", **fields) -> Answer:
        numbers = [number] if isinstance(number, str) else number
        query = fields.pop("query", "")
        return self("POST", f"/messages{query}", {"phoneNumbers": numbers, "textMessage": {"text": "hi"}, **fields})

    def state(self, message_id) -> Any:
        return self("GET", f"/messages/{message_id}").json

    def token(self, *scopes, **fields) -> Any:
        return self("POST", "/auth/token", {"scopes": list(scopes), **fields}).json


@pytest.fixture
def open_gateway():
    def make(**options) -> Talk:
        clock = ManualClock()
        return Talk(Gateway(clock=clock, **{"seed": 0, **options}), clock)

    return make


@pytest.fixture
def cloud(open_gateway) -> Talk:
    return open_gateway()


@pytest.fixture
def local(open_gateway) -> Talk:
    return open_gateway(mode="local")
