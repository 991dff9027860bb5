"""Escaping: the one place through which the text of a document reaches generated code."""

from __future__ import annotations

import math
from typing import Any, cast


def escape(text: str, *, keep_quotes: bool = False) -> str:
    """Escape text so that it cannot end a string literal, start a line or reorder the display of an editor.

    Args:
        text: any text, lone surrogates included.
        keep_quotes: leave double quotes as they are, for docstrings.
    """
    return "".join(_escape_character(character, keep_quotes=keep_quotes) for character in text)


def _escape_character(character: str, *, keep_quotes: bool) -> str:
    if character == "\\" or (character == '"' and not keep_quotes):
        return f"\\{character}"
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def literal(value: Any) -> str:
    """Write a JSON value as a Python literal.

    Raises:
        ValueError: it is no JSON value, or a number that is not finite.
    """
    if isinstance(value, str):
        return f'"{escape(value)}"'
    if value is None or isinstance(value, bool | int):
        return repr(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, list):
        items: list[Any] = cast("Any", value)
        return f"[{', '.join(map(literal, items))}]"
    if isinstance(value, dict):
        entries: dict[str, Any] = cast("Any", value)
        return f"{{{', '.join(f'{literal(str(key))}: {literal(item)}' for key, item in entries.items())}}}"
    raise ValueError(f"{type(value).__name__} is no JSON value")


def docstring(text: str, indent: int) -> str:
    """Write a description as a docstring whose further lines are indented by a number of spaces."""
    keep_quotes = '""' not in text and not text.endswith('"')
    margin = " " * indent
    lines = [escape(line.rstrip(), keep_quotes=keep_quotes) for line in text.replace("\r\n", "\n").split("\n")]
    if len(lines) == 1:
        return f'"""{lines[0]}"""'
    return f'"""{lines[0]}\n' + "".join(f"{margin}{line}\n" if line else "\n" for line in lines[1:]) + f'{margin}"""'
