"""Phones act when somebody looks: sends do not wait for them, and whatever shows their work is up to date."""

from __future__ import annotations

import pytest

from smsgate.emulator import PhoneTimings

HOOK = {"id": "h", "url": "https://example.com/hook", "event": "sms:delivered"}


@pytest.fixture
def quick(open_gateway):
    talk = open_gateway(timings=PhoneTimings(0.0, 0.0, 0.0))
    assert talk("POST", "/webhooks", HOOK).status == 201
    return talk


def unsettled(talk):
    """Return the states as they are, without executing what is due."""
    return [message.state for message in talk.gateway.internals.state.store]


LOOKS = {
    "state": lambda talk: talk.state("a")["state"] == "Delivered",
    "list": lambda talk: [row["state"] for row in talk("GET", "/messages").json] == ["Delivered"],
    "outbox": lambda talk: talk.gateway.outbox[0].state == "Delivered",
    "messages": lambda talk: talk.gateway.messages[0].state == "Delivered",
    "radio": lambda talk: len(talk.gateway.radio) == 1,
    "waiting deliveries": lambda talk: len(talk.gateway.deliveries.waiting) == 1,
    "all deliveries": lambda talk: len(talk.gateway.deliveries.all) == 1,
    "due deliveries": lambda talk: len(talk.gateway.deliveries.due()) == 1,
    "cancellation": lambda talk: talk("DELETE", "/messages/a").status == 409,
    "outage": lambda talk: talk.gateway.outage() or talk.gateway.messages[0].state == "Delivered",
    "send to a phone that was seen": lambda talk: (
        talk.send(id="b", query="?deviceActiveWithin=1").status == 202 and unsettled(talk)[0] == "Delivered"
    ),
}


@pytest.mark.parametrize("look", LOOKS)
def test_whatever_shows_the_work_of_phones_is_up_to_date(quick, look):
    quick.send(id="a")

    assert unsettled(quick) == ["Pending"]
    assert LOOKS[look](quick)


def test_events_of_the_time_before_a_registration_are_not_delivered(quick):
    quick.send(id="a")

    quick("POST", "/webhooks", {**HOOK, "id": "late"})

    assert [delivery.webhook_id for delivery in quick.gateway.deliveries.all] == ["h"]


def test_phones_act_during_a_long_row_of_sends(quick):
    for second in range(5):
        quick.send(id=str(second))
        quick.clock.advance(0.5)

    assert unsettled(quick)[:3] == ["Delivered"] * 3


def test_phone_that_confirms_what_waits_does_so_at_each_send(cloud):
    cloud.gateway.switch(cloud.gateway.devices[0].id, confirms_waiting=True)
    cloud.send(id="a", scheduleAt="2026-01-01T13:00:00Z")

    cloud.send(id="b")

    assert cloud.state("a")["state"] == "Processed"


def test_outage_ends_in_time_for_a_send(cloud):
    cloud.gateway.outage(seconds=10)
    assert cloud.send(id="a").status in {401, 500}
    cloud.clock.advance(10)

    assert cloud.send(id="a").status == 202
