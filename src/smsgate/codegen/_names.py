"""Python names for schemas, properties, parameters, operations and enum members."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[A-Za-z0-9]+")
BUILTINS = frozenset(dir(builtins)) - {"id"}
"""Names of the language's own that generated code may use; ``id`` is a gateway's own word."""


def snake_case(text: str, prefix: str) -> str:
    """Return a lower-case name; a prefix is added where it would begin with a digit or be empty."""
    words = [word for part in _words(text) for word in _CAMEL.split(part)]
    return _start_with_letter("_".join(words).lower(), f"{prefix}_")


def pascal_case(text: str, prefix: str) -> str:
    """Return a class name; capitals inside of words are kept."""
    return _start_with_letter("".join(word[0].upper() + word[1:] for word in _words(text)), prefix)


def member_name(value: object) -> str:
    """Return the name of an enum member for its value."""
    sign = "MINUS_" if isinstance(value, int) and value < 0 else ""
    return sign + snake_case(str(value), "VALUE").upper()


def unused_name(name: str, taken: set[str] | frozenset[str]) -> str:
    """Return the name, with ``_`` or a number behind it where it is taken or a keyword."""
    if name not in taken and not keyword.iskeyword(name):
        return name
    candidates = (f"{name}_" if number == 1 else f"{name}_{number}" for number in range(1, len(taken) + 3))
    return next(candidate for candidate in candidates if candidate not in taken)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return _WORD.findall(plain)


def _start_with_letter(name: str, prefix: str) -> str:
    return name if name and not name[0].isdigit() else f"{prefix}{name}".rstrip("_")
