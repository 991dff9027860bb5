"""Lost connections, restarts, and pages of other origins."""

from __future__ import annotations

import base64
import http.server
import threading

import pytest

from browsing import expect
from smsgate._server_socket import open_listener
from smsgate.emulator import Attachment, EmulatorApp
from smsgate.emulator._server.data_file import DataFile
from smsgate.emulator._server.keeper import Keeper
from smsgate.testing import make_gateway

ANNA = "+12025550101"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC"
)


class Restartable:
    """A served gateway that can be stopped and started again on the same port."""

    def __init__(self, data=None):
        self.port = 0
        self.gateway = None
        self.keeper = None
        self.data = data

    def start(self):
        import uvicorn

        self.gateway = make_gateway()
        if self.data is not None:
            self.keeper = Keeper(self.gateway, DataFile(self.data))
        self.listener = open_listener("127.0.0.1", self.port)
        self.port = self.listener.getsockname()[1]
        app = EmulatorApp(self.gateway, keeper=self.keeper)
        config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})
        self.thread.start()

    def stop(self):
        self.server.should_exit = True
        self.thread.join()
        self.listener.close()
        if self.keeper is not None:
            self.keeper.file.close()


@pytest.fixture
def restartable(request, tmp_path):
    running = Restartable(tmp_path / "sms.db" if getattr(request, "param", False) else None)
    running.start()
    yield running
    if running.thread.is_alive():
        running.stop()


@pytest.fixture
def origin(restartable):
    return f"http://127.0.0.1:{restartable.port}"


def test_lost_connection_is_told_and_mended_by_itself(page, restartable):
    restartable.gateway.receive(ANNA, "before")
    expect(page.locator(".conversation")).to_contain_text("before")
    expect(page.locator("#connection")).to_have_text("Live")

    restartable.stop()

    expect(page.get_by_role("alert")).to_contain_text("connection to the emulator is lost")
    restartable.start()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.get_by_text("No messages yet").first).to_be_visible()  # another emulator, which has none
    restartable.gateway.receive(ANNA, "after")
    expect(page.locator(".conversation")).to_contain_text("after")


def test_action_without_an_emulator_is_told(page, restartable):
    restartable.gateway.receive(ANNA, "before")
    page.locator(".conversation a").click()
    restartable.stop()

    page.get_by_label(f"Reply as {ANNA}").fill("Lost?")
    page.keyboard.press("Enter")

    expect(page.get_by_text("The emulator does not respond.")).to_be_visible()
    expect(page.get_by_label(f"Reply as {ANNA}")).to_have_value("Lost?")


@pytest.mark.parametrize("restartable", [True], indirect=True, ids=["data"])
def test_data_file_that_cannot_be_written_is_told(new_page, restartable):
    page = new_page()
    path = restartable.data
    moved = path.rename(path.with_name("moved.db"))
    body = "{ method: 'POST', body: JSON.stringify({ sender: '1', text: 'x' }) }"
    assert page.evaluate(f"fetch('/_emulator/receive', {body}).then((response) => response.status)") == 500

    expect(page.get_by_role("alert")).to_contain_text("was removed or replaced")

    moved.rename(path)
    restartable.keeper.save()
    expect(page.get_by_role("alert")).to_be_hidden()
    new_page.problems.clear()  # the browser reports the 500


ATTACK = """async (origin) => {
  const results = [];
  const body = JSON.stringify({ sender: '+1', text: 'forged' });
  for (const options of [
    { method: 'POST', body },
    { method: 'POST', body, mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } },
    { method: 'POST', body, headers: { 'Content-Type': 'application/json' } },
  ]) {
    for (const path of ['/_emulator/receive', '/emulator/receive', '/_emulator/reset', '/_emulator/outage']) {
      const keep = (response) => results.push(response.status);
      await fetch(origin + path, options).then(keep, () => results.push('blocked'));
    }
  }
  return results;
}"""


@pytest.fixture
def elsewhere(browser):
    """Open a page of another origin."""

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
    yield page
    context.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_page_elsewhere_cannot_control_the_emulator(elsewhere, restartable, origin):
    restartable.gateway.receive(ANNA, "mine")

    results = elsewhere.evaluate(ATTACK, origin)

    assert set(results) <= {403, 0, "blocked"}
    incoming = elsewhere.request.get(f"{origin}/_emulator/incoming").json()
    assert [item["text"] for item in incoming["items"]] == ["mine"]


def test_page_elsewhere_learns_nothing_from_pictures_and_scripts(elsewhere, restartable, origin):
    """A request that waits for a message would tell by its time what is in the outbox."""
    files = [Attachment(1, "a", "image/png", PNG)]
    mms = restartable.gateway.receive(ANNA, type="MMS_DOWNLOADED", attachments=files)
    places = [f"/_emulator/incoming/{mms.id}/attachments/1", "/_emulator/page/favicon.svg", "/_emulator/wait?timeout=0"]

    for tag, attribute in (("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src")):
        for place in places:
            elsewhere.evaluate(
                """([tag, attribute, url]) => new Promise((done) => {
                  const element = document.createElement(tag);
                  element.rel = 'stylesheet';
                  element.onload = element.onerror = done;
                  element[attribute] = url;
                  document.body.append(element);
                })""",
                [tag, attribute, origin + place],
            )

    assert elsewhere.evaluate("[...document.images].map((image) => image.naturalWidth)") == [0] * len(places)
    assert all(frame.locator("img, svg, pre:has-text('items')").count() == 0 for frame in elsewhere.frames[1:])
    seen = "performance.getEntriesByType('resource').map((entry) => [entry.name, entry.responseStatus ?? 0])"
    assert {status for url, status in elsewhere.evaluate(seen) if url.startswith(origin)} <= {0, 403}


def test_page_elsewhere_can_neither_read_nor_frame(elsewhere, origin):
    read = elsewhere.evaluate(
        "(url) => fetch(url).then((response) => response.text(), () => 'blocked')", f"{origin}/_emulator/state"
    )
    assert read == "blocked"
    elsewhere.evaluate(
        """(url) => new Promise((done) => {
          const frame = document.createElement('iframe');
          frame.onload = done;
          frame.src = url;
          document.body.append(frame);
        })""",
        f"{origin}/",
    )

    assert all(frame.locator(".brand").count() == 0 for frame in elsewhere.frames[1:])
