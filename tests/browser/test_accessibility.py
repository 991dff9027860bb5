"""Names and roles for assistive programs, contrast, themes, and a phone's width."""

from __future__ import annotations

import pytest

from browsing import expect
from smsgate import Webhook

ANNA = "+12025550101"
VIEWS = [
    "#/messages",
    "#/messages/%2B12025550101",
    "#/webhooks",
    "#/requests",
    "#/devices",
    "#/connect",
    "#/search?q=e",
]
NAMELESS = """
() => [...document.querySelectorAll('a, button, input, select, textarea, dialog, [role]')]
  .filter((element) => element.checkVisibility() && !element.closest('[aria-hidden=true]'))
  .filter((element) => !(element.getAttribute('aria-label') || element.innerText?.trim() || element.title
    || element.labels?.[0]?.textContent.trim() || element.querySelector('img[alt]')))
  .map((element) => element.outerHTML.slice(0, 200))
"""
TOO_WIDE = """
() => [...document.querySelectorAll('body *')]
  .filter((element) => element.checkVisibility())
  .filter((element) => !element.closest('.visually-hidden, .skip-link, pre, .tabs, .line > .grow, svg'))
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
  .map((element) => element.outerHTML.slice(0, 160))
"""
CONTRAST = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest('.visually-hidden, :disabled')) continue;
    const [one, other] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.className} ${element.textContent.slice(0, 40)}`);
  }
  return poor;
}
"""


@pytest.fixture
def filled(client, gateway, receiver):
    client.create_webhook(Webhook(url="https://shop.example.com/" + "long/" * 40, event="sms:received"))
    client.send("Hello", to=[ANNA, "+12025559901"])
    client.send("Hello " * 200, to=ANNA)
    gateway.receive(ANNA, "W" * 2000)
    gateway.add_device("A device with quite a long name, longer than any screen of a phone is wide")


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("place", VIEWS)
def test_everything_has_a_name(filled, new_page, place, width):
    page = new_page(place, width=width)
    expect(page.locator("main h1:visible").first).to_be_visible()
    for toggle in page.locator(".toggle").all():
        toggle.click()

    assert page.evaluate(NAMELESS) == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", VIEWS)
def test_texts_have_contrast(filled, new_page, place, scheme):
    page = new_page(place, color_scheme=scheme)
    expect(page.locator("main h1:visible").first).to_be_visible()

    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("place", VIEWS)
def test_fits_a_phone(filled, new_page, place):
    page = new_page(place, width=360, height=740)
    expect(page.locator("main h1:visible").first).to_be_visible()

    wide = page.evaluate(TOO_WIDE)
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_phone_shows_list_or_conversation(new_page, gateway):
    gateway.receive(ANNA, "Hello")
    page = new_page(width=360, height=740)
    expect(page.locator(".list-pane")).to_be_visible()
    expect(page.locator(".detail-pane")).to_be_hidden()

    page.locator(".conversation a").click()

    expect(page.locator(".bubble")).to_be_visible()
    expect(page.locator(".list-pane")).to_be_hidden()
    page.get_by_role("button", name="Back to messages").click()
    expect(page.locator(".conversation")).to_be_visible()


def test_phone_shows_beginners_how_to_connect(new_page, server):
    page = new_page(width=360, height=740)

    expect(page.locator(".only-narrow").get_by_label("Connection settings")).to_contain_text(server.url)


def test_theme_follows_the_system_until_one_is_chosen(new_page):
    page = new_page(color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light

    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Theme: light").click()

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    page.reload()
    page.wait_for_selector("main > .view")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()


def test_new_messages_are_announced(page, client, gateway):
    live = page.get_by_role("log", name="New messages")

    gateway.receive(ANNA, "Hello there")
    expect(live).to_contain_text(f"Message from {ANNA}: Hello there")

    client.send("Hello back", to=ANNA)
    expect(live).to_contain_text(f"Message to {ANNA}: Hello back")


def test_lists_tell_positions(page, gateway):
    for digit in range(3):
        gateway.receive(f"+1202555010{digit}", "Hello")

    rows = page.get_by_role("list", name="Messages").get_by_role("listitem")
    expect(rows).to_have_count(3)
    assert [row.get_attribute("aria-posinset") for row in rows.all()] == ["1", "2", "3"]
    assert {row.get_attribute("aria-setsize") for row in rows.all()} == {"3"}
