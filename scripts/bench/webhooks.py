"""Rows about webhooks: verification and parsing of an event, beside HMAC and `json.loads` alone."""

from __future__ import annotations

from .rows import Row, Side, Target

__all__ = ["ROWS"]

ROWS = (
    Row(
        "webhook",
        "verify and parse one `sms:received` event, beside HMAC-SHA256 and `json.loads` of the same body",
        "event",
        Side("smsgate", "webhook", {"bare": 0}),
        Side("bare", "webhook", {"bare": 1}),
        Target("cpu", 3.0),
    ),
)
