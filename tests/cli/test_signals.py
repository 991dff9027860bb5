"""Signals, readers that go away and full outputs while a command shows something that lasts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from eventually import LIMIT, eventually
from smsgate import APIClient
from smsgate.emulator import FAULTS, Faults, Gateway

SHOW_CURSOR = "\x1b[?25h"


@pytest.fixture
def gateway():
    return Gateway(phone=False)


@pytest.fixture
def account(environment, gateway, serve_gateway):
    url = serve_gateway(gateway)
    return {**environment, "SMSGATE_USERNAME": "demo", "SMSGATE_PASSWORD": "demo-password", "SMSGATE_BASE_URL": url}


@pytest.fixture
def client(gateway):
    with APIClient("demo", "demo-password", http=gateway.http()) as opened:
        yield opened


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", ["send hello --to +12025550100 --wait", "wait {id}"])
def test_live_table_restores_the_terminal(terminal_fork, account, client, words, number):
    first = client.send("hello", to="+12025550101").id

    result = terminal_fork(
        *words.format(id=first).split(), env=account, signal_when=lambda shown: "Pending" in shown, number=number
    )

    assert result.code == 130, result
    assert SHOW_CURSOR in result.out.rpartition("\x1b[?25l")[2]
    assert "Traceback" not in result.out
    if words.startswith("send"):
        accepted = re.search(r"message (\S+) was accepted; smsgate wait (\S+) goes on", result.out)
        assert accepted[1] == accepted[2] == client.get_messages(limit=1)[0].id


@pytest.mark.parametrize("words", ["send hello --to +12025550100", "send hello --to +12025550100 -v"])
def test_interrupted_send_names_its_message(run_fork, account, gateway, client, words):
    gateway.faults = Faults.script(["late"], only=["POST /messages"])

    result = run_fork(*words.split(), env=account, interrupt_after=lambda: gateway.outbox)

    assert result.code == 130, result
    assert f"smsgate status {gateway.outbox[0].id} tells whether" in result.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_following_ends_on_a_signal(run_fork, terminal_fork, account, client, number):
    client.send("hello", to="+12025550100", id="followed")

    def is_shown(shown):
        return "followed" in shown.replace("following", "")

    piped = run_fork("messages", "--follow", env=account, interrupt_when=is_shown, number=number)
    typed = terminal_fork("messages", "--follow", env=account, signal_when=is_shown, number=number)

    assert (piped.code, typed.code) == (130, 130)
    assert "Traceback" not in piped.err + typed.out


def test_following_ends_when_its_reader_goes(fork_server, account, client, tmp_path):
    client.send("hello", to="+12025550100")
    (to_read, stdout), errors = os.pipe(), tmp_path / "errors"
    with Path(os.devnull).open("rb") as nothing, errors.open("wb") as stderr:
        streams = (nothing.fileno(), stdout, stderr.fileno())
        process = fork_server.start(
            ["messages", "--follow", "--interval", "0.1"], env=account, folder=tmp_path, streams=streams
        )
    os.close(stdout)
    os.read(to_read, 100)
    os.close(to_read)

    client.send("good-bye", to="+12025550100")

    assert process.wait(LIMIT) == 1
    assert errors.read_text().splitlines()[1:] == []


FULL = ["--version", "--help", "send --help", "devices", "devices -o table", "segments hello", "spec"]


@pytest.mark.parametrize("words", FULL)
def test_full_output_is_an_error(account, words):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "smsgate", *words.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            env=account,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr.decode().startswith("error: ")
    assert b"Traceback" not in done.stderr
    assert b"No space left" in done.stderr


@pytest.mark.parametrize("words", ["devices", "status no-such-id"])
def test_full_error_output_changes_no_exit_code(account, words):
    codes = []
    for target in (os.devnull, "/dev/full"):
        with Path(target).open("wb") as stderr:
            done = subprocess.run(
                [sys.executable, "-m", "smsgate", *words.split()],
                stdout=subprocess.DEVNULL, stderr=stderr, env=account, check=False,
            )  # fmt: skip
        codes.append(done.returncode)

    assert codes[0] == codes[1]


TROUBLES = sorted({*FAULTS, "database"} - {"late", "drip"})
"""Faults of polls; a time limit is like a lost response, and takes long."""


@pytest.mark.parametrize("trouble", TROUBLES)
def test_following_across_an_outage_loses_and_doubles_nothing(run_fork, account, gateway, client, trouble):
    before, during, after = 3, 120, 3
    sent = [client.send("before", to="+12025550100").id for _ in range(before)]

    def send_meanwhile():
        eventually(started.is_set)
        if trouble == "database":
            sent.extend(client.send("during", to="+12025550100").id for _ in range(during))
            gateway.outage(True)
            eventually(noticed.is_set)
            gateway.outage(False)
        else:
            gateway.faults = Faults.random(1.0, kinds=[trouble], only=["GET /messages"])
            sent.extend(client.send("during", to="+12025550100").id for _ in range(during))
            eventually(lambda: noticed.is_set() or gateway.faults.exchanges > 10)
            gateway.faults = None
        sent.extend(client.send("after", to="+12025550100").id for _ in range(after))

    def is_complete(shown):
        if sent[0] in shown:
            started.set()
        if "trying again" in shown:
            noticed.set()
        return len(sent) == before + during + after and all(one in shown for one in sent)

    started, noticed = threading.Event(), threading.Event()
    other = threading.Thread(target=send_meanwhile)
    other.start()
    result = run_fork("messages", "--follow", "--interval", "0.1", env=account, interrupt_when=is_complete)
    other.join()

    assert result.code == 130, result.err
    assert len(result.out.splitlines()) == len(sent)
