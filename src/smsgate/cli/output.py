"""Output of commands: events as lines for people or JSON for programs, and messages on the standard error."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from smsgate.runtime.printable import escape

if TYPE_CHECKING:
    from smsgate import webhooks

FORMATS = ("table", "json", "jsonl")
_NO_LIMIT = sys.maxsize
_WIDTHS = (8, 18, 21, 16)


def format_event(event: webhooks.Event, output: str, now: datetime | None = None) -> str:
    """Return the text of one event.

    Args:
        event: the event.
        output: ``table`` (time, event, device, other end, content), ``json`` (indented) or ``jsonl`` (one line).
        now: the time in the line; default is the clock.
    """
    document = event.model_dump(mode="json", by_alias=True, exclude_none=True)
    if output == "jsonl":
        return json.dumps(document)
    if output == "json":
        return json.dumps(document, indent=2)
    moment = (now or datetime.now(timezone.utc)).astimezone().strftime("%H:%M:%S")
    payload: dict[str, Any] = document["payload"]
    cells = (moment, event.event, event.device_id, str(getattr(event.payload, "remote", None) or ""))
    padded = (escape(cell, _NO_LIMIT).ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    return "  ".join([*padded, escape(_get_content(payload), _NO_LIMIT)]).rstrip()


def print_error(text: str) -> None:
    """Print a line to the standard error; a closed terminal is ignored."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command talks to its terminal


def _get_content(payload: dict[str, Any]) -> str:
    for name in ("message", "body", "subject", "reason", "data"):
        if payload.get(name):
            return str(payload[name])
    messages: list[Any] = payload.get("messages") or []
    return f"{len(messages)} messages" if messages else str(payload.get("messageId", ""))
