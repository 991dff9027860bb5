"""Data files: what a restart restores, and which files are refused."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from eventually import LIMIT, eventually
from smsgate import APIClient, Webhook
from smsgate.__main__ import main
from smsgate.emulator import Attachment, Control, Gateway, PhoneTimings
from smsgate.emulator._server.data_file import VERSION, DataFile, DataFileError
from smsgate.emulator._server.keeper import Keeper, Saver

ROOT = Path(__file__).parents[2]
ALICE = "+12025550100"
DEMO = ("demo", "demo-password")


@pytest.fixture
def start(tmp_path):
    processes = []

    def run(*options, data=tmp_path / "sms.db"):
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "generated")])
        command = [sys.executable, "-m", "smsgate", "emulator", "--port", "0", "--data", str(data), *options]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
        )
        processes.append(process)
        return process, process.stdout.readline().strip()

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def open_client():
    with ExitStack() as clients:
        yield lambda url: clients.enter_context(APIClient(*DEMO, base_url=url))


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait(LIMIT)


def test_states_are_saved_though_nobody_looks(tmp_path):
    gateway = Gateway(timings=PhoneTimings(0, 0, 0))
    client = APIClient(*DEMO, base_url="http://x/3rdparty/v1", http=gateway.http())
    with client, Saver(Keeper(gateway, DataFile(tmp_path / "sms.db"))):
        client.send("Hello", to=ALICE)
        eventually(lambda: next(iter(gateway.internals.state.store)).state == "Delivered")

    with closing(DataFile(tmp_path / "sms.db")) as file:
        assert [json.loads(text)["state"] for _, text in file.rows("message")] == ["Delivered"]


def test_restart_after_a_kill_continues(start, open_client):
    process, url = start("--devices", "2")
    client = open_client(url)
    devices = [device.id for device in client.list_devices()]
    token = httpx.post(f"{url}/auth/token", auth=DEMO, json={"scopes": ["all:any"]}).json()["access_token"]
    client.create_webhook(Webhook(url="https://example.com/x", event="sms:received"))
    with Control(url) as control:
        incoming = control.receive(ALICE, "STOP")
        sent = client.send("Hello", to=ALICE)
        kill(process)

    process, url = start()
    client = open_client(url)
    with Control(url) as control:
        assert [device.id for device in client.list_devices()] == devices
        assert httpx.get(f"{url}/devices", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert [hook.event for hook in client.get_webhooks()] == ["sms:received"]
        assert control.wait_for(state="Delivered", timeout=60).id == sent.id
        assert control.state().counts.incoming == 1
        assert control.deliveries()[0].event == "sms:received"
        assert client.send("Again", to=ALICE).id != sent.id
        assert incoming.text == "STOP"


def test_restart_after_a_stop_continues(start, open_client):
    process, url = start()
    open_client(url).send("Hello", to=ALICE)
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT) == 0

    _, url = start()

    with Control(url) as control:
        assert control.outbox()[0].text == "Hello"


def test_every_accepted_message_survives(start):
    process, url = start()
    ids = []
    with httpx.Client(auth=DEMO) as http:
        for number in range(30):
            body = {"id": f"m{number}", "textMessage": {"text": "x"}, "phoneNumbers": [ALICE]}
            assert http.post(f"{url}/messages", json=body).status_code == 202
            ids.append(f"m{number}")
        kill(process)

    _, url = start()

    with Control(url) as control:
        assert [message.id for message in control.outbox()] == ids


def test_second_process_is_refused(start):
    start()

    process, _ = start()
    _, errors = process.communicate(timeout=LIMIT)

    assert process.returncode == 1
    assert errors.endswith("sms.db is in use by another emulator.\n")
    assert len(errors.splitlines()) == 1


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sms.db"


def keep(path, **options):
    file = DataFile(path)
    gateway = Gateway(**{"seed": 5, **options})
    return gateway, Keeper(gateway, file)


def reopen(gateway, keeper, **options):
    keeper.save()
    keeper.file.close()
    return keep(keeper.file.path, mode=gateway.mode, **options)


def test_everything_is_restored(path):
    gateway, keeper = keep(path, devices=2)
    state = gateway._state
    state.webhooks["a"] = {"id": "a", "url": "https://receiver.example/", "event": "sms:received", "deviceId": None}
    state.change_settings({"ping": {"interval_seconds": 60}})
    gateway.receive(ALICE, "text", sim_number=1)
    gateway.receive(ALICE, "0011", type="DATA_SMS")
    gateway.receive(ALICE, "look", type="MMS_DOWNLOADED", attachments=[Attachment(1, "a", "image/png", b"\x00\xff")])
    gateway.receive(ALICE, "missed", missed=True)
    attempt = gateway.deliveries.due()[0]
    gateway.deliveries.settle(attempt, 500, error=None, response_headers=[("a", "b")], response_body=b"\xff")
    gateway.switch(gateway.devices[0].id, failure_rate=0.5, failure_reason="why", sims=2)
    gateway.timings.delivered = 60
    gateway.advance(100)
    gateway.outage(seconds=3600)

    again, keeper = reopen(gateway, keeper)

    assert again.devices == gateway.devices
    assert again._state.incoming == state.incoming
    assert [item.id for item in again._state.inbox] == [item.id for item in state.inbox]
    assert [item.id for item in again._state.missed] == [item.id for item in state.missed]
    assert [item.id for item in again._state.timeline] == [item.id for item in state.timeline]
    assert (again._state.webhooks, again._state.settings) == (state.webhooks, state.settings)
    assert (again._state.down, again._state.down_until) == (state.down, state.down_until)
    assert again.timings == gateway.timings
    assert again._state.clock.offset == state.clock.offset
    assert again.deliveries.all == gateway.deliveries.all
    assert again.deliveries.all[0].log[0].response_body == b"\xff"
    keeper.file.close()


@pytest.mark.parametrize("mode", ["cloud", "local"])
@pytest.mark.parametrize("at", [None, 0, 0.3, 0.7, 2])
def test_message_goes_on_where_it_was(path, mode, at):
    gateway, keeper = keep(path, mode=mode)
    client = APIClient(
        *DEMO, base_url="http://x" + ("" if mode == "local" else "/3rdparty/v1"), http=gateway.http(), pin_device=False
    )
    sent = client.send("Hello", to=[ALICE, "+12025559901"])
    if at is None:
        client.cancel_message(sent.id)
    else:
        gateway.advance(at)

    again, keeper = reopen(gateway, keeper)
    again.advance(10)

    found = again.messages[0]
    states = {row.phone_number: row.state for row in found.recipients}
    assert found.state == ("Cancelled" if at is None else "Sent")
    assert at is None or states == {ALICE: "Delivered", "+12025559901": "Failed"}
    assert found.sent_content == {"textMessage": {"text": "Hello"}}
    keeper.file.close()


def test_reset_and_removed_messages_are_kept(path):
    gateway, keeper = keep(path)
    gateway.receive(ALICE, "first")
    keeper.save()
    gateway.reset()
    gateway.receive(ALICE, "second")

    again, keeper = reopen(gateway, keeper)

    assert [item.text for item in again._state.timeline] == ["second"]
    keeper.file.close()


def test_restart_several_times(path):
    gateway, keeper = keep(path)
    ids = set()
    for number in range(4):
        client = APIClient(*DEMO, base_url="http://x/3rdparty/v1", http=gateway.http())
        ids.add(client.send("Hello", to=ALICE).id)
        gateway, keeper = reopen(gateway, keeper)
        assert len(gateway.messages) == number + 1
    assert len(ids) == 4
    keeper.file.close()


def write_foreign(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()


def write_newer(path):
    DataFile(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    connection.close()


def write_damaged(path):
    gateway, keeper = keep(path)
    gateway.receive(ALICE, "x")
    keeper.save()
    keeper.file.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE incoming SET value = '{}'")
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda path: path.write_text("some notes of mine, which are long enough to be no SQLite file" * 20),
            "no data",
        ),
        (write_foreign, "no data file of the emulator"),
        (write_newer, "newer version of smsgate"),
        (write_damaged, "is damaged"),
        (lambda path: path.mkdir(), "Cannot open"),
    ],
    ids=["text", "foreign", "newer", "damaged", "folder"],
)
def test_unusable_file_is_one_sentence(path, spoil, words, capsys):
    spoil(path)
    before = path.read_bytes() if path.is_file() else None

    assert main(["emulator", "--port", "0", "--data", str(path)]) == 1

    errors = capsys.readouterr().err
    assert words in errors
    assert len(errors.splitlines()) == 1
    assert spoil is write_damaged or before is None or path.read_bytes() == before


def test_missing_folder_is_one_sentence(tmp_path, capsys):
    assert main(["emulator", "--port", "0", "--data", str(tmp_path / "none" / "sms.db")]) == 1
    assert "Cannot open" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "words"), [(["--mode", "local"], "--mode cloud"), (["--seed", "6"], "--seed")])
def test_options_that_do_not_fit_the_file(path, options, words, capsys):
    _, keeper = keep(path)
    keeper.file.close()

    assert main(["emulator", "--port", "0", "--data", str(path), *options]) == 1
    assert words in capsys.readouterr().err


def test_file_in_use_is_not_touched(path):
    _, keeper = keep(path)

    with pytest.raises(DataFileError, match="in use by another emulator"):
        DataFile(path)
    keeper.file.close()


def test_failed_write_is_tried_again(path):
    gateway, keeper = keep(path)
    gateway.receive(ALICE, "first")
    connection, keeper.file._connection = keeper.file._connection, sqlite3.connect(":memory:")
    with pytest.raises(DataFileError, match="Cannot write"):
        keeper.save()
    keeper.file._connection = connection

    again, keeper = reopen(gateway, keeper)

    assert [item.text for item in again._state.timeline] == ["first"]
    keeper.file.close()


def test_background_changes_are_saved_without_a_request(start, open_client):
    process, url = start()
    open_client(url).send("Hello", to=ALICE)
    with Control(url) as control:
        eventually(lambda: control.outbox()[0].state == "Delivered")
        kill(process)

    _, url = start()
    with Control(url) as control:
        assert control.wait_for(state="Delivered", timeout=60).text == "Hello"
