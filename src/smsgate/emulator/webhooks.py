"""Webhook registrations of the cloud server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smsgate.emulator.answers import RefusedError, empty, json_answer
from smsgate.emulator.messages import collated
from smsgate.emulator.shapes import Failures, body, struct, text

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator.books import Books
    from smsgate.emulator.routing import Call

EVENTS = (
    "sms:received",
    "sms:data-received",
    "sms:sent",
    "sms:delivered",
    "sms:failed",
    "sms:cancelled",
    "system:ping",
    "mms:received",
    "mms:downloaded",
    "app:started",
    "sms:batch:received",
    "sms:batch:data-received",
    "mms:batch:received",
    "mms:batch:downloaded",
)

_WEBHOOK = struct("Webhook", {"id": text, "deviceId": text, "url": text, "event": text})
_MAX_URL = 256


def list_webhooks(books: Books, _call: Call) -> Response:
    """Answer ``GET /webhooks``."""
    books.need_database("failed to select webhooks: failed to select webhooks")
    return json_answer(200, list(books.webhooks.values()))


def create_webhook(books: Books, call: Call) -> Response:
    """Answer ``POST /webhooks``: 201, also when an id is replaced."""
    given: dict[str, str] = body(call, _WEBHOOK)
    url = given.get("url", "")
    _check(given, url)
    books.need_database("failed to write webhook: failed to verify device ownership")
    device_id = given.get("deviceId")
    if device_id is not None and books.device(device_id) is None:
        raise RefusedError(400, f'invalid "device_id" = "{device_id}": record not found')
    if len(url) > _MAX_URL:
        reason = "Error 1406 (22001): Data too long for column 'url' at row 1"
        raise RefusedError(500, f"failed to write webhook: failed to replace webhook: {reason}")
    identity = given.get("id") or books.new_id()
    hook: dict[str, Any] = {"id": identity, "deviceId": device_id, "url": url, "event": given["event"]}
    books.webhooks[collated(identity)] = hook
    return json_answer(201, hook)


def delete_webhook(books: Books, call: Call) -> Response:
    """Answer ``DELETE /webhooks/{id}``: always 204."""
    books.need_database("failed to delete webhook: failed to delete webhooks")
    books.webhooks.pop(collated(call.params[0]), None)
    return empty(204)


def _check(given: dict[str, str], url: str) -> None:
    failures = Failures("Webhook")
    failures.check("ID", ("max", len(given.get("id", "")) <= 36))  # noqa: PLR2004 - documented limits
    failures.check("DeviceID", ("max", len(given.get("deviceId", "")) <= 21))  # noqa: PLR2004
    failures.check("URL", ("required", bool(url)), ("http_url", is_http_url(url)))
    failures.check("Event", ("required", bool(given.get("event"))))
    failures.settle()
    if given["event"] not in EVENTS:
        raise RefusedError(400, "failed to validate: validation failed: invalid event type")
    if not url.lower().startswith("https://"):
        raise RefusedError(400, "failed to validate: validation failed: url must start with https://")


def is_http_url(url: str) -> bool:
    """Tell whether a text is an absolute http(s) URL with a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in {"http", "https"} and bool(parts.hostname)
