"""Writers of an operation's arguments: path segments, query values and tokens.

Errors name the argument, never its value.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from smsgate.runtime.building import nearest_hint, plain_text
from smsgate.runtime.times import wire_time
from smsgate.runtime.types import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

__all__ = [
    "build_query",
    "check_token",
    "check_type",
    "encode_path_id",
    "encode_path_number",
    "write_flag",
    "write_integer",
    "write_member",
    "write_text",
    "write_time",
]

_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
_PATH_LIKE = re.compile(r"[/\\\x00-\x1f\x7f-\x9f]")
_TOKEN = re.compile(r"[\x21-\x7e]+")


def check_type(
    name: str, value: object, kind: type | tuple[type, ...], what: str, *, excluded: type | tuple[type, ...] = ()
) -> None:
    """Reject an argument of another type, from callers without a type checker.

    Args:
        name: of the argument.
        value: the argument.
        kind: the type, or several.
        what: description of the type, for the error.
        excluded: subclasses that do not count.

    Raises:
        InvalidArgumentError: it is of another type.
    """
    if not isinstance(value, kind) or isinstance(value, excluded):
        raise InvalidArgumentError(f"{name} must be {what}")


def encode_path_id(name: str, value: str) -> str:
    """Percent-encode an id as one path segment.

    Raises:
        InvalidArgumentError: it is no text, empty, a dot segment, or holds a slash, backslash or control character.
    """
    plain = _non_empty(name, value)
    if plain in {".", ".."} or _PATH_LIKE.search(plain):
        raise InvalidArgumentError(f"{name} must be an id, not something path-like")
    return plain if _PLAIN.fullmatch(plain) else _quote(name, plain)


def encode_path_number(name: str, value: int) -> str:
    """Write a whole number as one path segment."""
    return write_integer(name, value)


def build_query(*arguments: tuple[str, Any, Callable[[str, Any], str]]) -> str:
    """Join (wire name, value, writer) triples into a query; arguments that are None are left out."""
    return "&".join([f"{name}={write(name, value)}" for name, value, write in arguments if value is not None])


def write_text(name: str, value: str) -> str:
    """Percent-encode text that is not empty (enum members by their value)."""
    plain = _non_empty(name, value)
    return plain if _PLAIN.fullmatch(plain) else _quote(name, plain)


def write_member(kind: type[Enum]) -> Callable[[str, str], str]:
    """Return a writer for values of an open enum: members, also of values of its own, or the text of a known one."""

    def write(name: str, value: str) -> str:
        if isinstance(value, str) and not isinstance(value, kind):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
            hint = nearest_hint(kind, _non_empty(name, value))
            if hint:
                raise InvalidArgumentError(f"{name} {hint}")
        return write_text(name, value)

    return write


def write_integer(name: str, value: int) -> str:
    """Write a whole number."""
    check_type(name, value, int, "a whole number", excluded=bool)
    return str(int(value))


def write_flag(name: str, value: bool) -> str:  # noqa: FBT001 - a writer takes the value it writes
    """Write a truth value."""
    check_type(name, value, bool, "True or False")
    return "true" if value else "false"


def write_time(name: str, value: datetime) -> str:
    """Write an aware time in UTC with three fraction digits and ``Z``."""
    check_type(name, value, datetime, "a datetime")
    if value.utcoffset() is None:
        raise InvalidArgumentError(f"{name} must be a time with a zone")
    try:
        return quote(wire_time(value.astimezone(timezone.utc)), safe="")
    except OverflowError:
        raise InvalidArgumentError(f"{name} must be a time of the years 1 to 9999, also in UTC") from None


def check_token(name: str, value: str) -> str:
    """Check a token for use in a header: visible ASCII without spaces."""
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
        raise InvalidArgumentError(f"{name} must be a token: visible ASCII characters only")
    return plain_text(value)


def _non_empty(name: str, value: str) -> str:
    check_type(name, value, str, "text")
    plain = value if type(value) is str else plain_text(value)
    if not plain or plain.isspace():
        raise InvalidArgumentError(f"{name} must not be empty")
    return plain


def _quote(name: str, value: str) -> str:
    try:
        return quote(value, safe="-._~")
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"{name} holds half of a surrogate pair") from None  # the cause quotes the value
