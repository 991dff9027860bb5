"""Fixtures of the browser tests: Chromium, a served gateway, and an open page that must not report errors."""

from __future__ import annotations

import http.server
import os
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from smsgate import APIClient, RetryPolicy
from smsgate.emulator import WebhookSender
from smsgate.testing import make_gateway, serve

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


@pytest.fixture(scope="module")
def browser():
    """Run Chromium. Only for one module: Playwright's event loop would be in the way of asynchronous tests."""
    from browsing import sync_playwright

    if not Path(CHROMIUM).exists():
        pytest.skip(f"the browser tests need Chromium; there is none at {CHROMIUM}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def gateway(request):
    """Give a gateway; options come from ``@pytest.mark.smsgate(…)``."""
    marker = request.node.get_closest_marker("smsgate")
    return make_gateway(marker.kwargs if marker else {})


@pytest.fixture
def server(gateway):
    """Serve the gateway over a port."""
    with serve(gateway) as running:
        yield running


@pytest.fixture
def client(server):
    """Give a client that sends over the port, so that the request log sees it."""
    with APIClient(server.login, server.password, base_url=server.url, retry=RetryPolicy(max_retries=0)) as api:
        yield api


@pytest.fixture
def origin(server):
    """Give the emulator's origin, such as ``http://127.0.0.1:8787``."""
    return "/".join(server.url.split("/")[:3])


@pytest.fixture
def new_page(browser, origin):
    """Open pages of the emulator; the test fails when one of them reported an error."""
    from browsing import PATIENCE

    contexts, problems = [], []

    def make(place="", *, width=1280, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
        page.on("console", lambda message: message.type == "error" and problems.append(message.text))
        page.goto(f"{origin}/{place}")
        page.wait_for_selector("main > .view")
        return page

    make.problems = problems
    yield make
    for context in contexts:
        context.close()
    assert [problem for problem in problems if "net::ERR" not in problem] == []


@pytest.fixture
def page(new_page):
    """Open the page."""
    return new_page()


@dataclass
class Receiver:
    """A server that gets webhooks."""

    port: int
    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@pytest.fixture
def receiver(gateway):
    """Receive the phones' webhooks for https://shop.example.com, with the statuses of a list, then 200."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.found = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with WebhookSender(gateway, rewrite={"https://shop.example.com": f"http://127.0.0.1:{server.found.port}"}):
        yield server.found
    server.shutdown()
    server.server_close()
    thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        found = self.server.found
        found.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        content = b'{"seen": "<b>it</b>"}'
        self.send_response(found.statuses.pop(0) if found.statuses else 200)
        self.send_header("X-Receiver", "shop")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def conversation():
    """Give the place of a conversation on the page."""
    return lambda number: f"#/messages/{quote(number, safe='')}"
