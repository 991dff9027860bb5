"""Data files that fail while the emulator runs: full disks, removed, replaced and damaged files."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from eventually import LIMIT, eventually
from smsgate import APIClient
from smsgate.__main__ import main
from smsgate.emulator import Control, Gateway
from smsgate.emulator._server.data_file import DataFile
from smsgate.emulator._server.keeper import Keeper

ROOT = Path(__file__).parents[2]
ALICE = "+12025550100"
DEMO = ("demo", "demo-password")
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from smsgate.__main__ import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sms.db"


@pytest.fixture
def start(path):
    processes = []

    def run(*, limit=None):
        code = ["-m", "smsgate"] if limit is None else ["-c", LIMITED, str(limit)]
        command = [sys.executable, *code, "emulator", "--port", "0", "--data", str(path)]
        places = os.pathsep.join([str(ROOT / "src"), str(ROOT / "generated")])
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": places}
        )
        processes.append(process)
        return process, process.stdout.readline().strip()

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def stop(process):
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=LIMIT)
    return process.returncode, errors


def post(http, text):
    """Send without our client, which resolves a 500 by itself."""
    body = {"phoneNumbers": [ALICE], "textMessage": {"text": text}}
    return http.post("/3rdparty/v1/messages", json=body)


def fill(http):
    """Send until the data file takes no more; return the ids that were accepted."""
    accepted = []
    for _ in range(500):
        response = post(http, "x" * 20_000)
        if response.status_code != 202:
            assert response.status_code == 500
            assert response.json()["message"].startswith("Cannot write")
            return accepted
        accepted.append(response.json()["id"])
    raise AssertionError("the file takes everything")


@pytest.fixture
def open_http():
    with ExitStack() as clients:

        def open_one(url):
            root = url.removesuffix("/3rdparty/v1")
            control = clients.enter_context(Control(url))
            return clients.enter_context(httpx.Client(base_url=root, auth=DEMO, trust_env=False)), control

        yield open_one


def ids(control):
    return {message.id for message in control.outbox()}


def test_full_disk_is_told_and_loses_nothing_that_was_accepted(start, open_http):
    process, url = start(limit=1_000_000)
    http, control = open_http(url)
    accepted = fill(http)

    for path in ("/_emulator/receive", "/emulator/receive"):
        refused = http.post(path, json={"sender": ALICE, "text": "x" * 20_000})
        assert refused.status_code == 500
        assert refused.json()["message"].startswith("Cannot write")
    assert httpx.get(f"{http.base_url}", trust_env=False).status_code == 200  # the page
    assert "Cannot write" in control.state().data_problem
    assert ids(control) >= set(accepted)
    assert http.get(f"/3rdparty/v1/messages/{accepted[0]}").status_code == 200
    code, errors = stop(process)
    assert (code, "Traceback" in errors) == (1, False)
    assert len(errors.splitlines()) <= 3
    _, control = open_http(start()[1])
    assert ids(control) >= set(accepted)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux raises the limits of another process")
def test_room_on_the_disk_lets_it_go_on(start, open_http):
    process, url = start(limit=1_000_000)
    http, control = open_http(url)
    fill(http)

    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    eventually(lambda: control.state().data_problem is None)
    late = post(http, "At last").json()["id"]
    everything = ids(control)
    assert stop(process)[0] == 0
    _, control = open_http(start()[1])
    assert ids(control) == everything
    assert late in everything


@pytest.mark.parametrize("way", ["removed", "replaced"])
def test_file_that_is_taken_away_is_told(start, open_http, path, way):
    process, url = start()
    http, control = open_http(url)
    kept = post(http, "Hello").json()["id"]
    moved = path.with_name("moved.db")
    path.rename(moved)
    if way == "replaced":
        path.write_bytes(b"something else")

    refused = post(http, "Lost?")

    assert (refused.status_code, "was removed or replaced" in refused.json()["message"]) == (500, True)
    assert "was removed or replaced" in control.state().data_problem
    path.unlink(missing_ok=True)
    moved.rename(path)
    eventually(lambda: control.state().data_problem is None)
    after = post(http, "Again").json()["id"]
    assert stop(process)[0] == 0
    _, control = open_http(start()[1])
    assert {kept, after} <= ids(control)


def _spoil(path, place, content):
    with path.open("r+b") as file:
        file.seek(place if place >= 0 else path.stat().st_size + place)
        file.write(content)


def _edit(statement, *values):
    def edit(path):
        connection = sqlite3.connect(path)
        with connection:
            connection.execute(statement, values)
        connection.close()

    return edit


DAMAGES = {
    "pages": lambda path: _spoil(path, 4096, b"\xff" * 8192),
    "last page": lambda path: _spoil(path, -4096, b"\xff" * 4096),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:6000]),
    "header": lambda path: _spoil(path, 20, b"\xff" * 60),
    "offset": _edit("UPDATE documents SET value = replace(value, '\"offset\":0.0', '\"offset\":1e300')"),
    "infinite": _edit("UPDATE documents SET value = replace(value, '\"offset\":0.0', '\"offset\":Infinity')"),
    "list": _edit("UPDATE documents SET value = '[]' WHERE name = 'switches'"),
    "deep": _edit("UPDATE documents SET value = ? WHERE name = 'devices'", "[" * 100_000),
    "bytes": _edit("UPDATE documents SET value = ? WHERE name = 'settings'", b"\xff\xfe"),
    "seed": _edit("UPDATE documents SET value = ? WHERE name = 'identity'", '{"seed": 1e400, "mode": "cloud"}'),
    "message": _edit("UPDATE messages SET value = '{}'"),
    "no table": _edit("DROP TABLE messages"),
    "no column": _edit("ALTER TABLE messages RENAME COLUMN value TO other"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_one_sentence(path, damage, capsys):
    gateway = Gateway()
    keeper = Keeper(gateway, DataFile(path))
    with APIClient(*DEMO, http=gateway.http()) as client:
        for _ in range(20):
            client.send("x" * 2000, to=ALICE)
    keeper.save()
    keeper.file.close()
    DAMAGES[damage](path)

    code = main(["emulator", "--port", "0", "--data", str(path), "--host", "256.0.0.1"])  # an address that ends it

    errors = capsys.readouterr().err
    assert code == 1
    assert len(errors.splitlines()) == 1
    assert "damaged" in errors or "Cannot use" in errors or "no data file" in errors, errors
