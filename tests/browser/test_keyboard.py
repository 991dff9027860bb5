"""Use without a mouse."""

from __future__ import annotations

import pytest

from browsing import expect

NUMBERS = [f"+1202555010{digit}" for digit in range(5)]


def focused(page):
    return page.evaluate("document.activeElement.textContent")


def test_rows_are_reached_with_j_and_k_and_opened_with_enter(page, gateway):
    for number in NUMBERS:
        gateway.receive(number, f"from {number}")
    expect(page.locator(".conversation")).to_have_count(5)

    page.keyboard.press("j")
    assert NUMBERS[4] in focused(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert NUMBERS[2] in focused(page)
    page.keyboard.press("k")
    assert NUMBERS[3] in focused(page)
    page.keyboard.press("ArrowDown")
    assert NUMBERS[2] in focused(page)
    page.keyboard.press("Enter")

    expect(page.locator(".detail-pane h1")).to_contain_text(NUMBERS[2])
    assert page.url.endswith("#/messages/%2B12025550102")

    page.keyboard.press("Escape")

    expect(page.locator(".detail-pane h1")).to_have_count(0)
    expect(page.locator(".conversation a:focus")).to_contain_text(NUMBERS[2])


@pytest.mark.parametrize("width", [390, 1280])
def test_focus_goes_into_a_conversation_and_back_to_its_row(new_page, gateway, width):
    for number in range(40):
        gateway.receive(f"+120255501{number:02d}", f"Message {number}")
    page = new_page(width=width)
    expect(page.locator(".conversation")).not_to_have_count(0)
    for _ in range(30):
        page.keyboard.press("j")
    row = page.locator(".conversation a:focus")
    expect(row).to_contain_text("+12025550110")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble")).to_have_count(1)

    if width == 390:
        expect(page.locator(".detail-pane:focus")).to_have_count(1)
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Back to messages")).to_be_focused()
        page.keyboard.press("Enter")
    else:
        expect(row).to_have_count(1)
        page.keyboard.press("Escape")

    expect(row).to_contain_text("+12025550110")
    page.keyboard.press("k")
    expect(row).to_contain_text("+12025550111")


def test_focus_stays_on_its_row_when_the_list_changes(page, gateway):
    for number in NUMBERS:
        gateway.receive(number, "hello")
    expect(page.locator(".conversation")).to_have_count(5)
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert NUMBERS[3] in focused(page)

    gateway.receive(NUMBERS[0], "to the top")

    expect(page.locator(".conversation").first).to_contain_text(NUMBERS[0])
    assert NUMBERS[3] in focused(page)


def test_slash_searches_and_escape_leaves(page, gateway):
    gateway.receive(NUMBERS[0], "n j k ? words")
    expect(page.locator(".conversation")).to_have_count(1)

    page.keyboard.press("/")
    page.keyboard.type("n ?")
    expect(page.locator(".results .item")).to_have_count(1)
    page.keyboard.press("Enter")
    assert NUMBERS[0] in focused(page)
    page.keyboard.press("Escape")

    expect(page.locator(".conversation")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_dialogs_open_and_close_and_give_the_focus_back(page):
    page.get_by_role("button", name="Keyboard shortcuts").focus()
    for key, name in (("?", "Keyboard"), ("n", "Incoming message")):
        page.keyboard.press(key)
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.get_by_role("button", name="Keyboard shortcuts")).to_be_focused()


def test_numbers_choose_views_and_t_the_theme(page):
    for key, name in (("2", "Webhooks"), ("3", "Requests"), ("4", "Devices"), ("5", "Connect"), ("1", "Messages")):
        page.keyboard.press(key)
        expect(page.locator(".views a[aria-current]")).to_have_text(name)
        expect(page).to_have_title(f"{name} · SMSGate emulator")
    themes = []
    for _ in range(3):
        page.keyboard.press("t")
        themes.append(page.evaluate("document.documentElement.dataset.theme"))
    assert themes == ["light", "dark", "system"]


def test_letters_with_modifiers_and_in_fields_do_nothing(page, gateway):
    gateway.receive(NUMBERS[0], "hello")
    page.locator(".conversation a").click()
    page.keyboard.press("Control+j")
    page.keyboard.press("r")
    page.keyboard.type("njkt?/1")

    expect(page.locator(".composer textarea")).to_have_value("njkt?/1")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_tab_reaches_the_parts_in_order(page, gateway):
    gateway.receive(NUMBERS[0], "hello")
    page.locator(".conversation a").click()
    page.reload()
    page.wait_for_selector(".bubble")
    names = []
    for _ in range(16):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim()"
            )
        )

    wanted = ["Skip to content", "Search everything", "Incoming message", "Messages", "Connect", "Mark all as read"]
    positions = [names.index(next(name for name in names if name.startswith(start))) for start in wanted]
    assert positions == sorted(positions)


def test_skip_button_moves_the_focus_to_the_content(page):
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to content")).to_be_focused()

    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


def test_focus_is_visible(page):
    page.keyboard.press("Tab")
    for _ in range(10):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")

        assert outline == "solid", page.evaluate("document.activeElement.outerHTML")
