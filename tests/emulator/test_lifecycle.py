"""States of a message from acceptance to the final state, on a manual clock."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from smsgate.emulator import FAILING_NUMBERS, REJECTED_ENDING, REJECTED_ERROR, UNDELIVERED_ENDING, Gateway
from smsgate.emulator._http.routing import parse_request
from smsgate.emulator._state.state import GatewayConfig
from smsgate.http import Request, Timeout

BOTH_MODES = pytest.mark.parametrize("mode", ["cloud", "local"])
NO_SERVICE = "+79990009901"


@BOTH_MODES
def test_a_message_passes_through_every_state(open_gateway, mode):
    talk = open_gateway(mode=mode)
    sent = talk.send()
    message_id = sent.json["id"]

    seen = [sent.json["state"]]
    for _ in range(11):
        talk.clock.advance(0.1)
        state = talk.state(message_id)["state"]
        if state != seen[-1]:
            seen.append(state)

    assert seen == ["Pending", "Processed", "Sent", "Delivered"]


@BOTH_MODES
def test_a_jump_of_the_clock_gives_the_same_end_as_small_steps(open_gateway, mode):
    talk = open_gateway(mode=mode)
    message_id = talk.send().json["id"]

    talk.clock.advance(3600)

    state = talk.state(message_id)
    assert state["state"] == "Delivered"
    assert set(state["states"]) >= {"Processed", "Sent", "Delivered"}


@BOTH_MODES
@pytest.mark.parametrize("ending", sorted(FAILING_NUMBERS))
def test_documented_numbers_fail_with_their_error(open_gateway, mode, ending):
    talk = open_gateway(mode=mode)
    message_id = talk.send(f"+7999000{ending}").json["id"]

    talk.clock.advance(2)

    state = talk.state(message_id)
    assert state["state"] == "Failed"
    assert state["recipients"][0]["error"] == FAILING_NUMBERS[ending]


def test_one_number_is_sent_and_never_delivered(cloud):
    message_id = cloud.send(f"+7999000{UNDELIVERED_ENDING}").json["id"]

    cloud.clock.advance(3600)

    assert cloud.state(message_id)["state"] == "Sent"


def test_one_number_is_sent_and_then_rejected_by_the_network(cloud):
    message_id = cloud.send(f"+7999000{REJECTED_ENDING}").json["id"]

    cloud.clock.advance(0.6)
    assert cloud.state(message_id)["state"] == "Sent"
    cloud.clock.advance(1)

    state = cloud.state(message_id)
    assert (state["state"], state["recipients"][0]["error"]) == ("Failed", REJECTED_ERROR)


def test_without_a_delivery_report_it_ends_at_sent(cloud):
    message_id = cloud.send(withDeliveryReport=False).json["id"]

    cloud.clock.advance(3600)

    assert cloud.state(message_id)["state"] == "Sent"


def test_one_failed_recipient_among_several_leaves_the_message_sent(cloud):
    message_id = cloud.send(["+79990001234", NO_SERVICE]).json["id"]

    cloud.clock.advance(5)

    state = cloud.state(message_id)
    assert state["state"] == "Sent"
    assert [item["state"] for item in state["recipients"]] == ["Delivered", "Failed"]


@BOTH_MODES
def test_a_message_whose_time_to_live_ends_before_its_turn_fails(open_gateway, mode):
    talk = open_gateway(mode=mode)
    talk.gateway.timings.processed = 10
    message_id = talk.send(ttl=5).json["id"]

    talk.clock.advance(11)

    state = talk.state(message_id)
    assert state["recipients"] == [{"phoneNumber": "+79990001234", "state": "Failed", "error": "TTL expired"}]
    assert talk.gateway.radio == []


@BOTH_MODES
def test_a_scheduled_message_waits_for_its_time(open_gateway, mode):
    talk = open_gateway(mode=mode)
    at = (talk.clock() + timedelta(hours=1)).isoformat(timespec="milliseconds")
    sent = talk.send(scheduleAt=at).json

    talk.clock.advance(3599)
    assert talk.state(sent["id"])["state"] == "Pending"
    talk.clock.advance(3)

    assert talk.state(sent["id"])["state"] == "Delivered"
    assert ("scheduleAt" in sent) == (mode == "local")


def test_a_pending_message_is_cancelled_in_two_steps(cloud):
    message_id = cloud.send().json["id"]

    cancelled = cloud("DELETE", f"/messages/{message_id}")
    again = cloud("DELETE", f"/messages/{message_id}")
    cloud.clock.advance(5)

    assert (cancelled.status, cancelled.json["state"]) == (200, "Cancelling")
    assert (again.status, again.message) == (409, "failed to cancel message: message is not pending")
    assert cloud.state(message_id)["state"] == "Cancelled"
    assert cloud.gateway.radio == []


def test_a_message_on_its_way_cannot_be_cancelled(cloud):
    message_id = cloud.send().json["id"]
    cloud.clock.advance(0.3)

    assert cloud("DELETE", f"/messages/{message_id}").status == 409


def test_urgent_messages_go_first_and_of_equals_the_newest(cloud):
    for name, priority in (("a", 0), ("b", 100), ("c", 0), ("d", -5)):
        cloud.send(id=name, priority=priority)

    cloud.clock.advance(5)

    assert [item.message_id for item in cloud.gateway.radio] == ["b", "c", "a", "d"]


def test_the_pace_leaves_a_pause_between_messages(cloud):
    cloud.gateway.timings.pace = 10
    first, second = cloud.send().json["id"], cloud.send().json["id"]

    cloud.clock.advance(5)

    assert {cloud.state(first)["state"], cloud.state(second)["state"]} == {"Pending", "Delivered"}


def test_a_phone_that_is_off_sends_nothing_until_it_is_switched_on(open_gateway):
    talk = open_gateway(phone=False)
    message_id = talk.send().json["id"]
    talk.clock.advance(3600)
    assert talk.state(message_id)["state"] == "Pending"

    talk.gateway.switch(talk.gateway.devices[0].id, on=True)
    talk.gateway.switch(talk.gateway.devices[0].id, on=True)
    talk.clock.advance(2)

    assert talk.state(message_id)["state"] == "Delivered"
    assert talk.gateway.messages[0].states["Processed"] > talk.gateway.messages[0].created_at + timedelta(seconds=3500)
    with pytest.raises(ValueError, match="no device"):
        talk.gateway.switch("nobody", on=True)


def test_a_missing_sim_fails_the_message(cloud):
    cloud.gateway.devices[0].sim_cards = [{"slotIndex": 0, "simNumber": 1}]
    good, bad = cloud.send(simNumber=1).json["id"], cloud.send(simNumber=2).json["id"]

    cloud.clock.advance(5)

    assert cloud("GET", "/devices").json[0]["simCards"] == [{"slotIndex": 0, "simNumber": 1}]
    assert cloud.state(good)["state"] == "Delivered"
    assert cloud.state(bad)["recipients"][0]["error"] == "Can't send message: SIM 2 not found"


def test_reports_show_the_phones_own_zone_until_the_cache_forgets_them(cloud):
    message_id = cloud.send().json["id"]
    cloud.clock.advance(5)
    fresh = cloud.state(message_id)

    cloud.clock.advance(301)
    stored = cloud.state(message_id)

    assert fresh["states"]["Sent"] == "2026-01-01T15:00:00.5+03:00"
    assert stored["states"]["Sent"] == "2026-01-01T12:00:00.5Z"
    assert not fresh["isHashed"]
    assert stored["isHashed"]


def test_a_reported_message_is_hashed_at_the_next_interval(cloud):
    message_id = cloud.send().json["id"]
    cloud.clock.advance(30)
    assert not cloud("GET", "/messages").json[0]["isHashed"]

    cloud.clock.advance(31)

    listed = cloud("GET", "/messages?includeContent=true").json[0]
    number = hashlib.sha256(b"+79990001234").hexdigest()[:16]
    assert listed["id"] == message_id
    assert listed["hashedMessage"] == {"hash": hashlib.sha256(b"hi").hexdigest()}
    assert listed["recipients"] == [{"phoneNumber": number, "state": "Delivered"}]
    assert "textMessage" not in listed


def test_hashing_can_be_asked_for_and_its_interval_changed(cloud):
    cloud.gateway.hashing_interval = 3600
    cloud("POST", "/messages", {"phoneNumbers": ["+79990001234"], "dataMessage": {"data": "SGVsbG8=", "port": 1}})
    cloud.clock.advance(300)
    assert not cloud.gateway.messages[0].is_hashed

    cloud.gateway.hash_now()

    assert cloud.gateway.hashing_interval == 3600
    assert cloud.gateway.messages[0].content == {"hashedMessage": {"hash": hashlib.sha256(b"SGVsbG8=").hexdigest()}}


def test_waiting_and_encrypted_messages_are_never_hashed(cloud):
    cloud.send("$aes-x", isEncrypted=True)
    cloud.clock.advance(300)

    message = cloud.gateway.messages[0]

    assert not message.is_hashed
    assert message.recipients[0].state == "Pending"  # the server looks for +$aes-x
    assert cloud.state(message.id)["recipients"] == [{"phoneNumber": "+$aes-x", "state": "Delivered"}]


def test_old_messages_are_forgotten_after_thirty_days_and_waiting_ones_kept(open_gateway):
    talk = open_gateway(devices=2)
    off = talk.gateway.devices[1]
    talk.gateway.switch(off.id, on=False)
    talk.send(id="done", deviceId=talk.gateway.devices[0].id)
    talk.send(id="waits", deviceId=off.id)

    talk.clock.advance(31 * 24 * 3600)

    assert [message.id for message in talk.gateway.messages] == ["waits"]
    assert talk.send(id="done").status == 202


def test_messages_are_copies(cloud):
    cloud.send()

    cloud.gateway.messages[0].state = "Failed"

    assert cloud.gateway.messages[0].state == "Pending"


def test_reports_by_hand_follow_the_mobile_api(open_gateway):
    talk = open_gateway(phone=False)
    talk.send(id="one")

    assert not talk.gateway.report("nobody", "Sent")
    assert not talk.gateway.report("one", "Lost")
    assert not talk.gateway.report("one", "Failed", error="x" * 257)
    assert talk.gateway.report("one", "Pending")
    assert talk.state("one")["state"] == "Processed"
    assert talk.gateway.report("ONE", "sent")
    assert talk.state("one")["state"] == "sent"
    assert talk("GET", "/messages").json[0]["state"] == "Sent"
    assert talk.gateway.report("one", "Failed", error="no luck", device_id=talk.gateway.devices[0].id)
    assert talk.state("one")["recipients"] == [{"phoneNumber": "+79990001234", "state": "Failed", "error": "no luck"}]
    assert not talk.gateway.report("one", "Sent", device_id="other")


def test_a_report_with_part_of_the_recipients_leaves_the_others_in_the_list(open_gateway):
    talk = open_gateway(phone=False)
    talk.send(["+79990001234", "+79990001235"], id="one")

    talk.gateway.report("one", "Sent", recipients=[{"phoneNumber": "79990001235", "state": "Sent"}])

    assert talk.state("one")["recipients"] == [{"phoneNumber": "+79990001235", "state": "Sent"}]
    listed = talk("GET", "/messages").json[0]["recipients"]
    assert [item["state"] for item in listed] == ["Pending", "Sent"]


def test_a_report_after_hashing_still_finds_its_recipient(open_gateway):
    talk = open_gateway(phone=False)
    talk.send(id="one")
    talk.gateway.report("one", "Sent")
    talk.gateway.hash_now()

    talk.gateway.report("one", "Delivered")

    number = hashlib.sha256(b"+79990001234").hexdigest()[:16]
    assert talk.state("one")["recipients"] == [{"phoneNumber": number, "state": "Delivered"}]
    assert talk("GET", "/messages").json[0]["recipients"] == talk.state("one")["recipients"]


def test_the_mobile_api_refuses_what_it_cannot_read(open_gateway):
    talk = open_gateway(phone=False)
    talk.send(id="one")
    device = f"Bearer {talk.gateway.devices[0].token}"

    def patch(body, auth=device):
        return talk("PATCH", "/mobile/v1/message", body, auth=auth, prefix="")

    good = {"id": "one", "state": "Sent", "recipients": [{"phoneNumber": "+79990001234", "state": "Sent"}]}
    assert patch([good]).status == 204
    assert patch([]).status == 204
    assert patch([{**good, "id": "unknown"}]).status == 204
    assert patch([good], auth="Bearer wrong").status == 401
    assert patch([good], auth="basic").status == 401
    assert patch(good).status == 400
    assert patch([{**good, "recipients": []}]).message.startswith("failed to validate: Key: '[0].Recipients'")
    assert patch([{**good, "recipients": [{"state": "Sent"}]}]).status == 400
    assert patch([{**good, "states": {"Sent": "2026-01-01T00:00:00"}}]).status == 400
    assert patch([{**good, "states": []}]).status == 400
    assert talk("GET", "/mobile/v1/nowhere", auth=device, prefix="").status == 404
    assert talk.state("one")["state"] == "Sent"


def test_nothing_private_shows_in_reprs(cloud):
    cloud.send()
    cloud.clock.advance(5)

    shown = repr([cloud.gateway, cloud.gateway.messages, cloud.gateway.messages[0].recipients, cloud.gateway.radio])
    shown += repr(cloud.gateway.devices) + repr(cloud.gateway.receive("+79990001234", "hello"))

    config = GatewayConfig("demo", cloud.gateway.password, "cloud", cloud.clock, 0)
    call = parse_request(Request("POST", "https://x/79990001234", {"Authorization": "hello"}, b"hello", Timeout()))
    shown += repr([config, call, list(cloud.gateway._state.phones.values())])

    for secret in ("79990001234", "hello", "'hi'", cloud.gateway.password, cloud.gateway.devices[0].token):
        assert secret not in shown


def test_a_deleted_device_takes_its_messages_along(open_gateway):
    talk = open_gateway(devices=2)
    device = talk.gateway.devices[0]
    talk.send(id="kept", deviceId=talk.gateway.devices[1].id)
    talk.send(id="gone", deviceId=device.id)
    talk.send(id="both", deviceId=talk.gateway.devices[0].id)
    talk.send(id="both", deviceId=talk.gateway.devices[1].id)

    assert talk("DELETE", f"/devices/{device.id}").status == 204
    talk.clock.advance(5)

    assert sorted(message.id for message in talk.gateway.messages) == ["both", "kept"]
    assert talk("GET", "/messages/gone").status == 200  # from the cache
    talk.clock.advance(301)
    assert talk("GET", "/messages/gone").status == 404


def test_a_message_that_is_gone_before_it_could_be_hashed_is_no_matter(open_gateway):
    talk = open_gateway(phone=False)
    talk.send(id="one")
    talk.gateway.report("one", "Sent")
    talk("DELETE", f"/devices/{talk.gateway.devices[0].id}")

    talk.gateway.hash_now()

    assert talk.gateway.messages == []


def test_an_id_on_two_devices_cannot_be_looked_up_once_the_cache_forgot_it(open_gateway):
    talk = open_gateway(devices=2, phone=False)
    for device in talk.gateway.devices:
        assert talk.send(id="twin", deviceId=device.id).status == 202

    talk.clock.advance(301)

    found = talk("GET", "/messages/twin")
    assert (found.status, found.message) == (500, "failed to get message state")


def test_the_same_seed_repeats_a_run():
    def run(seed):
        gateway = Gateway(devices=3, seed=seed)
        return [device.id for device in gateway.devices]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_unpinned_messages_spread_over_the_devices(open_gateway):
    talk = open_gateway(devices=2)

    used = {talk.send(f"+7999000{number:04}").json["deviceId"] for number in range(20)}

    assert used == {device.id for device in talk.gateway.devices}


def test_only_lately_seen_devices_are_chosen_when_asked_so(open_gateway):
    talk = open_gateway(devices=2)
    idle = talk.gateway.devices[0]
    talk.gateway.switch(idle.id, on=False)
    talk.clock.advance(2 * 3600)

    used = {talk.send(f"+7999000{n:04}", query="?deviceActiveWithin=1").json["deviceId"] for n in range(10)}
    refused = talk.send(deviceId=idle.id, query="?deviceActiveWithin=1")

    assert used == {talk.gateway.devices[1].id}
    assert (refused.status, refused.message) == (400, "failed to select device: record not found")
    assert talk.send(query="?deviceActiveWithin=99999999999999").status == 202


def test_a_new_device_joins_the_account(cloud):
    device = cloud.gateway.add_device("Tablet", active=False)

    assert [item["name"] for item in cloud("GET", "/devices").json] == ["Phone A", "Tablet"]
    assert cloud.send(deviceId=device.id).status == 202
