"""Short run of `make faults`: no lost or duplicate message, one refresh, no leaked resource."""

from __future__ import annotations

import logging
import re
import sys

import pytest

from smsgate import ConnectError, MessageState, ResponseError, SendOutcomeUnknownError, TransportError
from smsgate.emulator import Faults


@pytest.mark.parametrize("pin_device", [True, False])
@pytest.mark.parametrize("use_async", [True, False])
@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize(("rate", "seed"), [(0.3, 11), (0.7, 13)])
def test_no_message_is_lost_in_silence_or_doubled(  # noqa: PLR0917 - fixtures and parameters
    fault_module, scan, pin_device, use_async, tokens, rate, seed
):
    run = fault_module("sends").run

    made = run(150, use_async=use_async, pin_device=pin_device, tokens=tokens, seed=seed, scan=scan, rate=rate)
    found = made.verdicts

    assert (found.lost, found.doubled, found.untrue) == (0, 0, 0)
    assert found.accepted + found.failed + found.unknown == 150
    assert found.accepted > (100 if rate < 0.5 else 10)
    assert made.rate > rate - 0.1


@pytest.mark.parametrize("lose_response", [False, True])
@pytest.mark.parametrize("told", ["clock", "server"])
@pytest.mark.parametrize(("use_async", "callers"), [(True, 100), (False, 50)])
def test_an_expired_token_is_refreshed_once_for_all(  # noqa: PLR0917 - fixtures and parameters
    fault_module, scan, use_async, callers, told, lose_response
):
    module = fault_module("tokens")

    seen = module.measure_refreshes(callers, use_async=use_async, source=told, lose_response=lose_response, scan=scan)

    assert seen == module.RefreshCounts(refreshes=1, new_pairs=1 if lose_response else 0, failed=0)


@pytest.mark.parametrize(
    ("use_async", "backend", "faults"),
    [
        (False, "httpx", 1000),
        (True, "httpx", 1000),
        (False, "requests", 600),
        (True, "aiohttp", 600),
        (False, "pyreqwest", 600),
        (True, "pyreqwest", 600),
    ],
)
def test_real_sockets_that_fail_leave_no_file_open_and_no_memory_behind(
    fault_module, caplog, use_async, backend, faults
):
    caplog.set_level(logging.WARNING, logger="smsgate")  # pytest keeps what is logged
    scan = fault_module("personal_data").Scan()  # not entered: pytest would keep all the log records
    left = fault_module("connections").measure_sends(
        faults, use_async=use_async, backend=backend, rate=0.5, seed=5, scan=scan
    )
    found = left.verdicts

    assert (found.lost, found.doubled, found.untrue) == (0, 0, 0)
    assert left.faults >= faults
    assert left.sends > faults // 15
    assert scan.leaks == []
    assert left.files <= 0
    assert left.blocks < 1200  # one leaked object a fault would be more


def test_the_command_prints_a_table_and_is_content(fault_module, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["faults.py", "--sends", "60", "--faults", "200"])
    command = fault_module("__main__")
    monkeypatch.setattr(command, "_NOISE", 1_000_000)  # pytest keeps the log records

    code = command.main()

    out = capsys.readouterr().out
    assert code == 0
    assert re.search(r"^ok +60 sends, sync, Basic, pinned .* 0 lost, 0 doubled, 0 untrue", out, re.MULTILINE)
    assert re.search(r"^ok +100 tasks, .* 1 refresh, 0 new pairs, 0 callers failed", out, re.MULTILINE)
    assert re.search(r"^ok +personal data +0 leaks", out, re.MULTILINE)
    assert "MISS" not in out


def test_a_missed_target_makes_the_command_fail(fault_module, monkeypatch, capsys):
    command = fault_module("__main__")
    audits = fault_module("audit")
    lost = fault_module("sends").Run(1, Faults.random(1), audits.Verdicts(lost=1), 0.0)
    monkeypatch.setattr(sys, "argv", ["faults.py"])
    monkeypatch.setattr(command, "run", lambda *_, **__: lost)
    monkeypatch.setattr(command, "_tokens", lambda *_: None)
    monkeypatch.setattr(command, "_connections", lambda *_: None)

    code = command.main()

    assert code == 1
    assert "MISS" in capsys.readouterr().out


# -- the audit itself ----------------------------------------------------------------------------------------------


def state(id):
    return MessageState.from_dict(
        {"id": id, "deviceId": "d", "state": "Pending", "recipients": [], "isHashed": False, "isEncrypted": False}
    )


@pytest.fixture
def judged(fault_module, gateway):
    """Audit one claim about message 1, which was stored so many times under the given ids."""
    audits, sends, personal_data = fault_module("audit"), fault_module("sends"), fault_module("personal_data")

    def judge(said, *stored):
        from smsgate import APIClient

        client = APIClient(personal_data.LOGIN, personal_data.PASSWORD, base_url=sends.BASE_URL, http=gateway.http())
        for id, device in stored:
            client.send(sends.message(1).model_copy(update={"id": id, "device_id": gateway.devices[device].id}))
        claim = audits.Claim(personal_data.text(1), personal_data.number(1), said)
        return audits.audit(gateway, [claim])

    return judge


def test_the_audit_finds_messages_lost_in_silence(judged):
    assert judged(state("a")).lost == 1


def test_the_audit_finds_messages_under_another_id(judged):
    assert judged(state("a"), ("b", 0)).lost == 1


def test_the_audit_finds_ids_on_two_devices(judged):
    assert judged(state("a"), ("a", 0), ("a", 1)).doubled == 1


def test_the_audit_finds_one_message_under_two_ids(judged):
    assert judged(state("a"), ("a", 0), ("b", 0)).doubled == 1


@pytest.mark.parametrize(
    "error",
    [
        ConnectError("refused"),
        ResponseError("page"),
        SendOutcomeUnknownError("?"),
        SendOutcomeUnknownError("?", message_id="b"),
        TransportError("cut"),
    ],
)
def test_the_audit_finds_errors_that_are_not_true(judged, error):
    assert judged(error, ("a", 0)).untrue == 1


@pytest.mark.parametrize("error", [SendOutcomeUnknownError("?", message_id="a"), ResponseError("page", message_id="a")])
def test_the_audit_takes_an_honest_do_not_know(judged, error):
    found = judged(error, ("a", 0))

    assert found.clean
    assert found.unknown == 1


def test_the_audit_finds_messages_that_nobody_sent(fault_module, gateway, judged):
    judged(state("a"), ("a", 0))

    assert fault_module("audit").audit(gateway, []).untrue == 1
