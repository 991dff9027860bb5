"""Arguments of a gateway and its controls that cannot work: each is an error that names them, and changes nothing."""

from __future__ import annotations

from datetime import datetime

import pytest

from smsgate.emulator import Gateway, ManualClock

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - the mistake itself


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"devices": "2"}, TypeError, "devices is int, not str"),
        ({"devices": -1}, ValueError, "devices is a number from 0 on"),
        ({"login": 5}, TypeError, "login is str, not int"),
        ({"seed": "x"}, TypeError, "seed is int or None, not str"),
        ({"phone": "no"}, TypeError, "phone is bool, not str"),
        ({"timings": 3}, TypeError, "timings is PhoneTimings or None, not int"),
        ({"faults": "lost"}, TypeError, "faults is a function or None, not str"),
        ({"clock": 5}, TypeError, "clock is a function or None, not int"),
        ({"clock": lambda: NAIVE}, ValueError, "The clock's time needs a time zone"),
        ({"clock": lambda: 5}, TypeError, "The clock's time is a datetime, not int"),
    ],
)
def test_options_of_a_gateway(options, error, reason):
    with pytest.raises(error, match=reason):
        Gateway(**options)


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        ({"received_at": NAIVE}, ValueError, "received_at needs a time zone"),
        ({"received_at": "2026-01-01"}, TypeError, "received_at is a datetime, not str"),
        ({"text": 5}, TypeError, "text is str, not int"),
        ({"sender": 5}, TypeError, "sender is str, not int"),
        ({"sender": ""}, ValueError, "A message has a sender"),
        ({"sim_number": 0}, ValueError, "sim_number counts from 1"),
        ({"sim_number": "1"}, TypeError, "sim_number is int or None, not str"),
        ({"type": "MMS_DOWNLOADED", "attachments": [b"x"]}, TypeError, "attachment is Attachment, not bytes"),
        ({"missed": "no"}, TypeError, "missed is bool, not str"),
    ],
)
def test_incoming_message(cloud, arguments, error, reason):
    with pytest.raises(error, match=reason):
        cloud.gateway.receive(**{"sender": "+12025550109", "text": "STOP", **arguments})

    assert cloud.gateway.internals.state.incoming == {}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(("Sent", {"states": {"Sent": NAIVE}}), ValueError), ((5, {}), TypeError)],
)
def test_report(cloud, arguments, error):
    cloud.send(id="a")
    state, others = arguments

    with pytest.raises(error):
        cloud.gateway.report("a", state, **others)

    assert cloud.state("a")["state"] == "Pending"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [("hashing_interval", 0, ValueError), ("hashing_interval", "5", TypeError), ("queue_limit", 5, TypeError)],
)
def test_switches(cloud, name, value, error):
    with pytest.raises(error, match=name):
        setattr(cloud.gateway, name, value)

    assert cloud.send().status == 202


@pytest.mark.parametrize("switches", [{"on": "no"}, {"sims": 1.5}])
def test_switches_of_a_phone(cloud, switches):
    with pytest.raises(ValueError, match=next(iter(switches))):
        cloud.gateway.switch(cloud.gateway.devices[0].id, **switches)


def test_result_of_a_source_of_faults(cloud):
    cloud.gateway.faults = lambda _request: "503"

    with pytest.raises(TypeError, match="the result of faults is Fault or Response, not str"):
        cloud.send()


def test_clock_goes_forward_only():
    with pytest.raises(ValueError, match="from 0 on"):
        ManualClock().advance(-1)


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("wait_for", {"predicate": "+12025550101"}, TypeError),
        ("wait_for", {"timeout": None}, TypeError),
        ("wait_for", {"timeout": -1}, ValueError),
        ("wait_for", {"timeout": float("nan")}, ValueError),
        ("assert_sent", {"count": "0"}, TypeError),
    ],
)
def test_assertions(cloud, method, arguments, error):
    with pytest.raises(error, match=next(iter(arguments))):
        getattr(cloud.gateway, method)(**arguments)
