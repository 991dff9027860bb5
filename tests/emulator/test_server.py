"""Emulator over a port: ASGI application, command, and `python -m smsgate`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from eventually import LIMIT, eventually
from smsgate.__main__ import main
from smsgate.constants import VERSION
from smsgate.emulator import Gateway
from smsgate.emulator._server.asgi import EmulatorApp
from smsgate.emulator._server.command import MISSING, base_url

ROOT = Path(__file__).parents[2]
DEMO = ("demo", "demo-password")


@pytest.fixture
def start():
    processes = []

    def run(*options):
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "generated"), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "smsgate", "emulator", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        processes.append(process)
        return process, process.stdout.readline().strip()

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_told_to_stop(start, sign):
    process, url = start()

    with httpx.Client(base_url=url, auth=DEMO, trust_env=False) as client:
        sent = client.post("/messages", json={"phoneNumbers": ["+79990001234"], "textMessage": {"text": "hi"}})
        path = f"/messages/{sent.json()['id']}"
        eventually(lambda: client.get(path).json()["state"] == "Delivered")
        states = client.get(path).json()["states"]
        head = client.head("/devices")
    process.send_signal(sign)
    _, errors = process.communicate(timeout=LIMIT)

    assert url.startswith("http://127.0.0.1:")
    assert sent.status_code == 202
    assert sent.headers["location"] == f"/3rdparty/v1/message/{sent.json()['id']}"
    assert sorted(states, key=states.get) == ["Pending", "Processed", "Sent", "Delivered"]
    assert (head.status_code, head.content) == (200, b"")
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_command_stops_while_a_page_listens_to_its_events(start, sign):
    process, url = start()
    with httpx.stream("GET", f"{url.removesuffix('/3rdparty/v1')}/_emulator/events", trust_env=False) as events:
        lines = events.iter_lines()
        assert any(line.startswith("event: state") for line in lines)

        process.send_signal(sign)

        process.communicate(timeout=LIMIT)
        with contextlib.suppress(httpx.TransportError):
            list(lines)
    assert process.returncode == 0


def test_exchanges_on_a_kept_connection_wait_for_no_delayed_acknowledgement(start):
    _, url = start("--no-phone")
    times = []

    with httpx.Client(base_url=url, auth=DEMO, trust_env=False) as client:
        for _ in range(40):
            started = time.monotonic()
            client.get("/devices")
            times.append(time.monotonic() - started)

    assert min(times[20:]) < 0.02  # a delayed acknowledgement takes 40 ms each time


def test_limits_and_odd_paths_survive_the_wire(start):
    _, url = start("--devices", "2", "--no-phone", "--login", "me", "--password", "secret")

    with httpx.Client(auth=("me", "secret"), trust_env=False) as client:
        created = client.post(
            f"{url}/messages", json={"id": "é x", "phoneNumbers": ["+79990001234"], "textMessage": {"text": "hi"}}
        )
        found = client.get(f"{url}/messages/%C3%A9%20x")
        large_head = client.get(f"{url}/devices", headers={"X-Pad": "a" * 5000})
        slash = client.get(f"{url}/messages/a%2Fb")
        devices = client.get(f"{url}/devices")
    with httpx.Client(trust_env=False) as client:
        large_body = client.post(f"{url}/messages", content=b"x" * (4 * 1024 * 1024 + 1))

    assert dict(created.headers.raw)[b"location"] == "/3rdparty/v1/message/é x".encode()
    assert found.json()["id"] == "é x"
    assert large_head.status_code == 431
    assert (slash.status_code, slash.text) == (404, "Not Found")
    assert len(devices.json()) == 2
    assert (large_body.status_code, large_body.json()) == (413, {"message": "Request Entity Too Large"})


def test_a_local_server_has_no_prefix(start):
    _, url = start("--mode", "local")

    answer = httpx.get(f"{url}/device", auth=DEMO, trust_env=False)

    assert httpx.URL(url).path == "/"
    assert answer.status_code == 200


def status_of(url):
    try:
        return httpx.get(url, trust_env=False).status_code
    except httpx.TransportError:
        return None


def test_the_command_in_this_process_stops_on_a_signal_and_restores_the_handlers(capfd):
    before = signal.getsignal(signal.SIGTERM)
    codes = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def stop():
        try:
            codes.append(eventually(lambda: status_of(f"http://127.0.0.1:{port}/3rdparty/v1/health")))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=stop)
    stopper.start()
    code = main(["emulator", "--port", str(port)])
    stopper.join()

    assert (code, codes) == (0, [200])
    assert capfd.readouterr().out.splitlines()[0] == f"http://127.0.0.1:{port}/3rdparty/v1"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_port_in_use_is_one_sentence_and_exit_1(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        code = main(["emulator", "--port", str(port)])

    assert code == 1
    assert capsys.readouterr().err.startswith(f"Cannot listen on 127.0.0.1:{port}: ")


@pytest.mark.parametrize(
    "options",
    [
        ["--port", "x"],
        ["--port", "65536"],
        ["--mode", "moon"],
        ["--login", "a:b"],
        ["--password", ""],
        ["--nonsense"],
        ["--devices", "-1"],
        ["--host", ""],
        ["--signing-key", " "],
    ],
)
def test_wrong_options_are_exit_2(capsys, options):
    assert main(["emulator", *options]) == 2
    assert "usage: smsgate emulator" in capsys.readouterr().err


def test_help_is_exit_0(capsys):
    assert main(["emulator", "--help"]) == 0
    assert "--no-phone" in capsys.readouterr().out
    assert main(["--help"]) == 0
    assert "emulator" in capsys.readouterr().out
    assert main([]) == 2


def test_the_version_and_unknown_commands(capsys, monkeypatch):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"smsgate {VERSION}\n"

    monkeypatch.setattr(sys, "argv", ["smsgate", "fly"])
    assert main() == 2
    assert "No such command 'fly'" in capsys.readouterr().err


@pytest.mark.parametrize("package", ["uvicorn", "phonenumbers"])
def test_a_missing_extra_is_one_sentence_that_names_it(capsys, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)

    assert main(["emulator"]) == 1
    assert capsys.readouterr().err == f"{MISSING}\n"


def test_base_urls_bracket_ipv6_addresses():
    assert base_url("::1", 80, local=True) == "http://[::1]:80"


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80")])
def test_base_url_of_a_server_on_all_addresses_is_one_that_clients_can_open(host, url):
    assert base_url(host, 80, local=True) == url


def test_importing_the_emulator_loads_no_server():
    code = "import sys, smsgate.emulator; sys.exit(bool({'uvicorn', 'starlette', 'phonenumbers'} & set(sys.modules)))"
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "generated")])

    found = subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ, "PYTHONPATH": path})

    assert found.returncode == 0


def drive(app, scope, *events):
    sent = []
    waiting = list(events)

    async def receive():
        return waiting.pop(0)

    async def send(event):
        sent.append(event)

    asyncio.run(app(scope, receive, send))
    return sent


def test_a_body_that_outgrows_the_limit_is_answered_early_and_the_connection_closed():
    scope = {"type": "http", "method": "POST", "path": "/3rdparty/v1/messages", "query_string": b"", "headers": []}
    part = {"type": "http.request", "body": b"x" * (3 * 1024 * 1024), "more_body": True}

    sent = drive(EmulatorApp(Gateway()), scope, part, part, part)

    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]


def test_the_lifespan_protocol_is_followed():
    sent = drive(
        EmulatorApp(Gateway()), {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    )

    assert [event["type"] for event in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_other_protocols_are_left_alone():
    assert drive(EmulatorApp(Gateway()), {"type": "websocket"}) == []


def test_a_server_without_raw_paths_works_too():
    scope = {"type": "http", "method": "GET", "path": "/health", "query_string": b"a=1", "headers": []}

    sent = drive(EmulatorApp(Gateway()), scope, {"type": "http.request"})

    assert sent[0]["status"] == 200


def test_the_command_says_how_to_use_it(start):
    process, url = start("--login", "me", "--password", "secret")

    lines = [process.stdout.readline().strip() for _ in range(5)]

    root = url.removesuffix("/3rdparty/v1")
    assert lines == [
        "login      me",
        "password   secret",
        f"web page   {root}/",
        f"control    {root}/_emulator/docs",
        "Press Ctrl+C to stop.",
    ]


def test_the_log_has_a_line_for_each_request_without_secrets(start):
    process, url = start("--log", "--signing-key", "s3cr3t-key")
    root = url.removesuffix("/3rdparty/v1")
    message = {"phoneNumbers": ["+79990001234"], "textMessage": {"text": "private"}}
    with httpx.Client(auth=DEMO, trust_env=False) as client:
        client.post(f"{url}/messages?x=hidden", json=message)
        client.get(f"{url}/nothing%0Ahere")
        client.post(f"{root}/_emulator/receive", json={"sender": "+79990001235", "text": "private"})
        client.post(f"{root}/_emulator/reset", headers={"Origin": "http://evil.example"})
        client.get(f"{root}/_emulator/state")
        client.post(f"{root}/emulator/receive", json={"sender": "+79990001235"})
    lines = [process.stdout.readline().strip() for _ in range(10)][5:]
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)

    shown = [" ".join(line.split()[1:-2]) for line in lines]
    assert shown == [
        "POST /3rdparty/v1/messages 202",
        "GET /3rdparty/v1/nothing\\nhere 404",
        "POST /_emulator/receive 201",
        "POST /_emulator/reset 403",
        "POST /emulator/receive 201",
    ]
    assert rest == ""
    assert not any(secret in "".join(lines) for secret in ("private", "hidden", "demo", "7999", "s3cr3t"))


def test_the_log_names_faults(start):
    process, url = start("--log", "--fault-rate", "1", "--fault-kinds", "503,lost")
    with httpx.Client(trust_env=False) as client:
        for _ in range(20):
            with contextlib.suppress(httpx.HTTPError):
                client.get(url)
    lines = [process.stdout.readline() for _ in range(25)][5:]

    assert {line.split(" ms")[1].strip() for line in lines} == {"fault 503", "fault lost"}
    assert any(" no response " in line for line in lines)
