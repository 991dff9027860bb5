"""Search over messages, deliveries and requests."""

from __future__ import annotations

from browsing import expect
from smsgate import Webhook

ANNA, BEN, FAILING = "+12025550101", "+12025550102", "+12025559901"


def test_search_finds_texts_numbers_states_and_reasons(page, client, gateway):
    client.send("Your table is ready", to=ANNA)
    client.send("Your taxi is there", to=FAILING)
    gateway.receive(BEN, "Which TABLE?")
    results = page.locator(".results .item")
    sent = client.send("Third", to=ANNA)
    found = {
        sent.id[:5]: 1,
        sent.id[5:]: 1,
        "table": 2,
        "TABLE ready": 1,
        "5550102": 1,
        "failed": 1,
        "result_error": 1,
        "taxi table": 0,
        "(": 1,
    }
    for text, count in found.items():
        page.get_by_role("searchbox").fill(text)
        page.get_by_role("button", name="Messages").click()
        expect(results).to_have_count(count)
        if not count:
            expect(page.get_by_text("Nothing was found")).to_be_visible()


def test_short_words_are_not_found_in_ids(page, client):
    for number in range(30):
        client.send(f"Message {number}", to=ANNA)

    page.get_by_role("searchbox").fill("q")
    page.get_by_role("button", name="Messages").click()

    expect(page.get_by_text("Nothing was found")).to_be_visible()


def test_result_leads_to_its_message_with_the_words_marked(page, client):
    client.send("Your table is ready", to=ANNA)
    page.get_by_role("searchbox").fill("table")
    expect(page.locator(".results mark")).to_have_text("table")

    page.locator(".results .item a").first.click()

    expect(page.locator(".bubble.shown mark")).to_have_text("table")
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("table")
    expect(page.locator(".results .item").first).to_be_visible()


def test_search_finds_deliveries_and_requests_by_their_bodies(page, client, gateway, receiver):
    client.create_webhook(Webhook(url="https://shop.example.com/hook", event="sms:received"))
    client.send("needle one", to=ANNA)
    gateway.receive(BEN, "needle two")
    expect(page.locator(".conversation")).to_have_count(2)

    page.get_by_role("searchbox").fill("needle")

    expect(page.get_by_role("button", name="Messages 2")).to_be_visible()
    expect(page.get_by_role("button", name="Webhooks 1")).to_be_visible()
    expect(page.get_by_role("button", name="Requests 1")).to_be_visible()
    page.get_by_role("button", name="Requests 1").click()
    page.locator(".results .item a").click()
    expect(page.locator(".detail-pane h1")).to_contain_text("POST /3rdparty/v1/messages")


def test_search_is_kept_in_the_url(new_page, client):
    client.send("Your table is ready", to=ANNA)

    page = new_page("#/search?q=table")

    expect(page.get_by_role("searchbox")).to_have_value("table")
    expect(page.locator(".results .item").first).to_contain_text(ANNA)


def test_new_messages_join_the_results(page, client):
    page.get_by_role("searchbox").fill("table")
    expect(page.get_by_text("Nothing was found")).to_be_visible()

    client.send("Your table is ready", to=ANNA)

    expect(page.locator(".results .item").first).to_contain_text("Your table is ready")
