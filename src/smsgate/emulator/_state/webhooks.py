"""Webhook events that can be registered, and URLs that can be called."""

from __future__ import annotations

import re

from smsgate_api.models import WebhookEvent

EVENTS = frozenset(event.value for event in WebhookEvent)
"""Names of all events."""

_ESCAPED = r"%[0-9A-Fa-f]{2}"
_URL = re.compile(
    r"https?://"
    rf"(?:(?:[\w.~:!$&'()*+,;=@-]|{_ESCAPED})*@)?"
    r"(?P<host>(?:\[[^\]\s]+\]|(?:[^\x00-\x7f]|[\w.~!$&'()*+,;=<>\"\]-]|%25|%[89a-f][0-9a-f])*)(?::[0-9]*)?)"
    rf"(?:/(?:[^%?#]|{_ESCAPED})*)?"
    r"(?:\?[^#]*)?"
    rf"(?:#(?:[^%]|{_ESCAPED})*)?",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def is_http_url(url: str) -> bool:
    """Return whether a text is an absolute http(s) URL with a host, by the rules of the server's URL parser.

    Blanks are allowed in path, query and fragment, control characters in the fragment only.
    """
    parsed = _URL.fullmatch(url)
    return bool(parsed and parsed["host"]) and not _CONTROL.search(url.partition("#")[0])
