"""Redaction of values for a model's repr: personal or secret text becomes ``…``."""

from __future__ import annotations

import re
from datetime import datetime
from enum import Enum
from typing import Any, cast
from urllib.parse import urlsplit

from pydantic import BaseModel

__all__ = ["Hidden", "redact", "redact_url"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_:.-]{0,63}")
"""Key of a map that is a name, such as of a state or a health check."""


class Hidden:
    """Placeholder in a repr for text that may be personal or secret."""

    __slots__ = ("text",)

    def __init__(self, text: str = "…") -> None:
        self.text: str = text

    def __repr__(self) -> str:
        return self.text


def redact(name: str, value: Any) -> Any:
    """Return a field's value for a repr: text other than ids as ``…``, all other values as they are."""
    if value is None or isinstance(value, (bool, int, float, datetime, Enum, BaseModel)):
        return value
    if isinstance(value, str):
        return value if name == "id" or name.endswith("_id") else Hidden()
    if isinstance(value, list):
        items: list[Any] = cast("Any", value)
        return [redact(name, item) for item in items]
    if isinstance(value, dict):
        entries: dict[Any, Any] = cast("Any", value)
        if all(isinstance(item, (datetime, BaseModel)) for item in entries.values()):
            return {key if _NAME.fullmatch(key) else Hidden(): item for key, item in entries.items()}
        return Hidden("{…}")
    return Hidden()


def redact_url(url: str) -> str:
    """Return a URL without user name, password, query and fragment, which may hold secrets; ``…`` if it is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    if not parts.hostname:
        return "…"
    rest = "?…" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{rest}"
