"""Webhook events that can be registered, and URLs that can be called."""

from __future__ import annotations

from urllib.parse import urlsplit

from smsgate_api.models import WebhookEvent

EVENTS = frozenset(event.value for event in WebhookEvent)
"""Names of all events."""


def is_http_url(url: str) -> bool:
    """Return whether a text is an absolute http(s) URL with a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in {"http", "https"} and bool(parts.hostname)
