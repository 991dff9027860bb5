"""Webhook deliveries and the request log."""

from __future__ import annotations

import json
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest

from browsing import expect
from eventually import eventually
from smsgate import Webhook, errors

ANNA = "+12025550101"
HOOK = "https://shop.example.com/webhook"


def test_delivery_shows_request_response_and_retries(new_page, client, gateway, receiver):
    receiver.statuses += [500]
    client.create_webhook(Webhook(url=HOOK, event="sms:received"))
    page = new_page("#/webhooks")
    expect(page.get_by_text("1 registered webhook")).to_be_visible()
    gateway.receive(ANNA, "STOP")
    row = page.locator(".delivery")
    expect(row).to_contain_text("sms:received")
    expect(row).to_contain_text("500")

    row.get_by_role("link").click()
    detail = page.locator(".detail-pane")
    expect(detail).to_contain_text('"message": "STOP"')
    expect(detail).to_contain_text("1 attempt")
    expect(detail.locator("tr.signature")).to_have_count(2)
    expect(detail.locator(".attempts")).to_contain_text("<b>it</b>")
    expect(detail.locator(".attempts").get_by_text("X-Receiver", exact=False)).to_be_visible()

    page.get_by_role("button", name="Deliver again").click()

    expect(detail).to_contain_text("2 attempts")
    expect(row).to_contain_text("delivered")
    assert len(receiver.bodies) == 2


def test_deliveries_are_filtered_by_state(new_page, client, gateway, receiver):
    client.create_webhook(Webhook(url=HOOK, event="sms:received"))
    gateway.receive(ANNA, "STOP")
    page = new_page("#/webhooks")
    expect(page.locator(".delivery")).to_contain_text("delivered")

    page.get_by_label("State").select_option("Dropped")

    expect(page.locator(".delivery")).to_have_count(0)
    expect(page.get_by_text("No delivery is in this state")).to_be_visible()


def test_message_leads_to_its_deliveries(new_page, client, gateway, receiver, conversation):
    client.create_webhook(Webhook(url=HOOK, event="sms:received"))
    gateway.receive(ANNA, "STOP")
    eventually(lambda: receiver.bodies)
    page = new_page(conversation(ANNA))
    page.get_by_role("button", name="Details").click()

    page.locator(".bubble-details").get_by_role("link", name="sms:received").click()

    expect(page.locator(".detail-pane h1:visible")).to_have_text("sms:received")


def test_request_shows_bodies_headers_and_a_curl_command_that_works(new_page, client, server, gateway):
    text = 'It\'s "quoted" $HOME `id` \\ and\nnew line ü'
    client.send(text, to=ANNA)
    page = new_page("#/requests", permissions=["clipboard-read", "clipboard-write"])
    row = page.locator(".request").filter(has_text="POST").first
    expect(row).to_contain_text("202")
    row.get_by_role("link").click()
    detail = page.locator(".detail-pane")
    expect(detail).to_contain_text("phoneNumbers")
    expect(detail).to_contain_text('"state"')
    assert server.password not in detail.text_content()

    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_text("curl command copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")

    assert server.password not in command
    words = shlex.split(command)
    body = json.loads(words[words.index("--data-raw") + 1])
    assert body["textMessage"]["text"] == text
    done = subprocess.run(
        ["bash", "-c", f"{command} --silent"], env={"PATH": "/usr/bin:/bin", "SMSGATE_PASSWORD": server.password},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "not found" not in done.stderr:  # without curl the words of the command are all there is
        again = gateway.messages if "id" in body else gateway.messages[1:]
        assert again[0].content["textMessage"]["text"] == text, done


def test_log_is_filtered_and_cleared(new_page, client):
    client.send("Hello", to=ANNA)
    with pytest.raises(errors.NotFoundError):
        client.get_state("missing")
    page = new_page("#/requests")
    rows = page.locator(".request")
    expect(rows.filter(has_text="404")).to_have_count(1)

    page.get_by_label("Status").select_option("4xx")
    expect(rows.filter(has_text="202")).to_have_count(0)
    expect(rows.filter(has_text="404")).to_have_count(1)
    page.get_by_label("Status").select_option("All statuses")
    page.get_by_label("Method").select_option("POST")
    expect(rows.filter(has_text="404")).to_have_count(0)

    page.get_by_role("button", name="Clear the request log").click()

    expect(page.get_by_text("No requests yet")).to_be_visible()


NASTY = [
    "plain", "it's", '"', "$HOME", "`id`", "\\", "a\nb", "%s%d\\n", "!x", "*", "~", "-d", "@file", "ü€😀", "\x00",
    "a\x00\\0b", "\t ", "'''",
]  # fmt: skip
CURL = """([request, login]) => import('/_emulator/page/curl.js')
  .then((curl) => curl.curlCommand(request, 'http://h', login))"""


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_curl_command_has_every_text_as_one_word(page, text):
    request = {
        "method": "PUT", "path": "/3rdparty/v1/settings", "query": "a=[1]&b={2}",
        "requestHeaders": [["Authorization", "Basic …"], ["X-Text", text.replace("\n", " ").replace("\x00", "")]],
        "requestBody": text,
    }  # fmt: skip
    command = page.evaluate(CURL, [request, "o'login"])

    script = 'curl() { printf \'%s\\0\' "$@" > words; case "$*" in *@-*) cat > body;; esac; }\n' + command
    words, body = run_shell(script)

    assert words[words.index("--user") + 1] == "o'login:secret"
    assert words[words.index("--request") + 1] == "PUT"
    assert f"X-Text: {request['requestHeaders'][1][1]}" in words
    assert words[-1] == "http://h/3rdparty/v1/settings?a=[1]&b={2}"
    if "\x00" in text:
        assert body == text.encode()
    else:
        assert words[words.index("--data-raw") + 1] == text


def run_shell(script):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["bash", "-c", script], cwd=folder, env={"PATH": "/usr/bin:/bin", "SMSGATE_PASSWORD": "secret"}, check=True
        )
        body = Path(folder, "body")
        words = Path(folder, "words").read_text(encoding="utf-8").split("\0")[:-1]
        return words, body.read_bytes() if body.exists() else None
