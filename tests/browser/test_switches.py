"""Devices and switches: offline, failures, delays, outage, clock, faults, reset."""

from __future__ import annotations

import pytest

from browsing import expect
from eventually import eventually
from smsgate import errors

ANNA = "+12025550101"


@pytest.fixture
def devices(new_page):
    return new_page("#/devices")


def card(page, name):
    return page.get_by_role("region", name=name, exact=True)


def test_device_is_switched_off_and_on(devices, client, gateway):
    phone = card(devices, "Phone A")
    phone.get_by_role("switch", name="online").click()
    expect(phone).to_contain_text("offline")
    sent = client.send("Wait", to=ANNA)
    assert client.get_state(sent.id).state == "Pending"
    expect(devices.locator(".views a[data-view=devices] .badge")).to_have_text("1")

    phone.get_by_role("switch", name="offline").click()

    eventually(lambda: client.get_state(sent.id).state == "Delivered")


def test_failure_rate_and_reason(devices, client):
    phone = card(devices, "Phone A")
    phone.get_by_label("Failure rate in percent").fill("100")
    expect(phone.locator("output")).to_have_text("100 %")
    phone.get_by_label("Reason of failures").fill("RESULT_RADIO_NOT_AVAILABLE")
    phone.get_by_label("Reason of failures").press("Enter")
    eventually(
        lambda: "RESULT_RADIO_NOT_AVAILABLE" in devices.evaluate("fetch('/_emulator/state').then((r) => r.text())")
    )

    sent = client.send("Fail", to=ANNA)

    state = eventually(lambda: (found := client.get_state(sent.id)).state == "Failed" and found)
    assert "RESULT_RADIO_NOT_AVAILABLE" in state.recipients[0].error


def test_numbers_that_fail_are_added_changed_and_removed(devices, client, gateway):
    phone, device = card(devices, "Phone A"), gateway.devices[0]
    rows = phone.get_by_label("Numbers that fail").get_by_role("listitem")
    phone.get_by_label("Number that fails, or its ending").fill(" 01 01 ")
    phone.get_by_label("Why it fails").fill("no such number")
    phone.get_by_label("Why it fails").press("Enter")
    expect(rows).to_have_count(1)
    expect(phone.get_by_label("Number that fails, or its ending")).to_be_focused()
    expect(phone.get_by_label("Number that fails, or its ending")).to_have_value("")

    sent = client.send("Hello", to=ANNA)

    state = eventually(lambda: (found := client.get_state(sent.id)).state == "Failed" and found)
    assert state.recipients[0].error == "no such number"
    phone.get_by_label("Why 0101 fails").fill("out of reach")
    phone.get_by_label("Why 0101 fails").press("Enter")
    eventually(lambda: device.failing_numbers == {"0101": "out of reach"})
    phone.get_by_label("Number that fails, or its ending").fill("<b>__proto__</b>")
    phone.get_by_role("button", name="Add", exact=True).click()
    expect(rows).to_have_count(2)
    assert device.failing_numbers["<b>__proto__</b>"] == "RESULT_ERROR_GENERIC_FAILURE"
    phone.get_by_role("button", name="Let 0101 succeed").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("<b>__proto__</b>")
    phone.get_by_role("button", name="Add", exact=True).click()
    expect(devices.get_by_text("Write the number that fails")).to_be_visible()


def test_numbers_that_another_page_adds_appear(devices, gateway):
    gateway.switch(gateway.devices[0].id, failing_numbers={"9": "x"})

    expect(card(devices, "Phone A").get_by_label("Numbers that fail").get_by_role("listitem")).to_have_count(1)


def test_further_switches_of_a_device(devices, gateway):
    phone = card(devices, "Phone A")

    phone.get_by_label("Delay of each message").fill("2.5")
    phone.get_by_label("Delay of each message").press("Enter")
    phone.get_by_label("Passphrase").fill("correct horse")
    phone.get_by_label("Passphrase").press("Enter")
    phone.get_by_label("Waiting messages").select_option("oldest first")
    phone.get_by_role("switch", name="Delivery reports").click()
    phone.get_by_role("switch", name="Switched on").click()
    phone.get_by_role("switch", name="Confirms queued messages").click()

    device = gateway.devices[0]
    eventually(lambda: (device.latency, device.passphrase, device.processing_order) == (2.5, "correct horse", "FIFO"))
    eventually(lambda: not device.delivery_reports and not device.active and device.confirms_waiting)


def test_device_is_added_and_renamed_and_gets_sims(devices, gateway):
    devices.get_by_role("button", name="Add a device").click()
    expect(devices.locator(".card.device")).to_have_count(2)
    second = devices.locator(".card.device").nth(1)

    second.get_by_label("Name").fill("Kitchen")
    second.get_by_label("Name").press("Enter")
    second.get_by_role("button", name="Add a SIM").click()
    second.get_by_label("Number of SIM 1").fill("+12025550190")
    second.get_by_label("Number of SIM 1").press("Enter")

    eventually(lambda: gateway.devices[1].name == "Kitchen")
    eventually(lambda: gateway.devices[1].sim_cards[0].get("phoneNumber") == "+12025550190")


@pytest.mark.smsgate(devices=2)
def test_device_is_removed_with_its_conversations(devices, client, gateway):
    first = gateway.devices[0]
    client.send("Gone soon", to=ANNA, device_id=first.id)
    expect(devices.locator(".views a[data-view=messages] .badge")).to_have_text("1")
    card(devices, "Phone A").get_by_role("button", name="Remove Phone A").click()
    dialog = devices.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").click()
    assert len(gateway.devices) == 2

    card(devices, "Phone A").get_by_role("button", name="Remove Phone A").click()
    dialog.get_by_role("button", name="Remove").click()

    expect(devices.locator(".card.device")).to_have_count(1)
    expect(devices.locator(".views a[data-view=messages] .badge")).to_be_hidden()
    assert gateway.outbox == []


def test_outage_and_its_end(devices, client):
    gateway_card = card(devices, "Gateway")
    gateway_card.get_by_role("switch", name="Outage").click()
    expect(devices.locator(".views a[data-view=devices] .badge")).to_have_text("1")
    with pytest.raises(errors.SMSGateError):
        client.get_messages()

    gateway_card.get_by_role("switch", name="Outage").click()

    expect(devices.locator(".views a[data-view=devices] .badge")).to_be_hidden()
    assert client.send("Back", to=ANNA)


@pytest.mark.smsgate(delays=True)
def test_clock_is_advanced(devices, client, gateway):
    gateway.timings.delivered = 86_400.0
    sent = client.send("Tomorrow", to=ANNA)
    clock = card(devices, "Clock")

    clock.get_by_role("button", name="+1 day").click()

    expect(clock).to_contain_text("ahead of the real time")
    eventually(lambda: client.get_state(sent.id).state == "Delivered")
    clock.get_by_label("Seconds to advance").fill("90")
    clock.get_by_role("button", name="Advance").click()
    expect(devices.get_by_role("status").filter(has_text="90 s")).to_be_visible()


def test_timings_are_changed(devices, gateway):
    delivered = card(devices, "Gateway").get_by_label("Delivered after")

    delivered.fill("12.5")
    delivered.press("Enter")

    eventually(lambda: gateway.timings.delivered == 12.5)


def test_fault_is_added_hit_and_removed(devices, client):
    faults = card(devices, "Faults")
    expect(faults.get_by_label("Kind of fault").locator("option").nth(3)).to_be_attached()
    faults.get_by_label("Kind of fault").select_option("503")
    faults.get_by_label("Only requests").fill("GET /messages")
    faults.get_by_label("no limit").check()
    faults.get_by_role("button", name="Add fault").click()
    rule = faults.get_by_label("Faults that are set").locator("li")
    expect(rule).to_contain_text("503 only GET /messages")

    with pytest.raises(errors.SMSGateError):
        client.get_messages()

    expect(rule).to_contain_text("hit")
    faults.get_by_role("button", name="Remove this fault").click()
    expect(rule).to_have_count(0)


def test_reset_asks_first_and_empties_everything(devices, client, gateway):
    client.send("Forget me", to=ANNA)
    reset = card(devices, "Reset")
    reset.get_by_role("button", name="Reset").click()
    dialog = devices.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").click()
    assert len(gateway.messages) == 1

    reset.get_by_role("button", name="Reset").click()
    dialog.get_by_role("button", name="Reset").click()

    eventually(lambda: gateway.messages == [])
    devices.goto(devices.url.split("#")[0] + "#/messages")
    expect(devices.get_by_text("No messages yet")).to_be_visible()
