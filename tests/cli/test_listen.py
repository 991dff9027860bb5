"""`smsgate listen`: verified events on the standard output, registrations that go away again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import httpx
import pytest

uvicorn = pytest.importorskip("uvicorn", reason="listening needs a web server")
pytest.importorskip("typer", reason="the command line needs typer")

from eventually import LIMIT, eventually  # noqa: E402
from smsgate import Encryptor, webhooks  # noqa: E402 - after the check above
from smsgate.__main__ import main  # noqa: E402
from smsgate.cli.output import format_event, print_error  # noqa: E402
from smsgate.emulator import Gateway, WebhookSender  # noqa: E402
from smsgate.emulator._server.asgi import EmulatorApp  # noqa: E402

ROOT = Path(__file__).parents[2]
TARGET = "https://receiver.example/sms"


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


class Listening:
    """The command in a process of its own; lines of both outputs as they come."""

    def __init__(self, options, environment):
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "smsgate", "listen", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.out, self.errors = [], []
        self._readers = [
            threading.Thread(target=self._read, args=pair)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream, lines):
        lines.extend(iter(stream.readline, ""))

    def url(self):
        eventually(lambda: any("listening on" in line for line in self.errors) or self.process.poll() is not None)
        return next(line for line in self.errors if "listening on" in line).split()[-1]

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(LIMIT)
        for reader in self._readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture
def environment(gateway, gateway_url):
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "generated")]),
        "SMSGATE_SIGNING_KEY": gateway.devices[0].signing_key,
        "SMSGATE_USERNAME": gateway.login,
        "SMSGATE_PASSWORD": gateway.password,
        "SMSGATE_BASE_URL": gateway_url,
    }


@pytest.fixture
def start(environment):
    started = []

    def run(*options, **variables):
        started.append(Listening(options, {**environment, **variables}))
        return started[-1]

    yield run
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.stop()


def signed(body, key):
    moment = str(int(time.time()))
    return {"X-Signature": webhooks.sign(body, moment, key), "X-Timestamp": moment}


def registered(gateway):
    return sorted((hook["event"], hook["url"]) for hook in gateway._state.webhooks.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_events_are_shown_and_registrations_removed_at_the_end(start, gateway, number):
    command = start("--register", TARGET, "--output", "jsonl", "--event", "sms:received")
    url = command.url()
    during = registered(gateway)

    with WebhookSender(gateway, rewrite={"https://receiver.example": url}):
        gateway.receive("+12025550101", "hello")
        eventually(lambda: command.out)
    code = command.stop(number)

    event = json.loads(command.out[0])
    assert (event["event"], event["payload"]["message"]) == ("sms:received", "hello")
    assert during == [("sms:received", TARGET)]
    assert registered(gateway) == []
    assert (code, len(command.out)) == (0, 1)
    assert [line.split()[0] for line in command.errors] == ["registered", "listening"]


def test_repetitions_are_shown_once_and_refusals_told(start, gateway):
    command = start("--register", TARGET, "--output", "table")
    url = command.url()
    gateway.deliveries.misbehaviour.repeat = gateway.deliveries.misbehaviour.twin = 0.5

    with WebhookSender(gateway, rewrite={"https://receiver.example": url}):
        for number in range(5):
            gateway.receive("+12025550101", f"text {number}")
        eventually(lambda: len(command.out) == 5 and not gateway.deliveries.waiting)
    answer = httpx.post(url, content=b"{}", trust_env=False)
    command.stop()

    assert sorted(line.split("text ")[1].strip() for line in command.out) == list("01234")
    assert answer.status_code == 401
    assert "refused: the request has no X-Signature\n" in command.errors


def test_by_default_texts_and_reports_are_registered(start, gateway):
    command = start("--register", TARGET)
    command.url()

    events = [event for event, _ in registered(gateway)]
    command.stop()

    assert events == ["sms:delivered", "sms:failed", "sms:received", "sms:sent"]


def test_failing_registration_leaves_nothing_behind(start, gateway):
    command = start("--register", TARGET, "--device-id", "nobody")

    code = command.process.wait(LIMIT)
    command.stop()

    assert code == 1
    assert registered(gateway) == []
    assert command.errors[0].startswith("error: 400")


def test_target_that_phones_refuse_is_refused(start):
    command = start("--register", "http://receiver.example/sms")

    code = command.process.wait(LIMIT)
    command.stop()

    assert code == 2
    assert "https" in "".join(command.errors)


def test_what_could_not_be_removed_is_told(start, gateway):
    command = start("--register", TARGET, "--event", "sms:sent", "--event", "sms:failed")
    command.url()
    gateway.outage(True)

    code = command.stop()

    assert code == 1
    assert sum("may still be registered" in line for line in command.errors) == 2


def test_half_sent_request_does_not_hold_up_the_end(start, gateway):
    command = start("--register", TARGET)
    address = httpx.URL(command.url())

    with socket.create_connection((address.host, address.port)) as client:
        head = {"Content-Length": "100", "Expect": "100-continue", **signed(b"", gateway.devices[0].signing_key)}
        lines = ["POST /sms HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in head.items())]
        client.settimeout(LIMIT)
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        assert b" 100 " in client.recv(100)  # the receiver waits for the body
        client.sendall(b"abc")
        code = command.stop()

    assert (code, registered(gateway)) == (0, [])
    assert "Traceback" not in "".join(command.errors)


IN_A_TERMINAL = """
import os, sys
os.open(os.ttyname(0), os.O_RDWR)  # the first terminal that the leader of a session opens becomes its own
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def test_closed_terminal_does_not_hold_up_the_end(environment, gateway):
    master, terminal = os.openpty()
    options = ["-m", "smsgate", "listen", "--port", "0", "--register", TARGET]
    command = [sys.executable, "-c", IN_A_TERMINAL, *options]
    streams = dict.fromkeys(["stdin", "stdout", "stderr"], terminal)
    with subprocess.Popen(command, env=environment, start_new_session=True, **streams) as process:
        os.close(terminal)
        said = b""
        while b"listening on" not in said:
            said += os.read(master, 1000)
        os.close(master)
        process.wait(LIMIT)

    assert registered(gateway) == []


def test_lines_that_nobody_can_read_end_nothing(monkeypatch):
    class Closed:
        def write(self, _text):
            raise OSError

    monkeypatch.setattr(sys, "stderr", Closed())

    print_error("anything")


def test_who_ignores_the_closing_of_its_terminal_goes_on(start, gateway):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does it
    try:
        command = start("--register", TARGET)
    finally:
        signal.signal(signal.SIGHUP, before)
    url = command.url()

    command.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    answer = httpx.post(url, content=b"{}", trust_env=False)

    assert (answer.status_code, command.stop(), registered(gateway)) == (401, 0, [])


@pytest.fixture
def silent_gateway():
    """A gateway that accepts connections and answers nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT)
        yield listener


def base_url(listener):
    return f"http://127.0.0.1:{listener.getsockname()[1]}/3rdparty/v1"


def test_second_signal_ends_what_the_first_one_interrupted(start, silent_gateway):
    command = start("--register", TARGET, SMSGATE_BASE_URL=base_url(silent_gateway))
    registering, _ = silent_gateway.accept()
    registering.recv(10)

    command.process.send_signal(signal.SIGINT)
    unregistering, _ = silent_gateway.accept()
    unregistering.recv(10)
    code = command.stop(signal.SIGINT)
    for connection in (registering, unregistering):
        connection.close()

    assert code == 130
    assert ["may still be registered" in line for line in command.errors] == [True]


def test_gateway_that_never_answers_is_given_up(silent_gateway, capsys):
    options = ["--login", "demo", "--password", "demo", "--base-url", base_url(silent_gateway), "--timeout", "0.2"]

    code = main(["listen", "--signing-key", "k", "--port", "0", "--register", TARGET, *options])

    assert code == 4
    assert capsys.readouterr().err.count("may still be registered") == 1


def test_what_was_never_registered_is_not_told_to_be(start):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = base_url(listener)
    command = start("--register", TARGET, SMSGATE_BASE_URL=nobody)

    code = command.process.wait(LIMIT)
    command.stop()

    assert code == 4
    assert [line.split(":")[0] for line in command.errors] == ["error", "hint"]


def test_command_ends_when_nobody_reads_any_more():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "generated")])}
    command = [sys.executable, "-m", "smsgate", "listen", "--port", "0", "--signing-key", "k"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        process.stdout.close()
        answer = post_event(process.stderr.readline().split()[-1])
        code = process.wait(LIMIT)
        errors = process.stderr.read()

    assert (answer.status_code, code, errors) == (200, 0, "")


def test_output_that_is_full_is_an_error(environment):
    command = [sys.executable, "-m", "smsgate", "listen", "--port", "0", "--signing-key", "k"]
    with (
        Path("/dev/full").open("wb") as full,
        subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment) as process,
    ):
        post_event(process.stderr.readline().split()[-1])
        code = process.wait(LIMIT)
        errors = process.stderr.read()

    assert (code, len(errors.splitlines())) == (1, 1)
    assert "No space left" in errors


def post_event(url, key="k", event="sms:received", **payload):
    document = {"event": event, "id": "1", "deviceId": "d", "webhookId": "w", "payload": {"message": "hi", **payload}}
    body = json.dumps(document).encode()
    return httpx.post(url, content=body, headers=signed(body, key), trust_env=False)


def test_lines_in_a_pipe_are_json_and_recipients_decrypted(start, gateway):
    pytest.importorskip("cryptography")
    command = start("-v", SMSGATE_PASSPHRASE="correct horse")
    report = {"messageId": "1", "sentAt": "2030-01-01T09:00:00Z", "partsCount": 1}
    recipient = Encryptor("correct horse").encrypt("+12025550100")

    post_event(command.url(), gateway.devices[0].signing_key, "sms:sent", recipient=recipient, **report)
    eventually(lambda: command.out)
    code = command.stop()

    assert code == 0
    assert json.loads(command.out[0])["payload"]["recipient"] == "+12025550100"
    assert "< POST /: 200\n" in command.errors


def test_requests_for_the_registration_are_shown(start):
    command = start("-vv", "--register", TARGET, "--event", "sms:sent")

    httpx.post(command.url(), content=b"{}", trust_env=False)
    command.stop()

    assert "> POST /webhooks\n" in command.errors
    assert sum("X-Signature" in line for line in command.errors) == 1


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_command_in_this_process_stops_on_a_signal_and_restores_the_handlers(gateway, gateway_url, capfd, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"

    def use_and_stop():
        try:
            eventually(lambda: registered(gateway) and is_listening(port))
            seen.extend(registered(gateway))
            with WebhookSender(gateway, rewrite={"https://receiver.example": url}):
                gateway.receive("+12025550101", "hello")
                eventually(lambda: not gateway.deliveries.waiting)
            httpx.post(url, content=b"{}", trust_env=False)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setenv("SMSGATE_SIGNING_KEY", gateway.devices[0].signing_key)
    user = threading.Thread(target=use_and_stop)
    user.start()
    options = ["--login", gateway.login, "--password", gateway.password, "--base-url", gateway_url]
    code = main(["listen", "--port", str(port), "--register", TARGET, "--event", "sms:received", "--any-age", *options])
    user.join()
    shown = capfd.readouterr()

    assert (code, seen, registered(gateway)) == (0, [("sms:received", TARGET)], [])
    assert "+12025550101" in shown.out
    assert "refused" in shown.err
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ([], 2, "SMSGATE_SIGNING_KEY"),
        (["--signing-key", " "], 2, "signing key is empty"),
        (["--port", "70000"], 2, "--port"),
        (["--signing-key", "k", "--event", "sms:nonsense"], 2, "no event 'sms:nonsense'"),
        (["--signing-key", "k", "--register", TARGET], 3, "no credentials"),
        (["--output", "xml"], 2, "--output"),
        (["--help"], 0, ""),
    ],
)
def test_options_that_make_no_sense_are_refused(options, code, words, capsys, monkeypatch):
    monkeypatch.delenv("SMSGATE_SIGNING_KEY", raising=False)
    monkeypatch.setenv("SMSGATE_CONFIG_DIR", "no-such-folder")

    assert main(["listen", *options]) == code
    assert words in capsys.readouterr().err


def test_taken_port_is_told(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code = main(["listen", "--signing-key", "k", "--port", str(taken.getsockname()[1])])

    assert code == 1
    assert "cannot listen on" in capsys.readouterr().err


def test_missing_server_is_told(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    assert main(["listen", "--signing-key", "k"]) == 1
    assert (
        capsys.readouterr().err
        == "error: listening needs a package that is not installed: pip install 'smsgate[cli]'\n"
    )


def test_lines_hold_no_control_characters(vectors):
    document = {
        "event": "sms:received",
        "id": "1",
        "deviceId": "phone",
        "webhookId": "w",
        "payload": {"message": "one\n\x1b[31mtwo", "sender": "+1\x07"},
    }
    event = webhooks.parse_unverified(json.dumps(document))

    line = format_event(event, "table", datetime.now(timezone.utc))

    assert line.isprintable()
    assert "one\\n\\x1b[31mtwo" in line


@pytest.mark.parametrize("output", ["table", "json", "jsonl"])
def test_every_event_can_be_shown(vectors, output):
    for recorded in vectors("webhook-events")["events"]:
        event = webhooks.parse_unverified(recorded["wire"])

        text = format_event(event, output)

        assert event.event in text
        assert ("\n" in text) == (output == "json")
        if output != "table":
            assert json.loads(text)["event"] == event.event
