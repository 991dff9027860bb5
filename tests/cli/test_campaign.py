"""Commands `smsgate campaign`: in a pipe, in a terminal, interrupted, killed and resumed."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from eventually import eventually
from smsgate.bulk import Campaign
from smsgate.bulk._lock import JournalLock
from smsgate.emulator import Gateway

pytest.importorskip("phonenumbers")

TEXT = "Hi {name}"


@pytest.fixture
def run(run_fork):
    """Run the command in pipes; most of the time of a new process would go into its imports."""
    return run_fork


@pytest.fixture
def terminal(terminal_fork):
    """Run the command in a pseudo-terminal."""
    return terminal_fork


@pytest.fixture
def table(tmp_path):
    """Write a table with some rows; return its path."""

    def write(count, *further):
        rows = [f"+1202555{number:04},Name {number}" for number in range(count)]
        path = tmp_path / "members.csv"
        path.write_text("\n".join(["phone,name", *rows, *further]) + "\n", encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def gateway():
    return Gateway(seed=7, devices=2)


@pytest.fixture
def account(environment, serve_gateway, gateway):
    url = serve_gateway(gateway)
    return {**environment, "SMSGATE_USERNAME": "demo", "SMSGATE_PASSWORD": "demo-password", "SMSGATE_BASE_URL": url}


def recipients(gateway):
    return sorted(number for message in gateway.outbox for number in message.recipients)


def is_enqueued(journal, count):
    """Return a predicate for `eventually`: whether the gateway has so many rows."""

    def is_reached():
        if not journal.exists():
            return False
        connection = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
        try:
            query = "SELECT count(*) FROM rows WHERE enqueued_at IS NOT NULL"
            return connection.execute(query).fetchone()[0] >= count
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()

    return is_reached


def test_check_reports_what_would_be_sent(run, environment, table, tmp_path):
    (tmp_path / "stop.txt").write_text("# asked to stop\n(202) 555-0001\n")
    file = table(3, "+12025550000,Again", "0,Nobody", "+493012345678,Łukasz", "+12025550099,")

    result = run("campaign", "check", file, "--text", TEXT, "--region", "US", "--opt-out", "stop.txt", env=environment)

    found = json.loads(result.out)
    assert result.code == 6
    assert (found["rows"], found["valid"], found["parts"]) == (7, 3, 3)
    assert found["encodings"] == {"GSM-7": 2, "UCS-2": 1}
    assert found["kinds"] == {"either": 2, "landline": 1}
    assert found["rejectedCounts"] == {"duplicate": 1, "invalid_number": 1, "missing_field": 1, "opted_out": 1}
    assert {row["row"] for row in found["rejected"]} == {2, 4, 5, 7}
    assert "CSV, UTF-8, separated by commas" in result.err
    assert "numbers of landlines: 1" in result.err


def test_check_on_a_terminal_shows_the_rejected_rows(terminal, environment, table):
    shown = terminal("campaign", "check", table(3, "0,Nobody"), "--text", TEXT, env=environment)

    assert shown.code == 6
    assert "can be sent" in shown.out
    assert "the number cannot exist" in shown.out


def test_landlines_can_be_skipped(run, environment, table):
    file = table(1, "+493012345678,Land")
    result = run("campaign", "check", file, "--text", TEXT, "--skip-landlines", env=environment)

    assert json.loads(result.out)["rejectedCounts"] == {"landline": 1}


@pytest.mark.parametrize(
    "case",
    [
        ("", [], "the file is empty"),
        ("+12025550100,Ann\n", [], "a number instead of names of columns"),
        ("phone,nom\n+12025550100,Ann\n", [], "no row has the field {name}"),
        ("phone,name\n+12025550100,a,b\n", [], "line 2: 3 values for 2 columns"),
        ("phone,name\n+12025550100,Ann\n", ["--column", "Mobil"], "no column 'Mobil'"),
        ("phone,name\n+12025550100,Ann\n", ["--region", "XX"], "a region is a country's two letters"),
        ("phone,name\n+12025550100,Ann\n", ["--opt-out", "none.txt"], "none.txt: No such file"),
        ("phone,name\n+12025550100,Ann\n", ["--encoding", "none"], "no encoding"),
    ],
)
def test_bad_tables_are_wrong_usage(run, environment, tmp_path, case):
    content, arguments, message = case
    (tmp_path / "t.csv").write_text(content)

    result = run("campaign", "check", "t.csv", "--text", TEXT, *arguments, env=environment)

    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err


def test_guessed_encoding_is_shown_with_a_word(run, environment, tmp_path):
    (tmp_path / "t.csv").write_bytes("phone;name\n+12025550100;Jörg\n".encode("cp1252"))

    result = run("campaign", "check", "t.csv", "--text", TEXT, env=environment)

    assert result.code == 0
    assert "CSV, cp1252, separated by semicolons" in result.err
    assert "'Jörg'" in result.err


def test_run_sends_every_row_once_and_reports(run, account, table, gateway, tmp_path):
    file = table(20)
    arguments = ("campaign", "run", file, "--text", TEXT, "--journal", "j.db", "--campaign-id", "june")
    first = run(*arguments, env=account)
    again = run(*arguments, env=account)

    assert first.code == again.code == 0, first.err
    found = json.loads(first.out)
    assert found["campaignId"] == "june"
    assert found["counts"] == {"delivered": 20}
    assert json.loads(again.out)["counts"] == {"delivered": 20}
    assert recipients(gateway) == [f"+1202555{number:04}" for number in range(20)]
    assert "sending: " in first.err

    status = run("campaign", "status", "j.db", env=account)
    assert json.loads(status.out) == found
    listed = run("campaign", "status", "j.db", "--rows", "delivered", "--redact", env=account)
    assert len(listed.out.splitlines()) == 20
    assert "+1202555" not in listed.out
    report = run("campaign", "report", "j.db", "--html", "r.html", "--csv", "r.csv", env=account)
    assert report.code == 0
    assert "<svg" in (tmp_path / "r.html").read_text(encoding="utf-8")
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as csv_file:
        assert [row["state"] for row in csv.DictReader(csv_file)] == ["delivered"] * 20


def test_dry_run_sends_and_keeps_nothing(run, account, table, gateway, tmp_path):
    result = run("campaign", "run", table(3), "--text", TEXT, "--journal", "j.db", "--dry-run", env=account)

    assert result.code == 0
    assert json.loads(result.out)["valid"] == 3
    assert not (tmp_path / "j.db").exists()
    assert recipients(gateway) == []


def test_terminal_asks_and_shows_a_bar(terminal, account, table, gateway):
    arguments = ("campaign", "run", table(5), "--text", TEXT, "--journal", "j.db")
    refused = terminal(*arguments, env=account, type_after=[("Send 5 messages now?", "n\n")])
    assert refused.code == 1
    assert recipients(gateway) == []

    shown = terminal(*arguments, env=account, type_after=[("Send 5 messages now?", "y\n")])
    assert shown.code == 0
    assert "sending: 5 of 5" in shown.out
    assert "delivered" in shown.out


def test_interrupted_campaign_resumes(run, account, table, gateway, tmp_path):
    journal = tmp_path / "j.db"
    arguments = ("campaign", "run", table(40), "--text", TEXT, "--journal", str(journal), "--per-minute", "300")
    first = run(*arguments, env=account, interrupt_after=is_enqueued(journal, 3))

    assert first.code == 130
    assert f"smsgate campaign resume {journal}" in first.err
    assert 3 <= len(recipients(gateway)) < 40
    resumed = run("campaign", "resume", str(journal), env=account)
    assert resumed.code == 0, resumed.err
    assert recipients(gateway) == [f"+1202555{number:04}" for number in range(40)]


def test_killed_campaign_resumes(run, account, table, gateway, tmp_path):
    journal = tmp_path / "j.db"
    arguments = ["campaign", "run", table(40), "--text", TEXT, "--journal", str(journal), "--per-minute", "300"]
    command = [sys.executable, "-m", "smsgate", *arguments]
    process = subprocess.Popen(
        command, env=account, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        eventually(is_enqueued(journal, 3))
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()

    resumed = run("campaign", "resume", str(journal), env=account)
    assert resumed.code == 0, resumed.err
    assert recipients(gateway) == [f"+1202555{number:04}" for number in range(40)]


def test_cancelled_campaign_sends_nothing_more(run, account, table, gateway, tmp_path):
    journal = tmp_path / "j.db"
    with Campaign.plan([{"phone": "+12025550100", "name": "Ann"}], TEXT, journal=journal).campaign:
        pass

    cancelled = run("campaign", "cancel", str(journal), env=account)
    assert cancelled.code == 0
    assert json.loads(cancelled.out)["counts"] == {"cancelled": 1}
    assert run("campaign", "resume", str(journal), env=account).code == 1
    assert recipients(gateway) == []


def test_changed_table_is_refused(run, account, table):
    arguments = ("--text", TEXT, "--journal", "j.db", "--no-follow")
    assert run("campaign", "run", table(2), *arguments, env=account).code == 0

    changed = run("campaign", "run", table(3), *arguments, env=account)
    assert changed.code == 2
    assert "the input has changed" in changed.err


def test_interrupted_planning_sends_nothing_and_begins_again(run, account, table, gateway, tmp_path):
    """The table comes through a pipe, row by row and without an end, as of a slow query."""
    journal = tmp_path / "j.db"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    is_opened = threading.Event()

    def write():
        with suppress(BrokenPipeError), pipe.open("w") as file:
            file.write("phone,name\n")
            while not is_over.wait(0.1):  # a row ends a read that began just after the signal had come
                file.write("+12025550100,Ann\n")
                file.flush()
                is_opened.set()

    is_over = threading.Event()
    thread = threading.Thread(target=write)
    thread.start()
    arguments = ("--text", TEXT, "--journal", str(journal))
    try:
        result = run("campaign", "run", str(pipe), *arguments, env=account, interrupt_after=is_opened.is_set)
    finally:
        is_over.set()
        thread.join()

    assert result.code == 130
    assert recipients(gateway) == []
    assert run("campaign", "run", table(1), *arguments, env=account).code == 0


def test_large_table_is_checked_row_by_row(run, environment, table):
    result = run("campaign", "check", table(9000), "--text", TEXT, env=environment)

    assert json.loads(result.out)["valid"] == 9000


def test_second_process_says_that_the_journal_is_used_or_waits(run, account, table, gateway, tmp_path):
    journal = tmp_path / "j.db"
    file = table(30)
    arguments = ("campaign", "run", file, "--text", TEXT, "--journal", str(journal), "--per-minute", "600")
    program = [sys.executable, "-m", "smsgate"]
    options = {"env": account, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*program, *arguments], **options) as first:
        eventually(is_enqueued(journal, 1))
        first.send_signal(signal.SIGSTOP)  # keeps the journal until the others have been tried
        for refused in (
            run(*arguments, env=account),
            run("campaign", "resume", str(journal), env=account),
            run("campaign", "cancel", str(journal), env=account),
        ):
            assert refused.code == 2
            assert "another process uses the journal" in refused.err
            assert "--wait waits" in refused.err
        resume = [*program, "campaign", "resume", str(journal), "--wait"]
        with subprocess.Popen(resume, text=True, **options) as second:
            assert "waiting for another process, which uses the journal\n" in iter(second.stderr.readline, "")
            first.send_signal(signal.SIGCONT)
            first.communicate()
            out, err = second.communicate()

    assert first.returncode == second.returncode == 0, err
    assert recipients(gateway) == [f"+1202555{number:04}" for number in range(30)]
    assert json.loads(out)["counts"] == {"delivered": 30}


def test_planning_waits_for_another_process_too(account, table, gateway, tmp_path):
    journal = tmp_path / "j.db"
    (tmp_path / "stop.txt").write_text("phone\n+12025550001\nnobody\n")
    options = ["--journal", str(journal), "--opt-out", str(tmp_path / "stop.txt"), "--wait"]
    command = [sys.executable, "-m", "smsgate", "campaign", "run", table(3), "--text", TEXT, *options]
    with JournalLock(journal, wait=False):
        process = subprocess.Popen(
            command, env=account, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        shown = list(iter(process.stderr.readline, "waiting for another process, which uses the journal\n"))
        assert not journal.exists()
    with process:
        _, errors = process.communicate()

    assert process.returncode == 0, errors
    assert recipients(gateway) == ["+12025550000", "+12025550002"]
    assert "stop.txt: lines without a number in their first column: 1" in "".join(shown)


def test_sigterm_ends_a_run_in_order(account, table, gateway, tmp_path):
    journal = tmp_path / "j.db"
    arguments = ["campaign", "run", table(40), "--text", TEXT, "--journal", str(journal), "--per-minute", "300"]
    with subprocess.Popen([sys.executable, "-m", "smsgate", *arguments], env=account, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        eventually(is_enqueued(journal, 3))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()

    assert process.returncode == 130
    assert f"smsgate campaign resume {journal} goes on" in errors
    with Campaign.open(journal) as opened:
        assert set(opened.status().counts) <= {"planned", "enqueued", "processed", "sent", "delivered"}


def test_table_of_which_no_row_can_be_sent_is_a_failure(run, account, tmp_path, gateway):
    (tmp_path / "t.csv").write_text("phone,name\n0202 555 0100,Ann\n")

    result = run("campaign", "run", "t.csv", "--text", TEXT, "--journal", "j.db", env=account)

    assert result.code == 1
    assert "1 rejected (1 invalid number)" in result.err
    assert "no row can be sent" in result.err


def test_cancel_says_if_the_gateway_failed(run, account, table, gateway, tmp_path):
    for device in gateway.devices:
        gateway.switch(device.id, on=False)
    journal = str(tmp_path / "j.db")
    arguments = ("campaign", "run", table(3), "--text", TEXT, "--journal", journal, "--no-follow")
    assert run(*arguments, env=account).code == 0

    down = run("campaign", "cancel", journal, env={**account, "SMSGATE_BASE_URL": "http://127.0.0.1:9/"})
    assert down.code == 4
    assert "some messages may not be cancelled yet" in down.err

    up = run("campaign", "cancel", journal, env=account)
    assert up.code == 0
    assert "3 messages are with their phones, which may still cancel them" in up.err
    for device in gateway.devices:
        gateway.switch(device.id, on=True)
    assert json.loads(run("campaign", "resume", journal, env=account).out)["counts"] == {"cancelled": 3}
    assert {message.state for message in gateway.outbox} == {"Cancelled"}


@pytest.mark.parametrize("command", ["resume", "status", "cancel", "report"])
def test_missing_journal_is_wrong_usage(run, account, command):
    result = run("campaign", command, "none.db", env=account)

    assert result.code == 2
    assert "none.db" in result.err


def test_wrong_password_stops_with_the_command_that_resumes(run, account, table):
    env = {**account, "SMSGATE_PASSWORD": "wrong"}
    result = run("campaign", "run", table(2), "--text", TEXT, "--journal", "j.db", env=env)

    assert result.code == 3
    assert "smsgate campaign resume " in result.err
    assert "j.db goes on" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--quiet", "21:00-08:00"], "--quiet and --timezone belong together"),
        (["--quiet", "late", "--timezone", "Europe/Berlin"], "written like 21:00-08:00"),
        (["--quiet", "21:00-08:00", "--timezone", "Mars/Olympus"], "no time zone"),
    ],
)
def test_wrong_pacing_is_wrong_usage(run, account, table, arguments, message):
    result = run("campaign", "run", table(1), "--text", TEXT, "--journal", "j.db", *arguments, env=account)

    assert result.code == 2
    assert message in result.err
