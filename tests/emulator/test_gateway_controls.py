"""Test controls of a gateway: clock, reset and outages."""

from __future__ import annotations

import pytest

from smsgate.emulator import Faults, Gateway, ManualClock, PhoneTimings

NUMBER = "+79990001234"


def test_advance_moves_any_clock(open_gateway):
    talk = open_gateway()
    before = talk.clock()
    sent = talk.send().json

    talk.gateway.advance(60)

    assert talk.state(sent["id"])["state"] == "Delivered"
    assert talk.clock() == before


def test_advance_sends_scheduled_messages(cloud):
    cloud.send(scheduleAt="2026-01-02T00:00:00Z")
    assert not cloud.gateway.radio

    cloud.gateway.advance(24 * 3600)

    assert [one.phone_number for one in cloud.gateway.radio] == [NUMBER]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e12])
def test_advance_rejects_what_is_no_time(cloud, seconds):
    with pytest.raises(ValueError, match="from 0 to 100 years"):
        cloud.gateway.advance(seconds)


def test_clock_does_not_leave_the_calendar(cloud):
    cloud.gateway.advance(99 * 365 * 86_400)

    with pytest.raises(ValueError, match="100 years ahead"):
        cloud.gateway.advance(2 * 365 * 86_400)


@pytest.fixture
def used(open_gateway):
    """A gateway of which everything was used that a reset undoes."""
    talk = open_gateway(devices=2)
    gateway = talk.gateway
    talk("POST", "/webhooks", {"url": "https://receiver.example/", "event": "sms:received"})
    talk("PATCH", "/settings", {"ping": {"interval_seconds": 60}})
    gateway.advance(3600)
    talk.send()
    gateway.receive(NUMBER, "hello")
    gateway.receive(NUMBER, "missed", missed=True)
    gateway.add_device("Third")
    gateway.switch(gateway.devices[0].id, on=False, failure_rate=1, latency=5, delivery_reports=False)
    gateway.timings.delivered = 60
    gateway.faults = Faults.script(["lost"])
    gateway.outage(seconds=60)
    return talk


def test_reset_returns_to_the_start(used):
    gateway = used.gateway
    ids = [device.id for device in gateway.devices[:2]]

    gateway.reset()

    assert (gateway.outbox, gateway.messages, gateway.radio, gateway.deliveries.all) == ([], [], [], [])
    assert used("GET", "/webhooks").json == []
    assert used("GET", "/settings").json == {}
    assert [device.id for device in gateway.devices] == ids
    first = gateway.devices[0]
    assert (first.active, first.failure_rate, first.latency, first.delivery_reports) == (True, 0, 0, True)
    assert gateway.timings == PhoneTimings()
    assert gateway._state.now() == used.clock()


def test_gateway_works_after_a_reset(used):
    used.gateway.reset()

    sent = used.send().json
    used.clock.advance(5)

    assert used.state(sent["id"])["state"] == "Delivered"
    assert len(used.gateway.outbox) == 1


def test_reset_keeps_what_is_named(used):
    used.gateway.reset(keep=["webhooks", "settings"])

    assert len(used("GET", "/webhooks").json) == 1
    assert used("GET", "/settings").json == {"ping": {"interval_seconds": 60}}

    with pytest.raises(ValueError, match="keep names"):
        used.gateway.reset(keep=["messages"])


def test_reset_brings_removed_devices_back(open_gateway):
    talk = open_gateway(devices=2)
    ids = [device.id for device in talk.gateway.devices]
    talk("DELETE", f"/devices/{ids[0]}")

    talk.gateway.reset()

    assert [device.id for device in talk.gateway.devices] == ids


def test_token_is_good_after_a_reset(cloud):
    token = cloud.token("devices:list")["access_token"]

    cloud.gateway.reset()

    assert cloud("GET", "/devices", auth=f"Bearer {token}").status == 200


def test_timed_outage_ends_on_its_own(cloud):
    sent = cloud.send().json
    cloud.gateway.outage(seconds=30)
    assert cloud("GET", "/devices").status == 500

    cloud.clock.advance(29)
    assert cloud("GET", "/devices").status == 500
    cloud.clock.advance(1)

    assert cloud("GET", "/devices").status == 200
    assert cloud.state(sent["id"])["state"] in {"Pending", "Processed"}
    cloud.clock.advance(5)
    assert cloud.state(sent["id"])["state"] == "Delivered"


def test_fault_of_one_exchange_leaves_a_timed_outage_alone(cloud):
    cloud.gateway.outage(seconds=30)
    cloud.clock.advance(31)
    cloud.gateway.faults = Faults.script(["outage"])

    assert cloud("GET", "/devices").status in {401, 500}
    cloud.gateway.faults = None
    assert cloud("GET", "/devices").status == 200


@pytest.mark.parametrize("seconds", [-1, float("nan"), 1e10])
def test_outage_rejects_what_is_no_time(cloud, seconds):
    with pytest.raises(ValueError, match="from 0 to one year"):
        cloud.gateway.outage(seconds=seconds)


@pytest.mark.parametrize(
    "switches",
    [{"failure_rate": 1.1}, {"failure_rate": float("nan")}, {"latency": -1}, {"failure_reason": ""}],
)
def test_switches_have_ranges(switches):
    gateway = Gateway(clock=ManualClock())

    with pytest.raises(ValueError, match=next(iter(switches))):
        gateway.switch(gateway.devices[0].id, **switches)
