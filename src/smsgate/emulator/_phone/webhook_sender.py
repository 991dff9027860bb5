"""Webhook sender: a thread that makes the due deliveries one after the other, as the app's worker does."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from smsgate.phone import KEPT_RESPONSE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from smsgate.emulator._phone.deliveries import Deliveries
    from smsgate.phone import Attempt


class HasDeliveries(Protocol):
    """Protocol of a gateway with due deliveries."""

    @property
    def deliveries(self) -> Deliveries:
        """The queue of webhook deliveries."""
        ...


TIMEOUT = 5.0
"""Seconds that the app waits for a connection, and for the next byte of a response."""

TOTAL_TIMEOUT = 30.0
"""Seconds that a whole attempt may take."""

_ROUND = 20


@dataclass(slots=True)
class _Result:
    """Result of one request, complete or not."""

    status: int | None = None
    error: str | None = None
    response_headers: list[tuple[str, str]] = field(default_factory=list["tuple[str, str]"])
    response_body: bytes = b""


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
        for count in range(_ROUND):
            attempts = self._gateway.deliveries.due(1)  # one by one, because each is signed with its own time
            if not attempts:
                return count
            started = time.monotonic()
            result = self._send(attempts[0], started + TOTAL_TIMEOUT)
            self._gateway.deliveries.settle(
                attempts[0],
                result.status,
                error=result.error,
                duration=time.monotonic() - started,
                response_headers=result.response_headers,
                response_body=result.response_body,
            )
        return _ROUND

    def _send(self, attempt: Attempt, deadline: float) -> _Result:
        """Send one request. As for the app, a response counts only when its whole body has come in time."""
        result = _Result()
        try:
            with self._client.stream(
                "POST", self._target(attempt.url), content=attempt.body, headers=dict(attempt.headers)
            ) as response:
                result.response_headers = response.headers.multi_items()
                for chunk in response.iter_raw():
                    result.response_body = (result.response_body + chunk)[:KEPT_RESPONSE]
                    if time.monotonic() > deadline:
                        result.error = f"The response took more than {TOTAL_TIMEOUT:g} seconds."
                        return result
                result.status = response.status_code
        except (self._httpx.HTTPError, self._httpx.InvalidURL, UnicodeError) as error:  # the last for host names
            result.error = str(error) or type(error).__name__
        finally:
            self._client.cookies.clear()  # the app keeps none
        return result

    def _target(self, url: str) -> str:
        for start, replacement in self._rewrite.items():
            if url.startswith(start):
                return replacement + url[len(start) :]
        return url

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self.deliver_due():
                self._stopping.wait(self._interval)
