"""Foreign text in error messages and logs: shortened, without control characters."""

from __future__ import annotations

__all__ = ["MAX_PRINTABLE", "escape"]

MAX_PRINTABLE = 500
"""Characters of an error's text: a server's may have megabytes, and go into logs and onto terminals."""


def escape(text: str, limit: int = MAX_PRINTABLE) -> str:
    """Return at most ``limit`` characters of a text, with those that cannot be printed escaped as in Python.

    Line breaks would forge log records, escape sequences change a terminal, and marks of writing direction reorder it.
    """
    if len(text) <= limit and text.isprintable():
        return text
    escaped = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text[: limit + 1])
    return escaped if len(text) <= limit and len(escaped) <= limit else f"{escaped[: limit - 1]}…"
