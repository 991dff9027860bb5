"""Incoming messages that somebody writes on the page: SMS, data, MMS with a picture."""

from __future__ import annotations

import base64
import json

from browsing import expect
from eventually import eventually
from smsgate import Webhook

SENDER = "+12025550109"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def open_dialog(page):
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="Incoming message")
    expect(dialog).to_be_visible()
    return dialog


def test_sms_comes_in_and_its_conversation_opens(page):
    dialog = open_dialog(page)
    dialog.get_by_label("From").fill(SENDER)
    dialog.get_by_label("Text").fill("STOP")

    dialog.get_by_role("button", name="Receive").click()

    expect(dialog).to_be_hidden()
    expect(page.locator(".detail-pane h1")).to_contain_text(SENDER)
    expect(page.locator(".bubble-row.in")).to_contain_text("STOP")


def test_data_comes_in_as_hexadecimal_or_text(page):
    for text, is_hex, shown in (("00 ff 41", True, "00 ff 41"), ("A!", False, "41 21")):
        dialog = open_dialog(page)
        dialog.get_by_text("Data", exact=True).first.click()
        dialog.get_by_label("From").fill(SENDER)
        dialog.get_by_label("Data", exact=True).last.fill(text)
        dialog.get_by_label("Hexadecimal digits").set_checked(is_hex)

        dialog.get_by_role("button", name="Receive").click()

        expect(page.locator(".bubble .bytes").filter(has_text=shown)).to_have_count(1)


def test_data_that_is_no_hexadecimal_is_refused(page):
    dialog = open_dialog(page)
    dialog.get_by_text("Data", exact=True).first.click()
    dialog.get_by_label("From").fill(SENDER)
    dialog.get_by_label("Data", exact=True).last.fill("0f 1")
    dialog.get_by_label("Hexadecimal digits").check()

    dialog.get_by_role("button", name="Receive").click()

    expect(dialog.get_by_role("alert")).to_contain_text("pairs of hexadecimal digits")


def test_mms_with_a_picture_is_shown_and_delivered(page, client, receiver):
    client.create_webhook(Webhook(url="https://shop.example.com/in", event="mms:downloaded"))
    dialog = open_dialog(page)
    dialog.get_by_text("MMS", exact=True).click()
    dialog.get_by_label("From").fill(SENDER)
    dialog.get_by_label("Subject").fill("Holidays")
    dialog.get_by_label("Text").fill("Look!")
    dialog.get_by_label("Files").set_input_files(
        [
            {"name": "pixel.png", "mimeType": "image/png", "buffer": PIXEL},
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"one\ntwo"},
        ]
    )
    expect(dialog.get_by_alt_text("pixel.png")).to_be_visible()

    dialog.get_by_role("button", name="Receive").click()

    picture = page.locator(".bubble").get_by_alt_text("pixel.png")
    expect(picture).to_be_visible()
    eventually(lambda: picture.evaluate("(image) => image.naturalWidth") == 1)
    expect(page.locator(".bubble")).to_contain_text("notes.txt (7 B)")
    expect(page.locator(".bubble")).to_contain_text("Holidays")
    [body] = eventually(lambda: list(receiver.bodies))
    assert [part["name"] for part in json.loads(body)["payload"]["attachments"]] == ["pixel.png", "notes.txt"]


def test_message_comes_to_the_chosen_device_and_sim(page, gateway):
    other = gateway.add_device("Second phone")
    other.sim_cards = [{"slotIndex": 0, "simNumber": 1}, {"slotIndex": 1, "simNumber": 2}]
    page.reload()
    page.wait_for_selector("main > .view")
    dialog = open_dialog(page)
    dialog.get_by_label("From").fill("Bank")
    dialog.get_by_label("To device").select_option("Second phone")
    dialog.get_by_label("SIM").select_option("SIM 2")
    dialog.get_by_label("Text").fill("Balance")

    page.keyboard.press("Control+Enter")

    expect(page.locator(".bubble")).to_contain_text("Second phone")
    page.get_by_role("button", name="Details").click()
    expect(page.locator(".facts > div").filter(has_text="SIM")).to_contain_text("2")
