"""Texts that try to be markup, to turn the writing direction, or to break the layout."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from browsing import expect
from smsgate import Webhook
from smsgate.emulator import Attachment

HOSTILE = [
    "<script>document.title = 'broken'</script>",
    "<img src=x onerror=\"document.title = 'broken'\">",
    "</pre></div><style>* { display: none }</style>",
    "\u202egnp.exe\u202c \u2066isolate\u2069 \u200bzero\u200bwidth\ufeff",
    "W" * 5000,
    "\u0301" * 500 + "Z" + "\u0300" * 500,
    "👩‍👩‍👧‍👦🏳️‍🌈\u0000\u0007\u001b[31m",
    "one\ntwo\r\nthree\n\n\n",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)} javascript:alert(1)",
    "مرحبا بالعالم שלום עולם",
    "&lt;b&gt; &amp; %3Cscript%3E",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_stays_text_in_every_place(new_page, client, gateway, receiver, text):
    client.create_webhook(Webhook(url="https://shop.example.com/hook", event="sms:received"))
    device = gateway.devices[0]
    device.name = text[:100]
    device.sim_cards = [{"slotIndex": 0, "simNumber": 1, "phoneNumber": text[:40], "carrierName": text[:40]}]
    sent = client.send(text, to="+12025550101")
    gateway.report(sent.id, "Failed", error=text[:250])
    gateway.receive(text[:200], text)
    page = new_page()
    expect(page.locator(".conversation")).to_have_count(2)

    for row in (0, 1):
        page.locator(".conversation").nth(row).get_by_role("link").click()
        expect(page.locator(".bubble").first).to_be_visible()
        page.locator(".bubble").first.get_by_role("button", name="Details").click()
        expect(page.locator(".bubble-details").first).to_be_visible()
    for place in ("webhooks", "requests"):
        page.goto(page.url.split("#")[0] + f"#/{place}")
        page.locator(".item a:visible").first.click()
        expect(page.locator(".view:not([hidden]) .detail")).to_be_visible()
    page.goto(page.url.split("#")[0] + "#/devices")
    expect(page.locator(".card.device")).to_be_visible()
    page.get_by_role("searchbox").fill(" ".join(text.split())[:60])
    expect(page.locator(".results")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.get_by_role("dialog")).to_be_visible()

    assert "SMSGate" in page.title()
    assert (
        page.evaluate("document.querySelectorAll('main script, main style, main iframe, main [onerror]').length") == 0
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


MARKUP = '<img src=x onerror="globalThis.broken = 1"><script>globalThis.broken = 2</script>'
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" onload="globalThis.broken = 3">
<script>globalThis.broken = 4; top.broken = 5</script></svg>"""
FILES = [
    ("dot.svg", "image/svg+xml", SVG),
    (MARKUP, "image/svg+xml; charset=utf-8", SVG),
    ("page.html", "text/html", b"<script>top.broken = 6</script>"),
    ("../../etc/passwd", "image/png", SVG),
    ("javascript:alert(1)", "image/png\r\nx-evil: 1", SVG),
    (MARKUP, MARKUP, SVG),
    ("", "", b""),
    ("\u202egpj.exe", "IMAGE/SVG+XML", SVG),
    ("text", "text/plain", MARKUP.encode()),
]


def test_markup_runs_nowhere(new_page, client, gateway, receiver, origin):
    """Everything that comes from outside: files, headers, URLs, numbers, errors, switches, faults."""
    hook = client.create_webhook(Webhook(url="https://shop.example.com/?" + quote(MARKUP), event="mms:downloaded"))
    gateway._state.webhooks[hook.id]["url"] = "https://shop.example.com/" + MARKUP
    attachments = [Attachment(number, *file) for number, file in enumerate(FILES, 1)]
    gateway.receive(MARKUP, MARKUP, type="MMS_DOWNLOADED", subject=MARKUP, attachments=attachments, recipient=MARKUP)
    device = gateway.devices[0]
    device.name = device.failure_reason = device.passphrase = MARKUP
    device.failing_numbers = {MARKUP: MARKUP, "__proto__": MARKUP, "0109": MARKUP}
    client.send("Fail", to="+12025550109")
    httpx.post(
        f"{origin}/3rdparty/v1/{quote('<b>' + MARKUP)}?{MARKUP}={MARKUP}",
        headers={"x-evil": MARKUP, "user-agent": MARKUP, "content-type": MARKUP},
        content=MARKUP,
        trust_env=False,
    )
    httpx.post(f"{origin}/_emulator/faults", json={"faults": [503], "only": [MARKUP]}, trust_env=False)
    page = new_page("#/messages/" + quote(MARKUP, safe=""))
    expect(page.locator(".attachments a")).to_have_count(len(FILES))
    page.locator(".bubble").first.get_by_role("button", name="Details").click()
    expect(page.locator(".bubble-details").first).to_be_visible()
    for place in ("webhooks", "requests"):
        page.goto(page.url.split("#")[0] + f"#/{place}")
        for row in range(page.locator(".item a:visible").count()):
            page.locator(".item a:visible").nth(row).click()
            expect(page.locator(".view:not([hidden]) .detail")).to_be_visible()
    page.goto(page.url.split("#")[0] + "#/devices")
    expect(page.get_by_label("Faults that are set").locator("li")).to_contain_text("only <img")
    page.get_by_role("searchbox").fill("<img")
    expect(page.locator(".results .item").first).to_be_visible()

    assert page.evaluate("globalThis.broken") is None
    assert page.locator("main img[src=x], main script, main [onerror], main [onload]").count() == 0
    for path in page.evaluate("fetch('/_emulator/incoming').then((r) => r.json())")["items"][0]["attachments"]:
        response = httpx.get(origin + path["url"], trust_env=False)
        assert "svg" not in response.headers["content-type"].lower()
        assert "html" not in response.headers["content-type"].lower()
        assert "x-evil" not in response.headers
        assert "sandbox" in response.headers["content-security-policy"]
    new_page.problems.clear()  # pictures that are none


def test_text_is_shown_as_it_was_sent(new_page, gateway, conversation):
    for text in HOSTILE:
        gateway.receive("+12025550101", text)
    page = new_page(conversation("+12025550101"))
    expect(page.get_by_text("مرحبا بالعالم")).to_be_visible()

    shown = page.evaluate("""async () => {
      const texts = new Set();
      const scroller = document.querySelector('.detail-pane .scroller');
      for (let top = 0; top < scroller.scrollHeight + 400; top += 300) {
        scroller.scrollTop = top;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        document.querySelectorAll('.bubble-text').forEach((element) => texts.add(element.textContent));
      }
      return [...texts];
    }""")

    for text in HOSTILE:
        assert any(text[:2000] in found for found in shown), repr(text[:40])


def test_invisible_characters_of_names_are_named(page, gateway):
    gateway.receive("Bank\u202e\u200b", "Hello")

    expect(page.locator(".conversation .peer")).to_have_text("Bank\u2039U+202E\u203a\u2039U+200B\u203a")


def test_nothing_may_be_loaded_or_run_from_elsewhere(new_page, origin):
    page = new_page()
    response = page.request.get(f"{origin}/")
    policy = response.headers["content-security-policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert (
        page.evaluate("""() => {
      try { document.body.innerHTML += '<p>'; return 'taken'; } catch (error) { return error.name; }
    }""")
        == "TypeError"
    )
    assert (
        page.evaluate("""() => {
      const element = document.createElement('script');
      try { element.textContent = 'globalThis.inline = 1'; document.body.append(element); } catch { /* forbidden */ }
      return globalThis.inline;
    }""")
        is None
    )
    new_page.problems.clear()  # the browser reports what it refused
