"""Hiding of phone numbers in output that others will see."""

from __future__ import annotations

import re
from typing import Any

from smsgate.cli.json_types import as_list, as_mapping

_NUMBER = re.compile(r"\+?\d[\d ().-]{4,}\d")
_INTERNATIONAL = re.compile(r"\+\d[\d ().-]{4,}\d")
"""A number that no id and no time looks like."""
_PERSONAL = frozenset(
    {"phoneNumber", "phoneNumbers", "sender", "recipient", "recipients", "from", "to", "remote", "number"}
)
"""Wire names of fields that hold numbers."""
_TEXTS = frozenset({"text", "message", "contentPreview", "body", "subject", "error", "reason"})
"""Wire names of fields that may hold a number within a text."""


def hide_numbers(text: str) -> str:
    """Return the text with all but the last two digits of each phone number as ``•``."""
    return _NUMBER.sub(lambda found: _hide(found[0]), text)


def hide_in_document(value: Any, *, name: str = "") -> Any:
    """Return a JSON document whose fields of numbers and texts show the last two digits of a number at most."""
    if (fields := as_mapping(value)) is not None:
        return {key: hide_in_document(one, name=str(key)) for key, one in fields.items()}
    if (items := as_list(value)) is not None:
        return [hide_in_document(one, name=name) for one in items]
    if isinstance(value, str) and name in _PERSONAL:
        return _hide(value)
    if not isinstance(value, str):
        return value
    return (_NUMBER if name in _TEXTS else _INTERNATIONAL).sub(lambda found: _hide(found[0]), value)


def _hide(number: str) -> str:
    digits = sum(character.isdigit() for character in number)
    shown: list[str] = []
    seen = 0
    for character in number:
        seen += character.isdigit()
        shown.append("•" if character.isdigit() and seen <= digits - 2 else character)
    return "".join(shown)
