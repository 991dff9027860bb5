"""Example application under uvicorn, with an emulated phone that sends and retries."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi", reason="needs smsgate[fastapi]")
uvicorn = pytest.importorskip("uvicorn", reason="the example is served by uvicorn")

from eventually import eventually  # noqa: E402
from smsgate.emulator import Gateway, WebhookSender  # noqa: E402 - after the checks above
from smsgate.emulator._server.asgi import EmulatorApp  # noqa: E402

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "fastapi_app"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def gateway():
    return Gateway()


@pytest.fixture
def gateway_url(gateway):
    server = uvicorn.Server(uvicorn.Config(EmulatorApp(gateway), port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/3rdparty/v1"
    server.should_exit = True
    thread.join()


class Application:
    def __init__(self, gateway, gateway_url, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "generated")]),
            "SMSGATE_USERNAME": gateway.login,
            "SMSGATE_PASSWORD": gateway.password,
            "SMSGATE_BASE_URL": gateway_url,
            "SMSGATE_SIGNING_KEY": gateway.devices[0].signing_key,
            "PUBLIC_URL": "https://example.com/",
            "EVENTS_FILE": str(folder / "events.db"),
        }

    def start(self):
        command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(self.port), "--log-level", "warning"]
        self.process = subprocess.Popen(command, cwd=EXAMPLE, env=self.environment)
        eventually(lambda: self.get("/") is not None or self.process.poll() is not None)
        assert self.process.poll() is None

    def get(self, path):
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(self.url + path, trust_env=False, timeout=30)
        return None

    def rows(self):
        cells = re.findall(r"<td>(.*?)</td>", self.get("/").text)
        return [tuple(cells[start : start + 4]) for start in range(0, len(cells), 4)]

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def application(gateway, gateway_url, tmp_path):
    running = Application(gateway, gateway_url, tmp_path)
    try:
        running.start()
        yield running
    finally:
        running.kill()


def sent_to(gateway, number):
    return [one for one in gateway.radio if one.phone_number == number]


def test_texts_get_one_reply_whose_state_is_tracked(application, gateway):
    gateway.deliveries.misbehaviour.repeat = gateway.deliveries.misbehaviour.twin = 0.5
    gateway.deliveries.misbehaviour.shuffle = True

    with WebhookSender(gateway, rewrite={"https://example.com": application.url}):
        gateway.receive("+12025550101", "how are <you>")
        gateway.receive("+12025550102", "hello")
        gateway.receive("12345", "you have won")
        eventually(lambda: [row[3] for row in application.rows()] == ["Delivered", "Delivered"])
        eventually(lambda: not gateway.deliveries.waiting)

    assert sorted(application.rows()) == [
        ("+12025550101", "how are &lt;you&gt;", "You wrote 3 words. Thank you!", "Delivered"),
        ("+12025550102", "hello", "You wrote 1 words. Thank you!", "Delivered"),
    ]
    assert [len(sent_to(gateway, number)) for number in ("+12025550101", "+12025550102", "12345")] == [1, 1, 0]
    assert {status for delivery in gateway.deliveries.all for status in delivery.statuses} == {200}


def test_text_received_while_the_service_is_down_gets_its_reply_later(application, gateway):
    application.kill()

    with WebhookSender(gateway, rewrite={"https://example.com": application.url}):
        gateway.receive("+12025550101", "are you there")
        eventually(lambda: gateway.deliveries.waiting[0].attempts == 1)
        application.start()
        eventually(lambda: [row[3] for row in application.rows()] == ["Delivered"])

    assert len(sent_to(gateway, "+12025550101")) == 1


def test_service_registers_itself_once(application, gateway):
    application.kill()
    application.start()

    registered = gateway._state.webhooks.values()

    assert sorted(hook["event"] for hook in registered) == ["sms:delivered", "sms:failed", "sms:received", "sms:sent"]
    assert {hook["url"] for hook in registered} == {"https://example.com/sms"}


def test_failed_reply_is_shown(application, gateway):
    with WebhookSender(gateway, rewrite={"https://example.com": application.url}):
        gateway.receive("+12025559901", "hello")
        eventually(lambda: [row[3] for row in application.rows()] == ["Failed"])

    assert application.get("/openapi.json").json()["paths"].keys() == {"/sms", "/"}
