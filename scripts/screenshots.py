"""Pictures of the emulator's page for the documents: ``python scripts/screenshots.py`` writes ``docs/images``."""

from __future__ import annotations

import struct
import sys
import zlib
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from page_figures import chromium
from smsgate import APIClient, RetryPolicy, Webhook, WebhookEvent
from smsgate.emulator import Attachment, Gateway, ManualClock
from smsgate.errors import APIError
from smsgate.testing import serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = Path(__file__).parents[1] / "docs" / "images"
LARGEST = 150_000  # bytes of a picture
DESKTOP, PHONE = (1080, 660), (360, 720)
ANNA, BEN, CARLA, WRONG = "+12025550101", "+12025550102", "+4915112345678", "+12025559901"

PICTURES = [
    ("conversations", "#/messages/%2B12025550101", DESKTOP, "light"),
    ("conversations-dark", "#/messages/%2B12025550101", DESKTOP, "dark"),
    ("webhooks", "#/webhooks", DESKTOP, "light"),
    ("requests", "#/requests", DESKTOP, "light"),
    ("switches", "#/devices", (1080, 940), "light"),
    ("phone", "#/messages/%2B12025550101", PHONE, "light"),
    ("phone-list", "#/messages", PHONE, "dark"),
]
"""Name, place, size, and colours of each picture."""


def main() -> int:
    """Write the pictures; return 1 when one of them is too large."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this needs it

    IMAGES.mkdir(exist_ok=True)
    clock = ManualClock(datetime(2026, 3, 2, 9, 12, tzinfo=timezone.utc))
    gateway = Gateway(devices=2, clock=clock, seed=7)
    with serve(gateway) as server:
        play(gateway, clock, server.url)
        origin = "/".join(server.url.split("/")[:3])
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            sizes = [take(browser, origin, picture) for picture in PICTURES]
            browser.close()
    return int(max(sizes) > LARGEST)


def play(gateway: Gateway, clock: ManualClock, url: str) -> None:
    """Send and receive what the pictures show."""
    gateway.switch(gateway.devices[0].id, failing_numbers={"0199": "RESULT_ERROR_NO_SERVICE"})
    with APIClient(gateway.login, gateway.password, base_url=url, retry=RetryPolicy(max_retries=0)) as client:
        client.create_webhook(Webhook(url="https://shop.example.com/webhooks/sms", event=WebhookEvent.SMS_RECEIVED))
        client.create_webhook(Webhook(url="https://shop.example.com/webhooks/sms", event=WebhookEvent.SMS_DELIVERED))
        client.send("Your code is 482 913. It is valid for ten minutes.", to=CARLA)
        clock.advance(1900)
        client.send("Your table for two is ready at 19:30. Reply 1 to confirm.", to=ANNA)
        clock.advance(240)
        gateway.receive(ANNA, "1")
        clock.advance(65)
        gateway.receive(ANNA, "Can we sit by the window?")
        clock.advance(300)
        client.send("Tomorrow's course starts at nine. Please bring a laptop.", to=[BEN, WRONG, CARLA])
        clock.advance(70)
        gateway.receive(
            ANNA, "This one", type="MMS_DOWNLOADED", attachments=[Attachment(1, "table.png", "image/png", picture())]
        )
        clock.advance(120)
        client.send("It is yours. See you tonight!", to=ANNA)
        try:
            client.get_state("no-such-message")
        except APIError:
            clock.advance(90)
        gateway.receive(BEN, "STOP")
        clock.advance(1)
        deliver(gateway)
        client.send("You get no more messages from us.", to=BEN)


def deliver(gateway: Gateway) -> None:
    """Settle the webhooks' deliveries: one fails and is tried again."""
    for number, attempt in enumerate(gateway.deliveries.due()):
        gateway.deliveries.settle(attempt, 500 if number == 1 else 200, duration=0.018)


def picture() -> bytes:
    """Return a small PNG: an evening sky."""
    width, height = 240, 150
    rows = b"".join(b"\0" + bytes((240 - row, 150 - row // 2, 90 + row // 2)) * width for row in range(height))
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def take(browser: Browser, origin: str, picture: tuple[str, str, tuple[int, int], str]) -> int:
    """Write one picture and return its size in bytes."""
    name, place, size, scheme = picture
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        timezone_id="UTC",
        locale="en-GB",
    )
    page.goto(f"{origin}/{place}")
    prepare(page, name)
    path = IMAGES / f"emulator-{name}.png"
    page.screenshot(path=path)
    page.close()
    print(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}: {path.stat().st_size:,} bytes")
    return path.stat().st_size


def prepare(page: Page, name: str) -> None:
    """Open what the picture shows."""
    page.wait_for_selector(
        ".conversation:visible, .bubble:visible, .delivery:visible, .request:visible, .device:visible"
    )
    if name in {"webhooks", "requests"}:
        row = page.locator(".delivery" if name == "webhooks" else ".request")
        row.filter(has_text="retrying" if name == "webhooks" else "POST").first.get_by_role("link").click()
        page.wait_for_selector(".detail")
    if name.startswith("conversations") or name == "phone":
        page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
    page.wait_for_timeout(300)  # fonts and transitions


if __name__ == "__main__":
    sys.exit(main())
