"""Pieces of long JSON lists.

Parsers hold the GIL from the first byte to the last. A list that is parsed item by item, and validated a few items at a
time, leaves the event loop its turns, and few parsed items exist at once.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Piece", "is_list", "split_list"]

_MOST_ITEMS = 64
_MOST_CHARACTERS = 64 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")
_parse = json.JSONDecoder().raw_decode


class Piece(NamedTuple):
    """Consecutive items of a list.

    Attributes:
        texts: the items as JSON.
        items: the same, parsed.
    """

    texts: list[bytes]
    items: list[Any]


def is_list(text: str) -> bool:
    """Tell whether JSON text begins like a list."""
    return text.startswith("[", _skip_space(text, 0))


def split_list(text: str) -> Iterator[Piece]:
    """Yield the items of a list in pieces of some 64 items or 64 KiB.

    Raises:
        ValueError: the text is no JSON list.
        RecursionError: an item is nested too deeply.
    """
    at = _skip_space(text, _skip_space(text, 0) + 1)
    is_end = text.startswith("]", at)
    while not is_end:
        begin = at
        piece = Piece([], [])
        while not is_end and len(piece.items) < _MOST_ITEMS and at - begin < _MOST_CHARACTERS:
            item, end = _parse(text, at)
            piece.items.append(item)
            piece.texts.append(text[at:end].encode())
            at = _skip_space(text, end)
            is_end = text.startswith("]", at)
            if not is_end:
                if not text.startswith(",", at):
                    raise ValueError("there is no comma between two items of a list")
                at = _skip_space(text, at + 1)
        yield piece
    if _skip_space(text, at + 1) != len(text):
        raise ValueError("there is text behind a list")


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
