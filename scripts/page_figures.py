"""Times of the emulator's page with many messages, measured in Chromium: ``python scripts/page_figures.py [COUNT]``."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from smsgate.testing import make_gateway, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from smsgate.emulator import Gateway
    from smsgate.testing import GatewayServer

CONVERSATIONS = 500
LONG = "+12025550000"
"""Number of the one long conversation."""
PATIENCE = 120_000  # milliseconds

SEARCHES = ["m", "me", "order number 9", "nothing has this", "the order is on its way"]
STEPS = 10

LOADING = "import('/_emulator/page/store.js').then(({ store }) => store.loading)"
FRAME = "new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))))"
"""Waits until the browser has painted, and returns the milliseconds since ``start``."""
SCROLL = f"""async (selector) => {{
  const scroller = document.querySelector(selector);
  const times = [];
  for (let step = 1; step <= {STEPS}; step += 1) {{
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


class Stopwatch:
    """Times of a page in milliseconds: as a person sees them, and the processor time of the page's main thread.

    Other programs that keep the processors busy change the former only.

    Args:
        page: a new page.
    """

    def __init__(self, page: Page) -> None:
        self._session = cast("Any", page.context.new_cdp_session(page))  # playwright types its results as dict
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.seen: dict[str, float] = {}
        self.worked: dict[str, float] = {}

    def processor_time(self) -> float:
        """Return the milliseconds that the page's main thread has worked."""
        found: list[dict[str, Any]] = self._session.send("Performance.getMetrics")["metrics"]
        return 1000 * float(next(item["value"] for item in found if item["name"] == "TaskDuration"))

    def note(self, name: str, seen: float, began: float = 0.0, count: int = 1) -> None:
        """Take note of a time, and of the mean processor time of ``count`` actions since a moment."""
        self.seen[name] = seen
        self.worked[name] = (self.processor_time() - began) / count


def measure(browser: Browser, server: GatewayServer) -> Stopwatch:
    """Return the times of a page: of scrolls and searches the worst that is seen, and the mean processor time."""
    origin = "/".join(server.url.split("/")[:3])
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    watch = Stopwatch(page)
    page.goto(f"{origin}/")
    page.wait_for_selector(".conversation")
    watch.note("first paint", page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    watch.note("first row", page.evaluate("performance.now()"))
    while page.evaluate(LOADING):
        page.wait_for_timeout(20)
    watch.note("all messages", page.evaluate("performance.now()"))
    _measure_actions(page, watch, server.gateway)
    page.close()
    return watch


def _measure_actions(page: Page, watch: Stopwatch, gateway: Gateway) -> None:
    began = watch.processor_time()
    watch.note("scroll of the list", page.evaluate(SCROLL, ".list-pane .scroller"), began, STEPS)
    page.evaluate(f"location.hash = '#/messages/{LONG.replace('+', '%2B')}'")
    page.wait_for_selector(".bubble")
    began = watch.processor_time()
    watch.note("scroll of a conversation", page.evaluate(SCROLL, ".detail-pane .scroller"), began, STEPS)
    page.evaluate(
        "scroller = document.querySelector('.detail-pane .scroller'); scroller.scrollTop = scroller.scrollHeight"
    )
    began = watch.processor_time()
    watch.note("search", page.evaluate(SEARCH, SEARCHES), began, len(SEARCHES))
    page.evaluate("location.hash = '#/messages'")
    page.wait_for_selector(".conversation")
    started, began = page.evaluate("performance.now()"), watch.processor_time()
    gateway.receive("+12025559999", "The newest")
    page.wait_for_selector(".conversation >> text=The newest")
    watch.note("new message", page.evaluate("performance.now()") - started, began)


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
        watch = measure(browser, server)
        print(f"{count:,} messages{'seen':>25}{'processor':>14}")
        for name, milliseconds in watch.seen.items():
            print(f"  {name:26} {milliseconds:8.0f} ms {watch.worked[name]:10.0f} ms")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
