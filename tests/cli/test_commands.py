"""What commands do, one by one; `test_every_command` tries all in the same ways."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from eventually import eventually
from smsgate import APIClient
from smsgate.cli.messages import _follow as follow_messages
from smsgate.emulator import Attachment, Gateway

REFERENCE = Path(__file__).parents[2] / "scripts" / "command_reference.py"


def test_reference_is_up_to_date():
    done = subprocess.run([sys.executable, REFERENCE, "--check"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


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


@pytest.mark.parametrize(
    ("editor", "is_kept"), [("/no-such-editor", False), ("false", False), ("sh -c 'echo >>$0; false'", True)]
)
def test_editor_that_fails(run_fork, account, tmp_path, editor, is_kept):
    (tmp_path / "temporary").mkdir()

    result = run_fork("settings", "edit", env={**account, "EDITOR": editor, "TMPDIR": str(tmp_path / "temporary")})

    assert result.code == 1, result
    kept = [*(tmp_path / "temporary").glob("smsgate-settings-*")]
    assert len(kept) == is_kept
    assert ("your text is kept in" in result.err) == is_kept


def test_sync_twice_changes_nothing(run, account, tmp_path):
    (tmp_path / "webhooks.yaml").write_text("- url: https://example.com/sms\n  events: [sms:received, sms:failed]\n")
    run("webhooks", "sync", "webhooks.yaml", env=account)

    result = run("webhooks", "sync", "webhooks.yaml", env=account)

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


def test_token_for_pipes(run_fork, account):
    issued = run_fork("token", "create", "--scope", "messages:send", "--ttl", "100000", env=account)
    env = {**account, "SMSGATE_TOKEN": issued.out.strip()}

    sent = run_fork("send", "hello", "--to", "+12025550100", env=env)
    refused = run_fork("webhooks", env=env)

    assert (issued.code, sent.code, refused.code) == (0, 0, 3), (sent, refused)
    assert "warning: it expires sooner than asked" in issued.err
    assert "hint: smsgate token create --scope SCOPE" in refused.err


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
