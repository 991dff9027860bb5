"""Control requests that emulate incoming messages over a port."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone

import httpx
import pytest

from smsgate.emulator import Attachment, Faults, Gateway
from smsgate.emulator._server.asgi import EmulatorApp
from smsgate.http import Request, Timeout

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def gateway():
    return Gateway(mode="local")


@pytest.fixture
def curl(gateway):
    """Send to the control path with curl's default content type."""

    async def send(data, method="POST"):
        transport = httpx.ASGITransport(EmulatorApp(gateway))
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8787", headers=headers) as http:
            content = data if isinstance(data, (str, bytes)) else json.dumps(data)
            return await http.request(method, "/emulator/receive", content=content)

    return send


@pytest.fixture
def inbox(gateway):
    return gateway._state.inbox


async def test_text_comes_in_and_webhooks_hear_of_it(curl, gateway, inbox):
    gateway._state.webhooks["a"] = {"id": "a", "url": "https://receiver.example/", "event": "sms:received"}

    answer = await curl({"sender": "+12025550101", "text": "Hello"})

    assert (answer.status_code, answer.json()) == (201, {"id": inbox[0].id, "type": "SMS"})
    assert json.loads(gateway.deliveries.due()[0].body)["payload"]["message"] == "Hello"


async def test_every_property_of_a_message_can_be_given(curl, gateway, inbox):
    picture = {"name": "dot.png", "contentType": "image/png", "data": base64.b64encode(b"PNG").decode()}

    answer = await curl(
        {
            "sender": "900",
            "text": "Look",
            "type": "MMS_DOWNLOADED",
            "recipient": "+12025550100",
            "simNumber": 2,
            "receivedAt": "2026-01-01T12:00:00Z",
            "deviceId": gateway.devices[0].id,
            "attachments": [picture],
        }
    )

    (item,) = inbox
    assert answer.status_code == 201
    assert (item.sender, item.text, item.type, item.recipient, item.sim_number) == (
        "900",
        "Look",
        "MMS_DOWNLOADED",
        "+12025550100",
        2,
    )
    assert item.received_at == datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    assert item.attachments == (Attachment(1, "dot.png", "image/png", b"PNG"),)


async def test_text_can_be_missed(curl, gateway, inbox):
    assert (await curl({"sender": "900", "text": "hi", "missed": True})).status_code == 201

    assert (inbox, len(gateway._state.missed)) == ([], 1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"sender=900", "invalid character"),
        (b"\xff", "invalid character"),
        ([], "cannot unmarshal array"),
        ({}, "needs a sender"),
        ({"sender": "900", "test": "x"}, "no field test"),
        ({"sender": "900", "Text": "x"}, "no field Text"),
        ({"sender": "900", "simNumber": 0}, "simNumber"),
        ({"sender": "900", "type": "FAX"}, "type is one of"),
        ({"sender": "900", "type": "MMS", "missed": True}, "refresh"),
        ({"sender": "900", "deviceId": "nobody"}, "no device"),
        ({"sender": "900", "receivedAt": "today"}, "today"),
        ({"sender": "900", "attachments": [{"data": "?"}]}, "no base64"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_a_sentence(curl, inbox, data, words):
    answer = await curl(data)

    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert inbox == []


async def test_only_posts_are_taken(curl):
    answer = await curl("", method="GET")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_faults_spare_it(curl, gateway, inbox):
    gateway.faults = Faults.random(1.0)

    assert (await curl({"sender": "900"})).status_code == 201
    assert len(inbox) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:8787"}, 201),
        ({"host": "[::1]:8787"}, 201),
        ({"host": "localhost:8787", "origin": "http://localhost:8787"}, 201),
        ({"host": "sms.compose"}, 201),
        ({"host": "rebound.example"}, 403),
        ({"host": "["}, 403),
        ({"host": "127.0.0.1:8787", "origin": "http://evil.example"}, 403),
        ({"host": "127.0.0.1:8787", "origin": "null"}, 403),
        ({"host": "127.0.0.1:8787", "origin": "http://["}, 403),
    ],
)
async def test_pages_of_other_sites_cannot_control_the_emulator(gateway, inbox, headers, status):
    app = EmulatorApp(gateway, allowed_hosts=["sms.compose"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8787") as http:
        response = await http.post("/emulator/receive", json={"sender": "900"}, headers=headers)

    assert response.status_code == status
    assert len(inbox) == (status == 201)


async def test_host_header_that_cannot_be_read_is_no_error_of_the_emulator(gateway):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(EmulatorApp(gateway)), base_url="http://127.0.0.1:8787"
    ) as http:
        response = await http.get("/health", headers={"host": "["})

    assert response.status_code == 200


def test_token_of_another_emulator_is_not_valid():
    def get(gateway, credentials):
        request = Request(
            "GET", "http://127.0.0.1/3rdparty/v1/messages", {"Authorization": credentials}, None, Timeout()
        )
        return gateway.handle(request).status

    basic = f"Basic {base64.b64encode(b'x:y').decode()}"
    request = Request(
        "POST",
        "http://127.0.0.1/3rdparty/v1/auth/token",
        {"Authorization": basic, "Content-Type": "application/json"},
        b'{"scopes": ["all:any"]}',
        Timeout(),
    )
    other = Gateway(login="x", password="y")
    token = json.loads(other.handle(request).content)["access_token"]

    assert get(other, f"Bearer {token}") == 200
    assert get(Gateway(login="me", password="mine"), f"Bearer {token}") == 401
