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


def test_reports_that_are_due_together_show_every_time(open_gateway):
    talk = open_gateway(timings=PhoneTimings(1, 2, 3))
    talk.send(id="a")
    talk.clock.advance(10)

    assert talk.state("a")["states"] == {
        "Delivered": "2026-01-01T15:00:03+03:00",
        "Pending": "2026-01-01T15:00:00+03:00",
        "Processed": "2026-01-01T15:00:01+03:00",
        "Sent": "2026-01-01T15:00:02+03:00",
    }


def test_report_that_the_server_drops_hides_no_earlier_one(open_gateway):
    talk = open_gateway(timings=PhoneTimings(1, 2, 3))
    device = talk.gateway.devices[0]
    device.failure_rate, device.failure_reason = 1, "x" * 257
    talk.send(id="a")
    talk.clock.advance(10)

    assert talk.state("a")["state"] == "Processed"


def test_message_is_hashed_by_its_first_report(open_gateway):
    talk = open_gateway(timings=PhoneTimings(1, 2, 3))
    talk.clock.advance(58)
    talk.send(id="a")
    talk.clock.advance(10)

    assert talk("GET", "/messages").json[0]["isHashed"]


def test_sender_of_webhooks_lets_phones_rest_until_there_is_a_webhook(open_gateway):
    talk = open_gateway(timings=PhoneTimings(0, 0, 0))
    talk.send(id="a")

    assert talk.gateway.deliveries.due() == []
    assert unsettled(talk) == ["Pending"]


def test_phone_without_a_network_keeps_its_webhooks(open_gateway):
    talk = open_gateway(timings=PhoneTimings(1, 2, 3))
    device = talk.gateway.devices[0]
    talk("POST", "/webhooks", HOOK)
    talk.send(id="a")
    talk.gateway.switch(device.id, connected=False)
    talk.gateway.advance()
    talk("DELETE", "/webhooks/h")

    talk.clock.advance(10)
    assert talk.gateway.deliveries.due() == []
    assert unsettled(talk) == ["Pending"]

    device.connected = True
    assert [attempt.delivery.event for attempt in talk.gateway.deliveries.due()] == ["sms:delivered"]


def test_phone_with_its_network_back_makes_its_deliveries_though_nothing_else_looks(quick):
    device = quick.gateway.devices[0]
    quick("DELETE", "/webhooks/h")
    device.connected = False
    quick("POST", "/webhooks", HOOK)
    quick.send(id="a")
    device.connected = True

    assert [attempt.delivery.event for attempt in quick.gateway.deliveries.due()] == ["sms:delivered"]


def test_id_is_free_again_when_its_message_is_too_old_though_nobody_looked(quick):
    quick.send(id="a")
    quick.clock.advance(31 * 86_400)

    assert quick.send(id="a").status == 202


def test_message_and_list_agree_on_what_is_hashed(open_gateway):
    talk = open_gateway(timings=PhoneTimings(1, 2, 125))
    talk.send(id="a")
    talk.clock.advance(130)

    (listed,) = talk("GET", "/messages").json
    assert (talk.state("a")["isHashed"], talk.state("a")["recipients"]) == (True, listed["recipients"])


def test_reports_survive_a_message_that_cannot_be_checked(open_gateway, monkeypatch):
    def fail(_number):
        raise ImportError("no phonenumbers")

    monkeypatch.setattr("smsgate.emulator._phone.phone.send_error", fail)
    talk = open_gateway(mode="local", timings=PhoneTimings(0, 0, 0))
    phone = talk.gateway.devices[0]
    talk.gateway.switch(phone.id, on=False, processing_order="FIFO")
    talk.send(id="a", query="?skipPhoneValidation=true")
    talk.clock.advance(1)
    talk.send(id="b")
    talk.clock.advance(1)

    with pytest.raises(ImportError, match="phonenumbers"):
        talk.gateway.switch(phone.id, on=True)

    assert unsettled(talk) == ["Delivered", "Pending"]


def test_radio_is_in_the_order_of_time(open_gateway):
    talk = open_gateway(devices=2, timings=PhoneTimings(0, 0, 0))
    phones = [device.id for device in talk.gateway.devices]
    for number in range(4):
        talk.send(id=str(number), deviceId=phones[number % 2])
        talk.clock.advance(0.2)

    assert [item.message_id for item in talk.gateway.radio] == ["0", "1", "2", "3"]


CHANGES = {
    "timings": lambda gateway: setattr(gateway.timings, "processed", 60.0),
    "device": lambda gateway: setattr(gateway.devices[0], "latency", 60.0),
    "switch": lambda gateway: gateway.switch(gateway.devices[0].id, latency=60.0),
    "hashing": lambda gateway: setattr(gateway, "hashing_interval", 1000.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_a_phone_is_for_later_messages(open_gateway, change):
    talk = open_gateway(timings=PhoneTimings(1, 2, 3))
    talk.send(id="a")

    CHANGES[change](talk.gateway)
    talk.clock.advance(10)

    assert talk.state("a")["state"] == "Delivered"


def test_message_is_sent_once_whatever_the_network_did_before_the_phone_acted(open_gateway):
    talk = open_gateway(timings=PhoneTimings(1, 2, 3))
    device = talk.gateway.devices[0]
    talk.send(id="a")
    device.connected = False
    talk.send(id="b")
    device.connected = True
    talk.send(id="c")
    talk.gateway.advance()

    assert unsettled(talk) == ["Pending"] * 3  # a second report of one that waits would show it as processed
    talk.clock.advance(10)
    assert [item.message_id for item in talk.gateway.radio] == ["c", "b", "a"]


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
