"""Switches of emulated phones, and what they make of settings, encryption, cancellation and the network."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from smsgate import APIClient, Encryptor, ProcessState, webhooks
from smsgate.emulator import FAILING_NUMBERS, Gateway, ManualClock
from smsgate.errors import SignatureError

NUMBER = "+79990001234"


@pytest.fixture(params=["cloud", "local"])
def talk(request, open_gateway):
    return open_gateway(mode=request.param)


def phone(talk):
    return talk.gateway.devices[0].id


def switch(talk, **switches):
    talk.gateway.switch(phone(talk), **switches)


def register(talk, *names):
    for name in names:
        assert talk("POST", "/webhooks", {"url": "https://receiver.example/sms", "event": name}).status == 201


def told(talk):
    """Event and payload of each due delivery, taken as delivered."""
    found = []
    for attempt in talk.gateway.deliveries.due(1000):
        talk.gateway.deliveries.settle(attempt, 200)
        document = json.loads(attempt.body)
        found.append((document["event"], document["payload"]))
    return found


def names(talk):
    return [name for name, _ in told(talk)]


# --- switches ---------------------------------------------------------------------------------------------------------


def test_failing_numbers_and_their_reasons_are_a_switch(talk):
    switch(talk, failing_numbers={"7777": "RESULT_ERROR_RADIO_OFF", NUMBER: "no credit"})
    ids = [talk.send(number).json["id"] for number in ("+79990007777", NUMBER, "+79990009902", "+79990005678")]

    talk.clock.advance(5)
    errors = [talk.state(one)["recipients"][0].get("error") for one in ids]

    radio_off = "Send result: RESULT_ERROR_RADIO_OFF (Failed because radio was explicitly turned off)"
    assert errors == [radio_off, "no credit", FAILING_NUMBERS["9902"], None]


def test_share_of_failures_is_reproducible(open_gateway):
    def run(seed):
        talk = open_gateway(seed=seed)
        switch(talk, failure_rate=0.5)
        ids = [talk.send(id=str(number)).json["id"] for number in range(40)]
        talk.clock.advance(5)
        return [talk.state(one)["state"] for one in ids]

    assert run(1) == run(1) != run(2)
    assert 5 < run(1).count("Failed") < 35


def test_latency_and_delivery_reports_are_switches(talk):
    switch(talk, latency=60, delivery_reports=False)
    message_id = talk.send().json["id"]

    talk.clock.advance(60)
    assert talk.state(message_id)["state"] == "Pending"
    talk.clock.advance(60)

    assert talk.state(message_id)["state"] == "Sent"


def test_number_of_sims_is_a_switch(talk):
    switch(talk, sims=2)
    register(talk, "sms:sent", "app:started")
    ids = [talk.send(simNumber=number).json["id"] for number in (1, 2, 3)]

    talk.clock.advance(5)
    senders = [payload["sender"] for name, payload in told(talk) if name == "sms:sent"]

    assert len(set(senders)) == 2
    assert talk.state(ids[2])["recipients"][0]["error"] == "Can't send message: SIM 3 not found"
    talk.gateway.deliveries.app_started()
    assert [card["simNumber"] for card in told(talk)[0][1]["simCards"]] == [1, 2]
    switch(talk, sims=0)
    assert talk.gateway.devices[0].sim_cards == []


def test_switched_on_a_phone_tells_that_its_app_started(open_gateway):
    talk = open_gateway(phone=False)
    register(talk, "app:started")

    switch(talk, on=True)
    switch(talk, on=True)

    assert names(talk) == ["app:started"]


@pytest.mark.parametrize(
    "switches",
    [
        {"failing_numbers": {"": "x"}},
        {"failing_numbers": {"1": ""}},
        {"processing_order": "random"},
        {"sims": 9},
        {"sims": -1},
        {"sims": "two"},
        {"latency": "slow"},
        {"failing_numbers": ["9901"]},
        {"failing_numbers": {"1": 5}},
        {"passphrase": b"secret"},
        {"connected": "no"},
    ],
)
def test_switches_out_of_range_change_nothing(cloud, switches):
    with pytest.raises(ValueError, match=next(iter(switches))):
        switch(cloud, failure_rate=1, **switches)

    assert cloud.gateway.devices[0].failure_rate == 0


def test_reset_restores_every_switch(cloud):
    switch(
        cloud,
        connected=False,
        failing_numbers={"1": "x"},
        passphrase="secret",
        processing_order="FIFO",
        confirms_waiting=True,
        sims=2,
    )
    cloud.gateway.reset()

    device = cloud.gateway.devices[0]
    restored = (device.connected, device.failing_numbers, device.processing_order, device.confirms_waiting)
    assert restored == (True, {}, "LIFO", False)
    assert (device.passphrase, device.sim_cards) == (None, [])


# --- settings ---------------------------------------------------------------------------------------------------------


def test_limit_and_pause_follow_the_settings(talk):
    talk(
        "PATCH",
        "/settings",
        {"messages": {"limit_period": "PerMinute", "limit_value": 2, "send_interval_min": 5, "send_interval_max": 5}},
    )
    for number in range(4):
        talk.send(id=str(number))

    talk.clock.advance(600)
    start = talk.gateway.radio[0].at

    assert [round((one.at - start).total_seconds()) for one in talk.gateway.radio] == [0, 5, 66, 71]


def test_work_hours_follow_the_settings(cloud):
    hours = {"work_hours_enabled": True, "work_hours_start": "09:00", "work_hours_end": "14:00"}
    assert cloud("PATCH", "/settings", {"messages": hours}).status == 200  # 15:00 on the phone
    cloud.send(id="normal")
    cloud.send(id="urgent", priority=100)

    cloud.clock.advance(17 * 3600)
    assert [one.message_id for one in cloud.gateway.radio] == ["urgent"]
    cloud.clock.advance(3601)

    assert [one.message_id for one in cloud.gateway.radio] == ["urgent", "normal"]


def test_replaced_settings_that_lack_a_value_leave_it_on_the_phone(cloud):
    cloud("PUT", "/settings", {"messages": {"limit_period": "PerHour", "limit_value": 1}})
    cloud("PUT", "/settings", {})
    for number in range(3):
        cloud.send(id=str(number))

    cloud.clock.advance(60)
    assert len(cloud.gateway.radio) == 1
    cloud("PUT", "/settings", {"messages": {"limit_period": None}})
    cloud.clock.advance(60)

    assert len(cloud.gateway.radio) == 3


def test_setting_that_the_phone_does_not_know_stops_the_rest_of_an_import(cloud):
    tree = {"messages": {"limit_period": "PerHour", "limit_value": 1, "work_hours_start": "9 o'clock"}}
    assert cloud("PUT", "/settings", {**tree, "webhooks": {"retry_count": 1}}).status == 200
    for number in range(3):
        cloud.send(id=str(number))

    cloud.clock.advance(60)

    assert len(cloud.gateway.radio) == 1


def test_pings_start_with_the_app(cloud):
    register(cloud, "system:ping")
    cloud("PATCH", "/settings", {"ping": {"interval_seconds": 60}})
    cloud.clock.advance(600)
    assert names(cloud) == []

    cloud.gateway.deliveries.app_started()
    cloud.clock.advance(150)

    assert names(cloud) == ["system:ping"] * 3


def test_null_signing_key_makes_a_new_one(cloud):
    register(cloud, "sms:received")
    cloud("PATCH", "/settings", {"webhooks": {"signing_key": None}})
    cloud.gateway.receive("900", "hello")
    (attempt,) = cloud.gateway.deliveries.due()

    old = cloud.gateway.devices[0].signing_key

    with pytest.raises(SignatureError):
        webhooks.verify(attempt.body, attempt.headers, signing_key=old, now=cloud.clock())


def test_sim_mode_follows_the_settings(cloud):
    switch(cloud, sims=3)
    cloud("PATCH", "/settings", {"messages": {"sim_selection_mode": "RoundRobin"}})
    for number in range(6):
        cloud.send(id=str(number))

    cloud.clock.advance(5)

    assert sorted(one.sim_number for one in cloud.gateway.radio) == [1, 1, 2, 2, 3, 3]


# --- encryption -------------------------------------------------------------------------------------------------------


@pytest.fixture
def secret():
    pytest.importorskip("cryptography")
    with pytest.warns(UserWarning, match="weak"):
        return Encryptor("secret", iterations=10)


@pytest.mark.parametrize(
    ("passphrase", "state", "error"),
    [
        (None, "Delivered", None),
        ("secret", "Delivered", None),
        ("wrong", "Failed", "Can't send message: "),
        ("", "Failed", "Can't send message: Passphrase is not set"),
    ],
)
def test_phone_decrypts_with_its_passphrase_or_fails(secret, passphrase, state, error):
    clock = ManualClock()
    gateway = Gateway(clock=clock)
    gateway.switch(gateway.devices[0].id, passphrase=passphrase)
    with APIClient("demo", "demo-password", http=gateway.http(), encryptor=secret) as client:
        sent = client.send("Grüße", to=[NUMBER, "+79990009901"])
        clock.advance(5)
        shown = client.get_state(sent.id)

    assert shown.state == ProcessState(state if state == "Failed" else "Sent" if passphrase else "Delivered")
    if error:
        assert all(one.error.startswith(error) for one in shown.recipients)
        assert gateway.radio == []
    elif passphrase:
        assert {(one.phone_number, one.text) for one in gateway.radio} == {(NUMBER, "Grüße"), ("+79990009901", "Grüße")}
        assert {one.state for one in shown.recipients} == {ProcessState.Delivered, ProcessState.Failed}
    else:
        assert all(one.text.startswith("$aes-256-cbc") for one in gateway.radio)


def test_passphrase_can_be_set_and_erased_on_a_local_server(local, secret):
    body = {
        "phoneNumbers": [secret.encrypt(NUMBER)],
        "textMessage": {"text": secret.encrypt("hi")},
        "isEncrypted": True,
    }
    local("PATCH", "/settings", {"encryption": {"passphrase": "  secret "}})
    local("POST", "/messages", {**body, "id": "good"})
    local.clock.advance(5)
    local("PATCH", "/settings", {"encryption": {"passphrase": None}})
    local("POST", "/messages", {**body, "id": "bad"})
    local.clock.advance(5)

    assert [local.state(one)["state"] for one in ("good", "bad")] == ["Delivered", "Failed"]
    assert local.gateway.radio[0].phone_number == NUMBER


# --- cancellation -----------------------------------------------------------------------------------------------------


def test_cancellation_on_the_phones_own_server_is_told_to_webhooks(local):
    register(local, "sms:cancelled")
    local.send([NUMBER, "+79990005678"], id="one")

    assert local("DELETE", "/messages/one").json["state"] == "Cancelled"

    assert [payload["recipient"] for _, payload in told(local)] == [NUMBER, "+79990005678"]


def test_next_message_ends_the_time_to_cancel_where_phones_confirm_what_waits(cloud):
    switch(cloud, confirms_waiting=True)
    at = (cloud.clock() + timedelta(hours=1)).isoformat(timespec="milliseconds")
    cloud.send(id="first", scheduleAt=at)
    assert cloud.state("first")["state"] == "Pending"

    cloud.send(id="second", scheduleAt=at)

    assert cloud.state("first")["state"] == "Processed"
    assert cloud("DELETE", "/messages/first").status == 409
    assert cloud("DELETE", "/messages/second").status == 200
    cloud.clock.advance(4000)
    assert [cloud.state(one)["state"] for one in ("first", "second")] == ["Delivered", "Cancelled"]


# --- network ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "state"), [(14, "Pending"), (15, "Processed"), (16, "Processed")])
def test_regular_pull_ends_the_time_to_cancel_where_phones_confirm_what_waits(cloud, minutes, state):
    cloud.gateway.switch(cloud.gateway.devices[0].id, confirms_waiting=True)
    cloud.send(id="later", scheduleAt="2026-01-02T12:00:00Z")

    cloud.gateway.advance(minutes * 60)

    assert cloud.state("later")["state"] == state
    assert cloud("DELETE", "/messages/later").status == (200 if state == "Pending" else 409)


def test_ping_is_a_pull_where_phones_confirm_what_waits(cloud):
    cloud.gateway.switch(cloud.gateway.devices[0].id, confirms_waiting=True)
    cloud("PATCH", "/settings", {"ping": {"interval_seconds": 60}})
    cloud.gateway.deliveries.app_started()
    cloud.send(id="later", scheduleAt="2026-01-02T12:00:00Z")

    cloud.gateway.advance(61)

    assert cloud.state("later")["state"] == "Processed"


def test_phone_pulls_nothing_while_it_is_off_or_without_network(cloud):
    device = cloud.gateway.devices[0].id
    cloud.gateway.switch(device, confirms_waiting=True)
    cloud.send(id="later", scheduleAt="2026-01-02T12:00:00Z")

    for off, on in (({"on": False}, {"on": True}), ({"connected": False}, {})):
        cloud.gateway.switch(device, **off)
        cloud.gateway.advance(3600)
        cloud.gateway.switch(device, **on)

        assert cloud.state("later")["state"] == "Pending"


def test_phone_without_network_sends_what_it_has_and_reports_later(cloud):
    cloud.send(id="before")
    switch(cloud, connected=False)
    cloud.send(id="after")

    cloud.clock.advance(600)
    assert [one.message_id for one in cloud.gateway.radio] == ["before"]
    assert [cloud.state(one)["state"] for one in ("before", "after")] == ["Pending", "Pending"]
    switch(cloud, connected=True)

    assert cloud.state("before")["state"] == "Delivered"
    cloud.clock.advance(5)
    assert cloud.state("after")["state"] == "Delivered"
    assert cloud.gateway.messages[0].states["Sent"] < cloud.gateway.messages[1].states["Sent"] - timedelta(minutes=9)


def test_cancellation_reaches_a_phone_with_the_network(cloud):
    register(cloud, "sms:cancelled")
    at = (cloud.clock() + timedelta(hours=1)).isoformat(timespec="milliseconds")
    cloud.send(id="known", scheduleAt=at)
    switch(cloud, connected=False)
    cloud.send(id="unknown", scheduleAt=at)
    for one in ("known", "unknown"):
        assert cloud("DELETE", f"/messages/{one}").json["state"] == "Cancelling"

    cloud.clock.advance(60)
    assert {message.state for message in cloud.gateway.messages} == {"Cancelling"}
    switch(cloud, connected=True)

    assert {message.state for message in cloud.gateway.messages} == {"Cancelled"}
    assert [payload["messageId"] for _, payload in told(cloud)] == ["known"]
    cloud.clock.advance(7200)
    assert cloud.gateway.radio == []


def test_too_late_cancellation_is_overruled_by_the_report(cloud):
    cloud.send(id="one")
    switch(cloud, connected=False)
    cloud.clock.advance(60)
    cloud("DELETE", "/messages/one")

    switch(cloud, connected=True)

    assert cloud.state("one")["state"] == "Delivered"


def test_webhooks_wait_for_the_network(talk):
    register(talk, "sms:received")
    talk.gateway.devices[0].connected = False
    talk.gateway.receive("900", "hello")
    talk.clock.advance(3600)
    assert talk.gateway.deliveries.due() == []
    assert [delivery.attempts for delivery in talk.gateway.deliveries.waiting] == [0]

    talk.gateway.devices[0].connected = True

    assert names(talk) == ["sms:received"]


def test_webhooks_need_no_internet_where_the_settings_say_so(talk):
    talk("PATCH", "/settings", {"webhooks": {"internet_required": False}})
    register(talk, "sms:received")
    switch(talk, connected=False)

    talk.gateway.receive("900", "hello")

    assert names(talk) == ["sms:received"]


def test_report_by_hand_stands_for_a_phone_without_network(cloud):
    register(cloud, "sms:sent")
    switch(cloud, connected=False)
    cloud.send(id="one")

    assert cloud.gateway.report("one", "Sent")
    switch(cloud, connected=True)
    cloud.clock.advance(60)

    assert names(cloud) == ["sms:sent"]
    assert cloud.gateway.radio == []


def test_phone_without_network_knows_old_webhooks_and_settings_only(cloud):
    register(cloud, "sms:received")
    switch(cloud, connected=False)
    register(cloud, "sms:received")
    cloud("PATCH", "/settings", {"webhooks": {"retry_count": 1}})
    cloud.gateway.receive("900", "hello")

    switch(cloud, connected=True)
    assert len(told(cloud)) == 1
    cloud.gateway.receive("900", "hello again")

    assert len(told(cloud)) == 2


def test_phone_without_network_is_not_seen_and_finds_nothing_for_a_refresh(cloud):
    seen = cloud.gateway.devices[0].last_seen
    register(cloud, "sms:received")
    cloud.gateway.receive("900", "hello", missed=True)
    period = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "webhookDelivery": "Individual"}
    switch(cloud, connected=False)
    cloud.clock.advance(3600)

    assert cloud("POST", "/inbox/refresh", period).status == 202
    assert cloud.gateway.devices[0].last_seen == seen
    switch(cloud, connected=True)
    assert names(cloud) == []
    cloud("POST", "/inbox/refresh", period)

    assert names(cloud) == ["sms:received"]
    assert cloud.gateway.devices[0].last_seen > seen


# --- what is pulled ---------------------------------------------------------------------------------------------------


def test_phone_pulls_recipients_sorted_and_those_that_the_database_distinguishes(cloud):
    numbers = ["+79990009999", "abc", "+79990001111", "ABC"]
    cloud("POST", "/messages?skipPhoneValidation=true", {"phoneNumbers": numbers, "textMessage": {"text": "hi"}})

    cloud.clock.advance(5)

    assert [one.phone_number for one in cloud.gateway.radio] == ["+79990001111", "+79990009999", "abc"]


# --- several phones ---------------------------------------------------------------------------------------------------


def test_each_phone_has_switches_and_an_inbox_of_its_own(open_gateway):
    talk = open_gateway(devices=2)
    register(talk, "sms:received")
    one, other = (device.id for device in talk.gateway.devices)
    talk.gateway.switch(one, failure_rate=1)
    ids = [talk.send(deviceId=device).json["id"] for device in (one, other)]
    for device in (one, other):
        talk.gateway.receive("900", "same", device_id=device)

    talk.clock.advance(5)

    assert [talk.state(message)["state"] for message in ids] == ["Failed", "Delivered"]
    assert {json.loads(attempt.body)["deviceId"] for attempt in talk.gateway.deliveries.due()} == {one, other}


def test_message_with_an_id_that_the_server_gives_again_is_sent_again(cloud):
    cloud.send(id="one")
    cloud.clock.advance(31 * 86_400)
    assert cloud.gateway.messages == []

    cloud.send(id="one")
    cloud.clock.advance(5)

    assert [one.message_id for one in cloud.gateway.radio] == ["one", "one"]


# --- restart ----------------------------------------------------------------------------------------------------------


def test_phone_takes_stored_messages_up_where_they_stood(open_gateway):
    talk = open_gateway(phone=False)
    at = "2026-01-01T13:00:00Z"
    ids = ["new", "sent", "done", "cancelled", "scheduled"]
    numbers = ["+79990005678", "900", NUMBER]  # unsorted, and the server loses the state of one
    for name in ids:
        schedule = {"scheduleAt": at} if name == "scheduled" else {}
        talk.send(numbers, id=name, query="?skipPhoneValidation=true", **schedule)
    talk.gateway.report("sent", "Sent")
    talk.gateway.report("done", "Delivered")
    talk("DELETE", "/messages/cancelled")
    talk.gateway.hash_now()
    stored = talk.gateway.messages

    again = open_gateway(seed=0)
    for message in stored:
        again.gateway._state.add_message(message)
        again.gateway._state.phones[phone(again)].resume(message)
    again.clock.advance(60)
    soon = {message.id: message.state for message in again.gateway.messages}
    again.clock.advance(3600)

    assert soon == {
        "new": "Delivered",
        "sent": "Delivered",
        "done": "Delivered",
        "cancelled": "Cancelled",
        "scheduled": "Pending",
    }
    sent = [(one.message_id, one.phone_number) for one in again.gateway.radio]
    assert sent == [(name, number) for name in ("new", "scheduled") for number in sorted(numbers)]


def test_phone_takes_received_messages_up(open_gateway):
    before, after = open_gateway(mode="local"), open_gateway(mode="local")
    register(after, "sms:received")
    seen, missed = before.gateway.receive("900", "seen"), before.gateway.receive("900", "missed", missed=True)
    agent = after.gateway._state.phones[phone(after)]
    agent.resume_incoming(seen)
    agent.resume_incoming(missed, missed=True)

    after.gateway.receive("900", "seen")
    after.gateway.receive("900", "missed", missed=True)
    period = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "webhookDelivery": "Individual"}
    after("POST", "/inbox/refresh", period)

    assert [payload["message"] for _, payload in told(after)] == ["missed"]
