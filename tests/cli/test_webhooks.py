"""`smsgate webhooks add` and `sync` when calls fail midway: what exists is named, and a repetition completes it."""

from __future__ import annotations

import json

import pytest

from smsgate import APIClient
from smsgate.emulator import Fault, Faults, Gateway

URL = "https://example.com/sms"
FILE = f"- url: {URL}\n  events: [sms:received, sms:failed, sms:sent]\n"
REFUSED = Fault("status", status=400)
LOST = ["lost"] * 20


@pytest.fixture
def gateway():
    return Gateway()


@pytest.fixture
def account(environment, gateway, serve_gateway, tmp_path):
    """Variables of the account; the file of webhooks is in the current folder."""
    (tmp_path / "hooks.yaml").write_text(FILE)
    url = serve_gateway(gateway)
    return {**environment, "SMSGATE_USERNAME": "demo", "SMSGATE_PASSWORD": "demo-password", "SMSGATE_BASE_URL": url}


def registered(gateway):
    """Ids of webhooks by their events."""
    with APIClient("demo", "demo-password", http=gateway.http()) as client:
        found = {one.event.value: one.id for one in client.get_webhooks()}
        assert len(found) == len(client.get_webhooks())
        return found


def fail_after(gateway, successes, faults, only="POST /webhooks"):
    gateway.faults = Faults.script([None] * successes + faults, only=[only])


@pytest.mark.parametrize("form", ["jsonl", "table"])
def test_added_webhooks_are_shown_when_another_fails(run_fork, account, gateway, form):
    fail_after(gateway, 2, [REFUSED])

    result = run_fork("webhooks", "add", URL, "sms:received", "sms:failed", "sms:sent", "-o", form, env=account)

    gateway.faults = None
    found = registered(gateway)
    assert result.code == 6
    assert sorted(found) == ["sms:failed", "sms:received"]
    assert all(one in result.out for one in found.values())
    assert result.err.startswith("error: 2 of 3 webhooks were added: 400")
    assert "still missing: sms:sent" in result.err


def test_nothing_added_is_a_failure(run_fork, account, gateway):
    fail_after(gateway, 0, [REFUSED])

    result = run_fork("webhooks", "add", URL, "sms:received", "sms:failed", env=account)

    gateway.faults = None
    assert (result.code, result.out, registered(gateway)) == (1, "", {})


@pytest.mark.parametrize("command", ["add", "sync"])
def test_webhook_of_unknown_outcome_is_named(run_fork, account, gateway, command):
    words = {"add": [URL, "sms:received", "sms:failed"], "sync": ["hooks.yaml"]}[command]
    fail_after(gateway, 1, LOST)

    result = run_fork("webhooks", command, *words, "--timeout", "5", env=account)

    gateway.faults = None
    found = registered(gateway)
    assert result.code == 6
    assert len(found) == 2
    assert all(one in result.out + result.err for one in found.values())
    assert "may be registered" in result.err


@pytest.mark.parametrize("only", ["POST /webhooks", "DELETE /webhooks/*"])
@pytest.mark.parametrize("successes", [0, 1])
def test_repeated_sync_completes_an_interrupted_one(run_fork, account, gateway, only, successes):
    run_fork("webhooks", "add", "https://example.com/old", "sms:received", "sms:delivered", env=account)
    fail_after(gateway, successes, [REFUSED], only)

    broken = run_fork("webhooks", "sync", "hooks.yaml", env=account)
    gateway.faults = None
    repeated = run_fork("webhooks", "sync", "hooks.yaml", env=account)

    assert broken.code == (1 if only.startswith("POST") and not successes else 6)
    assert ("the same command makes the others" in broken.err) == (broken.code == 6)
    assert repeated.code == 0, repeated.err
    assert sorted(registered(gateway)) == ["sms:failed", "sms:received", "sms:sent"]


def test_changes_are_shown_with_ids(run_fork, account, gateway):
    planned = run_fork("webhooks", "sync", "hooks.yaml", "--dry-run", env=account)
    before = registered(gateway)
    made = run_fork("webhooks", "sync", "hooks.yaml", env=account)

    assert before == {}
    assert "3 would be added, 0 would be removed, 0 unchanged" in planned.err
    assert all(one in made.err for one in registered(gateway).values())
    assert json.loads(run_fork("webhooks", env=account).out.splitlines()[0])["url"] == URL
