"""Text messages as a phone splits them, and numbers as it dials them."""

from __future__ import annotations

import re

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Characters that take two places."""
_GSM_SINGLE, _GSM_PART = 160, 153
_WIDE_SINGLE, _WIDE_PART = 70, 67
_LAST_OF_ONE_UNIT = 0xFFFF
_UNDIALLED = re.compile(r"[^0-9+*#]")


def count_parts(text: str) -> int:
    """Return how many SMS a text takes. No part ends within an extended character or a surrogate pair."""
    narrow = _GSM.issuperset(text)
    if narrow and len(text) <= _GSM_SINGLE:
        return 1
    if narrow:
        return -(-len(text) // _GSM_PART)
    if (_GSM | _EXTENDED).issuperset(text):
        return _split([2 if character in _EXTENDED else 1 for character in text], _GSM_SINGLE, _GSM_PART)
    return _split([2 if ord(character) > _LAST_OF_ONE_UNIT else 1 for character in text], _WIDE_SINGLE, _WIDE_PART)


def _split(widths: list[int], single: int, part: int) -> int:
    if sum(widths) <= single:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return parts


def dialled(number: str) -> str:
    """Return a number as it is dialled: digits, ``+``, ``*`` and ``#``; a text without any of them as it is."""
    return _UNDIALLED.sub("", number) or number
