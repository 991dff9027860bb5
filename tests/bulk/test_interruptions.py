"""Runs that are interrupted: by Ctrl-C, cancellation, a full disk or another process."""

from __future__ import annotations

import signal
import subprocess
import sys

import anyio
import pytest

from eventually import LIMIT
from smsgate.bulk import JournalError, JournalFullError, JournalLockedError, Pacing
from smsgate.emulator import Faults
from smsgate.errors import ConnectError
from smsgate.http import Response
from smsgate.retry import RetryPolicy
from smsgate.testing import make_async_client, make_client

ROWS = 400
CONCURRENCY = 8
FULL = "CREATE TEMP TRIGGER full BEFORE UPDATE ON rows BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
PROGRAM = """
import sys
from smsgate.bulk import Campaign, Pacing
from smsgate.testing import make_client, make_gateway

def show(progress):
    print(progress.done, flush=True)

with Campaign.open(sys.argv[1]) as campaign:
    client = make_client(make_gateway({"phone": False}))
    campaign.run(client, follow=False, pacing=Pacing(per_minute=1200), on_progress=show)
"""


@pytest.fixture
def program(planned):
    """Run a paced campaign in another process, and return it when the first rows are sent."""
    campaign = planned(ROWS)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(campaign.path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        while int(process.stdout.readline()) < 2:
            pass
        yield campaign, process
        process.kill()


def test_ctrl_c_ends_a_run_and_leaves_no_doubt(program):
    campaign, process = program

    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=LIMIT)

    assert "KeyboardInterrupt" in errors
    assert process.returncode != 0
    counts = campaign.status().counts
    assert set(counts) == {"planned", "enqueued"}
    assert counts["enqueued"] >= 2


def test_journal_can_be_read_but_not_run_while_another_process_runs_it(program, gateway):
    campaign, _process = program

    assert campaign.status().counts["planned"] > 0
    with pytest.raises(JournalLockedError, match="another process uses the journal"):
        campaign.run(make_client(gateway))
    with pytest.raises(JournalLockedError):
        campaign.cancel(make_client(gateway))
    assert gateway.messages == []


@pytest.mark.parametrize("kind", ["sync", "asyncio", "trio"])
def test_run_waits_for_another_process_if_told_to(program, gateway, kind):
    campaign, process = program
    process.send_signal(signal.SIGTERM)

    async def run():
        return await campaign.arun(make_async_client(gateway), follow=False, wait=True)

    report = (
        campaign.run(make_client(gateway), follow=False, wait=True) if kind == "sync" else anyio.run(run, backend=kind)
    )

    # The row that was being sent when the process ended has a phone that only its own gateway knew.
    assert report.counts["enqueued"] + report.counts.get("unknown", 0) == ROWS
    assert report.counts.get("unknown", 0) <= CONCURRENCY


def test_waiting_for_another_process_can_be_cancelled(program, gateway):
    campaign, _process = program

    async def run():
        with anyio.move_on_after(0.5) as scope:
            await campaign.arun(make_async_client(gateway), wait=True)
        return scope.cancelled_caught

    assert anyio.run(run)
    assert gateway.messages == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelled_run_can_be_resumed(planned, gateway, books, backend):
    campaign = planned(ROWS)

    async def run():
        with anyio.CancelScope() as scope:

            def stop(progress):
                if progress.done:
                    scope.cancel()

            await campaign.arun(make_async_client(gateway), follow=False, on_progress=stop)
        return scope.cancelled_caught

    assert anyio.run(run, backend=backend)
    assert campaign.status().counts.get("sending", 0) == 0
    assert len(books(gateway)) < ROWS

    assert campaign.run(make_client(gateway), follow=False).counts == {"enqueued": ROWS}
    assert len(books(gateway)) == len(set(books(gateway))) == ROWS


def test_full_disk_ends_a_run_and_loses_nothing(runner, planned, gateway, books):
    campaign = planned(ROWS, text="Hi {name}" + "x" * 1000)
    connection = campaign._journal._connection
    full = []

    def fill(progress):
        if progress.done and not full:
            full.append(True)
            connection.execute(FULL)

    with pytest.raises(JournalFullError, match="free some disk space"):
        runner.run(campaign, runner.client(gateway), follow=False, on_progress=fill)
    before = len(books(gateway))
    assert before < ROWS

    connection.execute("DROP TRIGGER temp.full")
    assert runner.run(campaign, runner.client(gateway), follow=False).counts == {"enqueued": ROWS}
    assert len(books(gateway)) == len(set(books(gateway))) == ROWS


@pytest.mark.parametrize("replace", [False, True])
def test_journal_that_is_removed_under_a_run_ends_it(runner, planned, gateway, books, replace):
    campaign = planned(ROWS)
    kept = campaign.path.with_name("kept.db")

    def remove(progress):
        if progress.done and not kept.exists():
            campaign.path.rename(kept)
            if replace:
                campaign.path.write_bytes(b"")

    with pytest.raises(JournalError, match="was removed or replaced while it was used"):
        runner.run(campaign, runner.client(gateway), follow=False, on_progress=remove, pacing=Pacing(per_minute=6000))
    assert len(books(gateway)) < ROWS

    kept.replace(campaign.path)
    assert runner.run(campaign, runner.client(gateway), follow=False).counts == {"enqueued": ROWS}
    assert len(books(gateway)) == len(set(books(gateway))) == ROWS


@pytest.mark.parametrize("phase", ["sending", "following"])
def test_exception_of_a_progress_callback_ends_a_run_and_loses_nothing(runner, planned, gateway, books, phase):
    campaign = planned(ROWS)

    def fail(progress):
        if progress.phase == phase and progress.total:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        runner.run(campaign, runner.client(gateway), on_progress=fail)
    assert campaign.status().counts.get("sending", 0) == 0

    assert runner.run(campaign, runner.client(gateway), follow=False).counts == {"enqueued": ROWS}
    assert len(books(gateway)) == len(set(books(gateway))) == ROWS


def test_cancellation_that_the_gateway_fails_says_so_and_goes_on_later(runner, planned, gateway):
    campaign = planned(60)
    runner.run(campaign, runner.client(gateway), follow=False)
    gateway.faults = Faults.script([None, *["refuse"] * 10_000], only=["DELETE"])
    client = runner.client(gateway, retry=RetryPolicy.none())

    with pytest.raises(ConnectError):
        runner.cancel(campaign, client)
    assert gateway.faults.exchanges < 40  # a gateway that is down is not asked for each row

    gateway.faults = Faults.script(["refuse"], only=["DELETE"])
    with pytest.raises(ConnectError):  # one message is left
        runner.cancel(campaign, client)
    gateway.faults = None
    runner.cancel(campaign, client)
    assert {message.state for message in gateway.messages} <= {"Cancelled", "Cancelling"}


def test_exception_of_a_hook_ends_a_run_and_its_row_is_resolved_later(runner, planned, gateway, books):
    campaign = planned(50)
    calls = []

    def fail(event):
        calls.append(event)
        if len(calls) == 20:
            raise RuntimeError("a hook of the program")

    with pytest.raises(RuntimeError, match="a hook of the program"):
        runner.run(campaign, runner.client(gateway, on_response=fail), follow=False)
    assert campaign.status().counts["unknown"] == 1

    assert runner.run(campaign, runner.client(gateway), follow=False).counts == {"enqueued": 50}
    assert len(books(gateway)) == len(set(books(gateway))) == 50


def test_full_queue_of_one_phone_does_not_hold_up_the_other(planned, gateway):
    campaign = planned(ROWS)
    client = make_client(gateway)
    blocked = gateway.devices[0].id
    others = sum(client.choose_device(row.id) != blocked for row in campaign.status().rows())
    stored_before = []

    def full(request):
        if request.method != "POST" or blocked.encode() not in request.content:
            return None
        stored = len(gateway.messages)
        if stored < others:
            return Response(503, {}, b'{"message": "failed to enqueue message: queue limits exceeded: pending"}')
        stored_before.append(stored)
        return None

    gateway.faults = full

    report = campaign.run(client, follow=False)

    assert report.counts == {"enqueued": ROWS}
    assert stored_before[0] == others


def test_row_that_was_being_sent_long_ago_is_not_sent_again_unless_wanted(runner, planned, gateway):
    campaign = planned(1)
    campaign._journal.write([(1, gateway.devices[0].id)], [])
    campaign._journal._connection.execute("UPDATE rows SET updated_at = updated_at - 30 * 86400")

    report = runner.run(campaign, runner.client(gateway), follow=False)
    assert report.counts == {"unknown": 1}
    assert gateway.messages == []

    campaign._journal._connection.execute("UPDATE rows SET updated_at = updated_at - 30 * 86400")
    report = runner.run(campaign, runner.client(gateway), follow=False, resend_unknown=True)
    assert report.counts == {"enqueued": 1}
