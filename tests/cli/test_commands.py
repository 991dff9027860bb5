"""Every command of the program: success, wrong credentials, unreachable gateway, bad input and Ctrl-C."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from itertools import islice
from pathlib import Path

import pytest

from eventually import eventually
from smsgate import APIClient, TokenRequest, Webhook, WebhookEvent
from smsgate.cli.messages import _follow as follow_messages
from smsgate.cli.program import COMMANDS
from smsgate.emulator import Attachment, Gateway

GATEWAY_COMMANDS = {
    "send": ["hello", "--to", "+12025550100"],
    "status": ["{message}"],
    "wait": ["{message}"],
    "cancel": ["{pending}"],
    "messages": [],
    "inbox list": [],
    "inbox refresh": [],
    "inbox get": ["{mms}", "1"],
    "devices list": [],
    "devices remove": ["{device}"],
    "webhooks list": [],
    "webhooks add": ["https://example.com/sms", "sms:received"],
    "webhooks remove": ["{webhook}"],
    "webhooks sync": ["{file}"],
    "settings get": [],
    "settings set": ["messages.limit_value=5"],
    "settings edit": [],
    "token create": ["--scope", "messages:send"],
    "token revoke": ["{token}"],
    "logs": [],
}
"""Commands that need credentials, with correct arguments."""
REFERENCE = Path(__file__).parents[2] / "scripts" / "command_reference.py"
LOCAL_ONLY = {"inbox list", "inbox get", "logs"}
"""Commands that only a phone's local server serves."""
CLOUD_ONLY = {"devices remove", "token create", "token revoke"}
WRONG_INPUT = {
    "send": ["hello"],
    "status": ["a/b"],
    "wait": ["x", "--wait-timeout", "-1"],
    "cancel": [""],
    "messages": ["--from", "yesterday"],
    "inbox list": ["--type", "LETTER"],
    "inbox refresh": ["--since", "2030-01-01T00:00:00Z", "--until", "2020-01-01T00:00:00Z"],
    "inbox get": ["x", "one"],
    "devices list": ["--output", "xml"],
    "devices remove": ["a/b"],
    "webhooks list": ["surplus"],
    "webhooks add": ["https://example.com/sms", "sms.received"],
    "webhooks remove": ["a/b"],
    "webhooks sync": ["no-such-file.yaml"],
    "settings get": ["--timeout", "0"],
    "settings set": ["limit_value"],
    "settings edit": ["surplus"],
    "token create": [],
    "token revoke": ["a/b"],
    "logs": ["--to", "tomorrow"],
}


def words(name, arguments=(), **values):
    return [*name.split(), *(one.format(**values) for one in arguments)]


@pytest.fixture
def values(served, tmp_path):
    """Ids of things that exist, as arguments name them."""
    gateway = served.gateway
    file = tmp_path / "webhooks.yaml"
    file.write_text("- url: https://example.com/sms\n  events: [sms:received, sms:failed]\n")
    spare = gateway.add_device()
    with APIClient("demo", "demo-password", base_url=served.url) as client:
        message = client.send("hello", to="+12025550100")
        webhook = client.create_webhook(Webhook(url="https://example.com/x", event=WebhookEvent.SMS_SENT))
        token = client.generate_token(TokenRequest(scopes=["messages:send"]))
        gateway.switch(client.list_devices()[0].id, on=True)
    return {
        "message": message.id,
        "pending": message.id,
        "device": spare.id,
        "webhook": webhook.id,
        "token": token.id,
        "file": str(file),
        "mms": "x",
    }


def test_list_of_commands_is_complete():
    tested = {name.split()[0] for name in GATEWAY_COMMANDS}
    others = {"campaign", "doctor", "health", "profile", "segments", "encrypt", "decrypt", "spec", "listen", "emulator"}

    assert tested | others == set(COMMANDS)
    assert set(WRONG_INPUT) == set(GATEWAY_COMMANDS)


@pytest.mark.parametrize("name", sorted(set(GATEWAY_COMMANDS) - LOCAL_ONLY - {"cancel"}))
def test_success_in_a_pipe(name, run, account, values):
    result = run(*words(name, GATEWAY_COMMANDS[name], **values), env={**account, "EDITOR": "true"})

    assert result.code == 0, result.err
    for line in result.out.splitlines():
        if name != "token create" and "settings" not in name:
            json.loads(line)


def test_reference_is_up_to_date():
    done = subprocess.run([sys.executable, REFERENCE, "--check"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(set(GATEWAY_COMMANDS) - LOCAL_ONLY - {"cancel"}))
def test_success_on_a_terminal(name, terminal, account, values):
    result = terminal(*words(name, GATEWAY_COMMANDS[name], **values), env={**account, "EDITOR": "true"})

    assert result.code == 0, result.out
    assert "{" not in result.out.replace("{}", "")


@pytest.mark.parametrize("name", ["send", "webhooks sync", "devices list"])
def test_interrupted_on_a_terminal(name, terminal, account, values, silent_gateway):
    env = {**account, "SMSGATE_BASE_URL": silent_gateway.url}

    result = terminal(
        *words(name, GATEWAY_COMMANDS[name], **values), env=env, type_when=[(silent_gateway.was_called, "\x03")]
    )

    assert result.code == 130, result.out
    assert "Traceback" not in result.out


def test_cancels_a_pending_message(run, environment, serve_gateway):
    url = serve_gateway(Gateway(phone=False))
    env = {**environment, "SMSGATE_USERNAME": "demo", "SMSGATE_PASSWORD": "demo-password", "SMSGATE_BASE_URL": url}
    run("send", "hello", "--to", "+12025550100", "--id", "late", env=env)

    result = run("cancel", "late", env=env)

    assert result.code == 0, result.err
    assert json.loads(result.out)["id"] == "late"


@pytest.fixture
def phone(environment, serve_gateway):
    """A phone's local server that has received a text and a picture, and the variables for it."""
    gateway = Gateway(mode="local")
    gateway.receive("+12025550111", "hello back")
    gateway.receive(
        "+12025550111", "a picture", attachments=[Attachment(1, "picture.png", "image/png", b"\x89PNG-like")]
    )
    gateway.log("started")
    url = serve_gateway(gateway)
    return {**environment, "SMSGATE_USERNAME": "demo", "SMSGATE_PASSWORD": "demo-password", "SMSGATE_BASE_URL": url}


def test_inbox_and_attachment_of_a_local_server(run, phone, tmp_path):
    listed = run("inbox", env=phone)
    found = [json.loads(line) for line in listed.out.splitlines()]
    picture = next(one for one in found if one.get("attachments"))
    part = str(picture["attachments"][0]["partId"])

    result = run("inbox", "get", picture["id"], part, "--file", "picture", env=phone)

    assert (listed.code, result.code) == (0, 0), (listed.err, result.err)
    assert {one["sender"] for one in found} == {"+12025550111"}
    assert (tmp_path / "picture").read_bytes() == b"\x89PNG-like"


def test_logs_of_a_local_server(run, phone):
    result = run("logs", env=phone)

    assert result.code == 0, result.err
    assert "started" in result.out


@pytest.mark.parametrize("name", sorted(GATEWAY_COMMANDS))
def test_wrong_credentials(name, run, account, values):
    env = {**account, "SMSGATE_PASSWORD": "wrong", "EDITOR": "true"}

    result = run(*words(name, GATEWAY_COMMANDS[name], **values), env=env)

    assert result.code == 3, result.err
    assert result.err.startswith("error: 401")
    assert "wrong" not in result.err
    assert result.out == ""


@pytest.mark.parametrize("name", sorted(GATEWAY_COMMANDS))
def test_unreachable(name, run, account, values, closed_port):
    env = {**account, "SMSGATE_BASE_URL": f"http://127.0.0.1:{closed_port}", "EDITOR": "true"}

    limit = ["--wait-timeout", "1"] if name == "wait" else []

    result = run(*words(name, GATEWAY_COMMANDS[name], **values), *limit, "--timeout", "2", env=env)

    assert result.code == 4, result.err
    assert "127.0.0.1" in result.err
    assert "hint: smsgate doctor" in result.err


@pytest.mark.parametrize("name", sorted(WRONG_INPUT))
def test_wrong_input(name, run, account):
    result = run(*words(name, WRONG_INPUT[name]), env=account)

    assert result.code == 2, (result.out, result.err)
    assert "Traceback" not in result.err


@pytest.mark.parametrize("name", sorted(GATEWAY_COMMANDS))
def test_interrupted(name, run, account, values, silent_gateway):
    env = {**account, "SMSGATE_BASE_URL": silent_gateway.url, "EDITOR": "true"}

    result = run(*words(name, GATEWAY_COMMANDS[name], **values), env=env, interrupt_after=silent_gateway.was_called)

    assert result.code == 130, result.err
    assert "Traceback" not in result.err


class SilentGateway:
    """A port that accepts requests and never responds."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connections = []
        self.requests = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def was_called(self):
        return self.requests

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        if connection.recv(65536):
            self.requests += 1

    def close(self):
        for one in [self.listener, *self.connections]:
            one.close()


@pytest.fixture
def silent_gateway():
    gateway = SilentGateway()
    yield gateway
    gateway.close()


@pytest.fixture
def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield free.getsockname()[1]


def test_settings_edit_sends_what_changed(run, account, served):
    with APIClient("demo", "demo-password", base_url=served.url) as client:
        run("settings", "set", "messages.limit_value=5", "messages.limit_period=PerHour", env=account)

        result = run("settings", "edit", env={**account, "EDITOR": "sed -i 's/limit_value: 5/limit_value: 6/'"})

        assert result.code == 0, result.err
        assert client.get_settings().messages.limit_value == 6


def test_settings_edit_keeps_a_text_that_is_wrong(run, account):
    result = run("settings", "edit", env={**account, "EDITOR": "sed -i '$a : ['"})

    assert result.code == 2
    assert "your text is kept in" in result.err


def test_sync_twice_changes_nothing(run, account, values):
    run("webhooks", "sync", values["file"], env=account)

    result = run("webhooks", "sync", values["file"], env=account)

    assert "0 added, 0 removed, 2 unchanged" in result.err


def test_send_waits_for_each_state(run, account):
    result = run("send", "hello", "--to", "+12025550100", "--to", "+12025550101", "--wait", env=account)

    assert result.code == 0, result.err
    assert json.loads(result.out)["state"] == "Delivered"
    assert "+12025550101 Delivered" in result.err


def test_live_states_on_a_terminal(terminal, account):
    result = terminal("send", "hello", "--to", "+12025550100", "--wait", env=account)

    assert result.code == 0, result.out
    assert "Pending" in result.out
    assert "Delivered" in result.out


def test_text_comes_from_the_standard_input(run, account, served):
    result = run("send", "-", "--to", "+12025550100", env=account, text="line 1\nline 2\n")

    assert json.loads(result.out)["textMessage"]["text"] == "line 1\nline 2"


def test_repeated_id_sends_once(run, account, served):
    first = run("send", "hello", "--to", "+12025550100", "--id", "invoice-17", env=account)
    second = run("send", "hello", "--to", "+12025550100", "--id", "invoice-17", env=account)

    assert (first.code, second.code) == (0, 0), second.err
    assert "was sent before" in second.err
    assert [one.id for one in served.gateway.outbox].count("invoice-17") == 1


def test_id_of_another_message_is_an_error(run, account):
    run("send", "hello", "--to", "+12025550100", "--id", "invoice-18", env=account)

    result = run("send", "good-bye", "--to", "+12025550100", "--id", "invoice-18", env=account)

    assert result.code == 1
    assert "belongs to another message" in result.err


def test_follow_ends_cleanly(run, account, served, tmp_path):
    with APIClient("demo", "demo-password", base_url=served.url) as client:
        client.send("followed", to="+12025550100", id="followed")
        output = tmp_path / "out"

        result = run(
            "messages", "--follow", "--interval", "0.1", env=account, output=output,
            interrupt_after=lambda: output.exists() and "followed" in output.read_text(),
        )  # fmt: skip

    assert result.code == 130
    assert "Traceback" not in result.err


def test_follow_shows_a_burst_after_an_empty_list():
    """More messages than a page arrive between two polls."""
    gateway, burst = Gateway(seed=8), 120

    def send_burst(_event):
        if gateway.outbox:
            return
        with APIClient("demo", "demo-password", http=gateway.http()) as other:
            for number in range(burst):
                other.send(f"{number}", to="+12025550100")

    with APIClient("demo", "demo-password", http=gateway.http(), on_response=send_burst) as client:
        found = [*islice(follow_messages(client, {}, 0, 50), burst)]

    assert len({one.id for one in found}) == burst


def test_hides_numbers(run, account):
    result = run("send", "call +12025550199", "--to", "+12025550100", "--redact", env=account)

    assert "2025550" not in result.out
    assert "00" in result.out


def test_request_log_has_no_secrets(run, account):
    result = run("devices", "-vv", env=account)

    assert "> GET /devices" in result.err
    assert "demo-password" not in result.err
    assert "Basic" not in result.err


@pytest.mark.parametrize("name", ["send", "status", "messages", "devices"])
def test_local_server(name, run, environment, served_phone):
    env = {
        **environment,
        "SMSGATE_USERNAME": "demo",
        "SMSGATE_PASSWORD": "demo-password",
        "SMSGATE_BASE_URL": served_phone.url,
    }
    if name == "status":
        run("send", "hello", "--to", "+12025550100", "--id", "local-1", env=env)
    arguments = {"send": ["hello", "--to", "+12025550100"], "status": ["local-1"]}.get(name, [])

    result = eventually(lambda: run(name, *arguments, env=env))

    assert result.code == 0, result.err
