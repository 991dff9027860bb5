"""`smsgate send --wait` behind a gateway that takes the message and then fails: never exit code 4."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Forgetful(BaseHTTPRequestHandler):
    """Takes every message, and answers every question with the status of its server, or not at all."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        recipients = [{"phoneNumber": one, "state": "Pending"} for one in message["phoneNumbers"]]
        state = {"id": message["id"], "deviceId": "phone-1", "state": "Pending", "recipients": recipients}
        self.respond(202, {**state, "isHashed": False, "isEncrypted": False, "states": {}})

    def do_GET(self):
        self.server.asked.set()
        if self.server.status == 0:
            self.close_connection = True
            return
        self.respond(self.server.status, {"message": "no"})

    def respond(self, status, document):
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def forgetful():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Forgetful)
    server.status, server.asked = 0, threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def variables(account, server):
    return {**account, "SMSGATE_BASE_URL": f"http://127.0.0.1:{server.server_port}/3rdparty/v1"}


@pytest.mark.parametrize("status", [0, 403, 404, 503])
def test_accepted_message_is_named_when_its_state_is_lost(run, account, forgetful, status):
    forgetful.status = status

    result = run(
        "send", "hello", "--to", "+12025550100", "--wait", "--wait-timeout", "1", env=variables(account, forgetful)
    )

    state = json.loads(result.out)
    assert result.code == 1, result.err
    assert f"smsgate wait {state['id']}" in result.err


def test_interrupted_wait_names_the_message(run, account, forgetful):
    forgetful.status = 503

    result = run(
        "send", "hello", "--to", "+12025550100", "--wait", env=variables(account, forgetful),
        interrupt_after=forgetful.asked.is_set,
    )  # fmt: skip

    assert result.code == 130
    assert "was accepted; smsgate wait " in result.err
