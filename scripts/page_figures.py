"""Times of the emulator's page with many messages, measured in Chromium: ``python scripts/page_figures.py [COUNT]``."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smsgate.testing import make_gateway, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from smsgate.emulator import Gateway
    from smsgate.testing import GatewayServer

CONVERSATIONS = 500
LONG = "+12025550000"
"""Number of the one long conversation."""
PATIENCE = 120_000  # milliseconds

LOADING = "import('/_emulator/page/store.js').then(({ store }) => store.loading)"
FRAME = "new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))))"
"""Waits until the browser has painted, and returns the milliseconds since ``start``."""
SCROLL = f"""async (selector) => {{
  const scroller = document.querySelector(selector);
  const times = [];
  for (let step = 1; step <= 10; step += 1) {{
    const start = performance.now();
    scroller.scrollTop = (scroller.scrollHeight * step * 7) % scroller.scrollHeight;
    times.push(await {FRAME});
  }}
  return Math.max(...times);
}}"""
SEARCH = f"""async (texts) => {{
  const field = document.getElementById('search');
  const times = [];
  for (const text of texts) {{
    const start = performance.now();
    field.value = text;
    field.dispatchEvent(new Event('input'));
    await new Promise((done) => setTimeout(done));
    times.push(await {FRAME});
  }}
  return Math.max(...times);
}}"""


def chromium() -> str:
    """Return the path of Chromium, from the environment or Debian's."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


def fill(gateway: Gateway, count: int) -> None:
    """Store messages: half of them in one conversation, the others in 500."""
    for number in range(count):
        sender = LONG if number % 2 else f"+1202555{number // 2 % CONVERSATIONS + 1:04d}"
        gateway.receive(sender, f"Message number {number}: " + "the order is on its way " * (number % 7))


def measure(browser: Browser, server: GatewayServer) -> dict[str, float]:
    """Return times in milliseconds: the worst of ten scrolls, and of some searches."""
    gateway = server.gateway
    origin = "/".join(server.url.split("/")[:3])
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{origin}/")
    page.wait_for_selector(".conversation")
    found: dict[str, Any] = {
        "first paint": page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"),
        "first row": page.evaluate("performance.now()"),
    }
    while page.evaluate(LOADING):
        page.wait_for_timeout(20)
    found["all messages"] = page.evaluate("performance.now()")
    found["scroll of the list"] = page.evaluate(SCROLL, ".list-pane .scroller")
    page.evaluate(f"location.hash = '#/messages/{LONG.replace('+', '%2B')}'")
    page.wait_for_selector(".bubble")
    found["scroll of a conversation"] = page.evaluate(SCROLL, ".detail-pane .scroller")
    page.evaluate(
        "scroller = document.querySelector('.detail-pane .scroller'); scroller.scrollTop = scroller.scrollHeight"
    )
    found["search"] = page.evaluate(
        SEARCH, ["m", "me", "order number 9", "nothing has this", "the order is on its way"]
    )
    page.evaluate("location.hash = '#/messages'")
    page.wait_for_selector(".conversation")
    started = page.evaluate("performance.now()")
    gateway.receive("+12025559999", "The newest")
    page.wait_for_selector(".conversation >> text=The newest")
    found["new message"] = page.evaluate("performance.now()") - started
    page.close()
    return found


def main() -> int:
    """Print the figures."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this needs it

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    if not Path(chromium()).exists():
        sys.exit(f"There is no Chromium at {chromium()}.")
    gateway = make_gateway({"devices": 2})
    fill(gateway, count)
    with serve(gateway) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        print(f"{count:,} messages")
        for name, milliseconds in measure(browser, server).items():
            print(f"  {name:26} {milliseconds:8.0f} ms")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
