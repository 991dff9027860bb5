"""Conversations: list, bubbles, states as they change, details, replies."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from browsing import expect
from smsgate import APIClient, Encryptor

ANNA, BEN, FAILING = "+12025550101", "+12025550102", "+12025559901"


def test_sent_message_appears_at_once_and_shows_its_states(page, client):
    client.send("Your table is ready", to=ANNA)

    row = page.locator(".conversation")
    expect(row).to_contain_text(ANNA)
    expect(row).to_contain_text("Your table is ready")
    row.get_by_role("link").click()
    bubble = page.locator(".bubble-row.out .bubble")
    expect(bubble).to_contain_text("Your table is ready")
    expect(bubble.locator(".state")).to_have_text("Delivered")


@pytest.mark.smsgate(phone=False)
def test_states_change_without_a_reload(new_page, client, gateway, conversation):
    message = client.send("Follow me", to=ANNA)
    page = new_page(conversation(ANNA))
    state = page.locator(".bubble .state")
    expect(state).to_have_text("Pending")

    for name in ("Processed", "Sent", "Delivered"):
        gateway.report(message.id, name)
        expect(state).to_have_text(name)


def test_each_recipient_has_its_state_and_reason(new_page, client, conversation):
    client.send("The course starts at nine", to=[ANNA, FAILING])
    page = new_page(conversation(FAILING))

    bubble = page.locator(".bubble")
    expect(bubble.locator("> .reason")).to_contain_text("RESULT_ERROR")
    expect(bubble).to_contain_text("to 2 recipients")
    bubble.get_by_role("button", name="Details").click()
    rows = bubble.locator(".recipients").first.locator("li")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text=ANNA)).to_contain_text("Delivered")
    expect(rows.filter(has_text=FAILING)).to_contain_text("Failed")

    rows.filter(has_text=ANNA).get_by_role("link").click()

    expect(page.locator(".detail-pane h1")).to_contain_text(ANNA)
    expect(page.locator(".bubble > .reason")).to_have_count(0)


def test_newest_conversation_comes_first_and_unread_ones_are_marked(page, gateway):
    gateway.receive(ANNA, "first")
    gateway.receive(BEN, "second")
    rows = page.locator(".conversation")
    expect(rows.nth(0)).to_contain_text(BEN)
    expect(rows.nth(1)).to_contain_text(ANNA)

    gateway.receive(ANNA, "third")

    expect(rows.nth(0)).to_contain_text(ANNA)
    expect(rows.nth(0).locator(".badge")).to_have_text("2")
    expect(page).to_have_title("(2) Messages · SMSGate emulator")
    rows.nth(0).get_by_role("link").click()
    expect(rows.nth(0).locator(".badge")).to_have_count(0)
    expect(page).to_have_title("(1) Messages · SMSGate emulator")
    page.reload()
    expect(page.locator(".conversation")).to_have_count(2)
    expect(page.locator(".conversation.unread")).to_have_count(1)

    page.get_by_role("button", name="Mark all as read").click()

    expect(page.locator(".conversation.unread")).to_have_count(0)
    expect(page).to_have_title("Messages · SMSGate emulator")


def test_filters_by_device_and_by_unread(page, gateway):
    gateway.receive(ANNA, "to the first phone")
    other = gateway.add_device("Second phone")
    gateway.receive(BEN, "to the second phone", device_id=other.id)
    expect(page.locator(".conversation")).to_have_count(2)

    page.get_by_label("Device").select_option("Second phone")

    expect(page.locator(".conversation")).to_have_count(1)
    expect(page.locator(".conversation")).to_contain_text(BEN)
    page.get_by_label("Device").select_option("All devices")
    page.get_by_role("button", name="Mark all as read").click()
    page.get_by_role("checkbox", name="Unread").check()
    expect(page.get_by_text("No conversation meets the filter")).to_be_visible()


def test_reply_comes_in_as_the_other_side(new_page, client, gateway, conversation):
    client.send("Shall we keep your place?", to=ANNA)
    page = new_page(conversation(ANNA))
    field = page.get_by_label(f"Reply as {ANNA}")

    field.fill("Yes")
    field.press("Shift+Enter")
    field.type("please")
    field.press("Enter")

    expect(page.locator(".bubble-row.in .bubble-text")).to_have_text("Yes\nplease")
    expect(field).to_have_value("")


def test_url_leads_to_a_message_and_survives_a_reload(new_page, client, gateway, conversation):
    for number in range(60):
        gateway.receive(ANNA, f"message number {number}")
    client.send("the one", to=ANNA)
    page = new_page(conversation(ANNA))
    expect(page.get_by_text("the one", exact=True).last).to_be_visible()

    page.goto(page.url + "?message=o1")
    expect(page.locator(".bubble.shown")).to_contain_text("the one")
    page.reload()

    expect(page.locator(".bubble.shown")).to_contain_text("the one")


@pytest.mark.smsgate(phone=False)
def test_details_report_another_state(new_page, client, conversation):
    sent = client.send("Fail, please", to=ANNA)
    page = new_page(conversation(ANNA))
    page.get_by_role("button", name="Details").click()
    details = page.locator(".bubble-details")
    expect(details).to_contain_text(sent.id)

    details.get_by_label("State", exact=True).select_option("Failed")
    details.get_by_label("Reason", exact=True).fill("RESULT_NO_DEFAULT_SMS_APP")
    details.get_by_role("button", name="Report as the phone").click()

    expect(page.locator(".bubble > .reason")).to_have_text("RESULT_NO_DEFAULT_SMS_APP")
    assert client.get_state(sent.id).state == "Failed"


def test_long_conversation_stays_at_its_end_and_keeps_its_place(new_page, gateway, conversation):
    for number in range(300):
        gateway.receive(ANNA, f"message {number} " + "word " * (number % 40))
    page = new_page(conversation(ANNA))
    expect(page.locator(".bubble").get_by_text("message 299 ")).to_be_in_viewport()

    gateway.receive(ANNA, "the newest")
    expect(page.locator(".bubble").get_by_text("the newest")).to_be_in_viewport()

    scroller = page.get_by_role("region", name="Conversation")
    scroller.evaluate("(element) => { element.scrollTop = 0 }")
    expect(page.locator(".bubble").get_by_text("message 0 ")).to_be_in_viewport()
    gateway.receive(ANNA, "another one")
    expect(page.locator(".conversation").first).to_contain_text("another one")

    expect(page.locator(".bubble").get_by_text("message 0 ")).to_be_in_viewport()
    assert page.locator(".bubble").count() < 100


def test_data_is_shown_in_hexadecimal(page, gateway):
    gateway.receive(ANNA, "0001ff", type="DATA_SMS")

    page.locator(".conversation").get_by_role("link").click()

    expect(page.locator(".bubble")).to_contain_text("00 01 ff")
    expect(page.locator(".bubble")).to_contain_text("data SMS")


def test_ciphertext_is_marked_and_has_its_states(new_page, server):
    with APIClient(server.login, server.password, base_url=server.url, encryptor=Encryptor("secret")) as client:
        client.send("For your eyes only", to=[ANNA, BEN])
    page = new_page()
    expect(page.locator(".conversation").filter(has_text="Encrypted number")).to_have_count(2)

    page.locator(".conversation a").first.click()

    bubble = page.locator(".bubble")
    expect(bubble).to_contain_text("Encrypted")
    expect(bubble.locator(".state")).to_have_text("Delivered")
    expect(page.locator(".composer")).to_have_count(0)


def test_examples_for_beginners_work(page, server, gateway):
    examples = page.locator("section.detail-pane")
    python = examples.locator("code").text_content()
    subprocess.run([sys.executable, "-c", python], check=True)
    expect(page.locator(".conversation")).to_contain_text("Hello")
    page.get_by_role("link", name="Connect").click()

    for name in ("Python", "curl", "Environment", "Webhook"):
        page.get_by_role("tab", name=name).last.click()
        command = page.locator("code:visible").text_content()
        if name in {"curl", "Webhook"} and shutil.which("curl"):
            subprocess.run(["bash", "-c", command], check=True)
        if name == "Environment":
            found = subprocess.run(["bash", "-c", f"{command}\nenv"], capture_output=True, text=True, check=True).stdout
            assert f"SMSGATE_BASE_URL={server.url}" in found
            assert f"SMSGATE_PASSWORD={server.password}" in found

    if shutil.which("curl"):
        assert len(gateway.messages) == 2


def test_beginner_sees_how_to_connect(page, server):
    settings = page.locator("section.detail-pane").get_by_label("Connection settings")

    expect(settings).to_contain_text(server.url)
    expect(settings).to_contain_text(server.login)
    expect(settings).to_contain_text(server.password)
    expect(page.locator("section.detail-pane code")).to_contain_text("from smsgate import APIClient")
    page.get_by_role("tab", name="curl").last.click()
    expect(page.locator("section.detail-pane code")).to_contain_text(f"curl {server.url}/messages")
