"""Settings and webhooks of a phone's local server: one phone's own, effective defaults shown, secrets writable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smsgate.emulator.answers import RefusedError, empty, json_answer
from smsgate.emulator.local_bodies import read_body
from smsgate.emulator.settings import SECTIONS
from smsgate.emulator.shapes import Fraction, UnreadableError, parse_json, struct, text
from smsgate.emulator.webhooks import EVENTS, is_http_url

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator.books import Books
    from smsgate.emulator.routing import Call

DEFAULTS: dict[str, dict[str, Any]] = {
    "gateway": {"cloud_url": "https://api.sms-gate.app/mobile/v1", "notification_channel": "AUTO"},
    "messages": {"limit_period": "Disabled", "sim_selection_mode": "OSDefault", "processing_order": "LIFO"},
    "ping": {},
    "logs": {"lifetime_days": 30},
    "webhooks": {"internet_required": True, "retry_count": 15},
}
"""What a fresh app shows; ``encryption`` is never shown and ``receiver`` is not known."""

_SECRETS = {"passphrase", "private_token", "signing_key"}
_WEBHOOK = struct("WebHookDTO", {"id": text, "deviceId": text, "url": text, "event": text})


def get_settings(books: Books, _call: Call) -> Response:
    """Answer ``GET /settings``: effective values, without secrets and without what is unset."""
    return json_answer(200, _effective(books), local=True)


def _effective(books: Books) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for section, defaults in DEFAULTS.items():
        stored: dict[str, Any] = books.settings.get(section, {})
        values = {**defaults, **{name: value for name, value in stored.items() if value is not None}}
        shown[section] = {name: value for name, value in values.items() if name not in _SECRETS}
    return shown


def patch_settings(books: Books, call: Call) -> Response:
    """Answer ``PATCH /settings``: null is the default again; unknown sections and fields are skipped."""
    try:
        for section, values in _object(parse_json(call.content), "the request").items():
            if section in SECTIONS and section != "receiver":
                _import(books, section, values)
    except UnreadableError as error:
        raise RefusedError(400, f"Invalid request: {error}") from None
    return json_answer(200, _effective(books), local=True)


def _import(books: Books, section: str, values: Any) -> None:
    stored: dict[str, Any] = books.settings.setdefault(section, {})
    for name, value in _object(values, section).items():
        leaf = SECTIONS[section].get(name)
        if leaf is None:
            continue
        if leaf.tag == "oneof" and value is not None and not leaf.allows(value):
            raise UnreadableError(f"Failed to import {section}: No enum constant {value}")
        stored[name] = int(float(value.literal)) if isinstance(value, Fraction) else value


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableError(f"{what} is no object")
    return value  # pyright: ignore[reportUnknownVariableType]


def list_webhooks(books: Books, _call: Call) -> Response:
    """Answer ``GET /webhooks``: ``source`` instead of ``deviceId``."""
    return json_answer(200, list(books.webhooks.values()), local=True)


def create_webhook(books: Books, call: Call) -> Response:
    """Answer ``POST /webhooks``: 201; ``https://``, or ``http://127.0.0.1``."""
    given: dict[str, str] = read_body(call, _WEBHOOK)
    device_id = books.devices[0].id
    if given.get("deviceId", device_id) != device_id:
        raise RefusedError(400, "Device ID mismatch")
    url = given.get("url", "")
    secure = url.lower().startswith("https://")
    if not is_http_url(url) or not (secure or urlsplit(url).hostname == "127.0.0.1"):
        raise RefusedError(400, "url must start with https:// or http://127.0.0.1")
    if given.get("event") not in EVENTS:
        raise RefusedError(400, "Unsupported event")
    identity = given.get("id") or books.new_id()
    books.webhooks[identity] = {"id": identity, "url": url, "event": given["event"], "source": "Local"}
    return json_answer(201, books.webhooks[identity], local=True)


def delete_webhook(books: Books, call: Call) -> Response:
    """Answer ``DELETE /webhooks/{id}``: always 204."""
    books.webhooks.pop(call.params[0], None)
    return empty(204)
