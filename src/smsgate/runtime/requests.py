"""Writers for features of other APIs: lists, headers and cookies, forms, text.

Errors name the argument, never its value.
"""

from __future__ import annotations

import hashlib
import math
import re
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote
from uuid import UUID

from smsgate.runtime.arguments import (
    check_type,
    encode_path_id,
    write_flag,
    write_integer,
    write_text,
    write_time,
)
from smsgate.runtime.times import wire_time
from smsgate.runtime.types import InvalidArgumentError, Model, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate.runtime.values import JSONValue

__all__ = [
    "MultipartBody",
    "build_cookies",
    "build_headers",
    "check_required",
    "content_type_of",
    "encode_bytes",
    "encode_form",
    "encode_parts",
    "encode_path_value",
    "encode_text",
    "encode_value",
    "write_any_text",
    "write_choice",
    "write_date",
    "write_number",
    "write_repeated",
    "write_scalar",
    "write_separated",
    "write_uuid",
]

_HEADER = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_NOT_IN_NAMES = {ord(letter): quote(letter) for letter in '"\r\n'}
"""What browsers escape in the names of a form's parts, which are UTF-8 otherwise."""
_COOKIE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")


def check_required(name: str, value: Any) -> Any:
    """Return an argument that must not be None."""
    if value is None:
        raise InvalidArgumentError(f"{name} is required")
    return value


def write_number(name: str, value: float) -> str:
    """Write a finite number."""
    check_type(name, value, (int, float), "a number", excluded=bool)
    if not math.isfinite(value):
        raise InvalidArgumentError(f"{name} must be a finite number")
    return repr(value).replace("+", "%2B")


def write_date(name: str, value: date) -> str:
    """Write a date without a time."""
    check_type(name, value, date, "a date", excluded=datetime)
    return value.isoformat()


def write_uuid(name: str, value: UUID) -> str:
    """Write a UUID."""
    check_type(name, value, UUID, "a UUID")
    return str(value)


def write_any_text(name: str, value: str) -> str:
    """Percent-encode text that may be empty."""
    return "" if isinstance(value, str) and not value else write_text(name, value)


def write_scalar(name: str, value: Any) -> str:
    """Write text, a number, a truth value, a time, a date or a UUID."""
    for kind, write in _BY_TYPE:
        if isinstance(value, kind):
            return write(name, value)
    raise InvalidArgumentError(f"{name} must be text, a number, a truth value, a time or a UUID")


def encode_path_value(name: str, value: Any) -> str:
    """Write a value of any of these types as one path segment."""
    return encode_path_id(name, value) if isinstance(value, str) else write_scalar(name, value)


_BY_TYPE: tuple[tuple[type, Callable[[str, Any], str]], ...] = (
    (bool, write_flag), (str, write_text), (int, write_integer), (float, write_number), (datetime, write_time),
    (date, write_date), (UUID, write_uuid),
)  # fmt: skip


def write_choice(*values: Any) -> Callable[[str, Any], str]:
    """Return a writer for one of a few values."""

    def write(name: str, value: Any) -> str:
        if not any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in values):
            raise InvalidArgumentError(f"{name} must be one of {', '.join(map(repr, values))}")
        return write_scalar(name, value)

    return write


def write_repeated(write: Callable[[str, Any], str]) -> Callable[[str, Any], str]:
    """Return a writer for a list whose items each get the name anew: ``name=a&name=b``."""

    def write_all(name: str, values: list[Any]) -> str:
        return f"&{name}=".join(write(name, value) for value in _filled_list(name, values))

    return write_all


def write_separated(write: Callable[[str, Any], str], separator: str) -> Callable[[str, Any], str]:
    """Return a writer for a list as one parameter with separated items, of which none may hold the separator."""

    def write_all(name: str, values: list[Any]) -> str:
        items = [write(name, value) for value in _filled_list(name, values)]
        if any(separator in item for item in items):
            raise InvalidArgumentError(f"{name} has an item that holds the separator of items")
        return separator.join(items)

    return write_all


def build_headers(*fields: tuple[str, Any, Callable[[str, Any], str]]) -> dict[str, str]:
    """Return header fields from (name, value, checking writer) triples; those that are None are left out.

    Raises:
        InvalidArgumentError: a value is not allowed in a header.
    """
    return {name: _header(name, value) for name, value, check in fields if value is not None and check(name, value)}


def build_cookies(*crumbs: tuple[str, Any, Callable[[str, Any], str]]) -> str | None:
    """Return the value of the Cookie header from (name, value, checking writer) triples, None when all are None.

    Raises:
        InvalidArgumentError: a value is not allowed in a cookie.
    """
    written = [(name, _plain(name, value)) for name, value, check in crumbs if value is not None and check(name, value)]
    for name, value in written:
        if not _COOKIE.fullmatch(value):
            raise InvalidArgumentError(f"{name} cannot stand in a cookie")
    return "; ".join(f"{name}={value}" for name, value in written) or None


def encode_text(body: str) -> bytes:
    """Write text in UTF-8."""
    check_type("the body", body, str, "text")
    try:
        return body.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError("the body holds half of a surrogate pair") from None


def encode_bytes(body: bytes) -> bytes:
    """Return bytes as they are."""
    check_type("the body", body, (bytes, bytearray, memoryview), "bytes")
    return bytes(body)


def encode_value(body: Any, kind: JSONValue[Any]) -> bytes:
    """Write JSON of any type."""
    return kind.encode(body)


def encode_form(body: Model, kind: type[Model]) -> bytes:
    """Write an URL-encoded form; lists repeat their name.

    Raises:
        InvalidArgumentError: the body is of another type, or a field is nested.
        pydantic.ValidationError: it breaks its own rules.
    """
    encode(body, kind)
    pairs = [(wire, _plain(wire, item)) for wire, value in _form_fields(body) for item in _items(value)]
    return "&".join(f"{quote(wire, safe='')}={quote(value, safe='')}" for wire, value in pairs).encode()


class MultipartBody(bytes):
    """A form of several parts.

    Attributes:
        content_type: its media type with the boundary.
    """

    content_type: str


def encode_parts(body: Model, kind: type[Model]) -> MultipartBody:
    """Write a form of several parts; bytes become files that are named after their field.

    Raises:
        InvalidArgumentError: the body is of another type, or a field is nested.
    """
    check_type("the body", body, kind, f"of type {kind.__name__}")
    parts: list[bytes] = []
    for wire, value in _form_fields(body):
        name = wire.translate(_NOT_IN_NAMES)
        for item in _items(value):
            is_file = isinstance(item, bytes)
            content = item if is_file else encode_text(_plain(wire, item))
            file = f'; filename="{name}"\r\nContent-Type: application/octet-stream' if is_file else ""
            parts.append(f'Content-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n")
    boundary = hashlib.sha256(b"".join(parts)).hexdigest()  # depends on all parts, so that none can hold it
    mark = f"--{boundary}".encode()
    written = MultipartBody(b"".join(mark + b"\r\n" + part for part in parts) + mark + b"--\r\n")
    written.content_type = f"multipart/form-data; boundary={boundary}"
    return written


def content_type_of(body: MultipartBody | None) -> str:
    """Return the media type of a form of several parts."""
    return "multipart/form-data" if body is None else body.content_type


def _form_fields(body: Model) -> list[tuple[str, Any]]:
    constants: frozenset[str] = getattr(type(body), "written_fields", frozenset())
    found: list[tuple[str, Any]] = []
    for name, field in type(body).__pydantic_fields__.items():
        value = getattr(body, name)
        if value is not None and (name in body.model_fields_set or name in constants):
            found.append((field.alias or name, value))
    return found


def _items(value: Any) -> list[Any]:
    return list(cast("Any", value)) if isinstance(value, list) else [value]


def _plain(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise InvalidArgumentError(f"{name} must be a time with a zone")
        return wire_time(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, list | tuple):
        return ",".join(_plain(name, item) for item in cast("list[Any]", value))
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidArgumentError(f"{name} must be a finite number")
    if isinstance(value, str | int | float | date | UUID):
        return str(value)
    raise InvalidArgumentError(f"{name} must be text, a number, a truth value, a time or a UUID")


def _header(name: str, value: Any) -> str:
    if isinstance(value, list | tuple):
        items = [_header(name, item) for item in cast("list[Any]", value)]
        if any("," in item for item in items):
            raise InvalidArgumentError(f"{name} holds a comma, which separates its items")
        return ",".join(items)
    written = _plain(name, value)
    if not _HEADER.fullmatch(written):
        raise InvalidArgumentError(f"{name} must be visible ASCII, as a header is")
    return written


def _filled_list(name: str, values: Any) -> list[Any]:
    check_type(name, values, (list, tuple), "a list")
    if not values:
        raise InvalidArgumentError(f"{name} must not be empty; leave it out instead")
    return list(cast("list[Any]", values))
