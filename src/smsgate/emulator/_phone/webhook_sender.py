"""Webhook sender: a thread that makes the due deliveries one after the other, as the app's worker does."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from smsgate.emulator._phone.deliveries import Deliveries
    from smsgate.phone import Attempt


class HasDeliveries(Protocol):
    """Protocol of a gateway, for the sender."""

    @property
    def deliveries(self) -> Deliveries:
        """The queue of webhook deliveries."""
        ...


TIMEOUT = 5.0
"""Seconds that the app waits for a connection, and for the next byte of a response."""


class WebhookSender:
    """Sender of the webhook events of a gateway to real URLs, in its own thread or by `deliver_due`.

    Args:
        gateway: source of the events.
        rewrite: replacements for beginnings of URLs: a cloud server rejects ``http://``, so a test
            registers ``https://example.com/sms`` and rewrites ``{"https://example.com": "http://127.0.0.1:8000"}``.
        interval: seconds between two checks for due deliveries.

    Example:
        >>> from smsgate.emulator import Gateway
        >>> with WebhookSender(Gateway(), rewrite={"https://example.com": "http://127.0.0.1:8000"}):
        ...     pass
    """

    def __init__(
        self, gateway: HasDeliveries, *, rewrite: Mapping[str, str] | None = None, interval: float = 0.05
    ) -> None:
        self._gateway = gateway
        self._rewrite = dict(rewrite or {})
        self._interval = interval
        self._httpx: Any = import_module("httpx")  # only who delivers pays for it
        self._client: Any = self._httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the thread."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="smsgate-deliverer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop permanently after the current request."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
        self._client.close()

    def deliver_due(self) -> int:
        """Send at most twenty due deliveries; return the number of requests."""
        attempts = self._gateway.deliveries.due()
        for attempt in attempts:
            self._gateway.deliveries.settle(attempt, self._send(attempt))
        return len(attempts)

    def _send(self, attempt: Attempt) -> int | None:
        try:
            response = self._client.post(self._target(attempt.url), content=attempt.body, headers=dict(attempt.headers))
        except (self._httpx.HTTPError, self._httpx.InvalidURL):
            return None
        status: int = response.status_code
        return status

    def _target(self, url: str) -> str:
        for start, replacement in self._rewrite.items():
            if url.startswith(start):
                return replacement + url[len(start) :]
        return url

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self.deliver_due():
                self._stopping.wait(self._interval)
