"""Binding of request bodies and queries to types as a Go server does it, with the validator's error texts.

Field names match exactly or, failing that, without regard to case; unknown fields are ignored; null counts as absent.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.responses import RequestError
from smsgate.emulator._http.timestamps import TimeFormatError, parse_go

if TYPE_CHECKING:
    from datetime import datetime

    from smsgate.emulator._http.routing import ParsedRequest

Reader = Callable[[Any, str, str], Any]
"""Reads one JSON value; also gets the Go struct and the dotted path, for the error text."""

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True", "on"})
_FALSE = frozenset({"", "0", "f", "F", "FALSE", "false", "False"})


def _each_byte(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - only ever registered for decoding
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("smsgate.each-byte", _each_byte)


@dataclass(frozen=True, slots=True)
class Fraction:
    """JSON number that is not an integer, with its original text."""

    literal: str


class UnreadableError(ValueError):
    """Unreadable body or query; the message is the text of the server."""


def _mismatch(value: Any, owner: str, path: str, kind: str, *, literal: bool = False) -> UnreadableError:
    if isinstance(value, bool):
        name = "bool"
    elif isinstance(value, (int, Fraction)):
        shown = value.literal if isinstance(value, Fraction) else str(value)
        name = f"number {shown}" if literal else "number"
    else:
        name = "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
    place = f"Go struct field {owner}.{path}" if path else "Go value"
    return UnreadableError(f"json: cannot unmarshal {name} into {place} of type {kind}")


def text(value: Any, owner: str, path: str) -> str:
    """Read a string; invalid Unicode becomes U+FFFD."""
    if not isinstance(value, str):
        raise _mismatch(value, owner, path, "string")
    return value if value.isascii() else _LONE_SURROGATES.sub("\ufffd", value)


def boolean(value: Any, owner: str, path: str) -> bool:
    """Read a JSON boolean."""
    if not isinstance(value, bool):
        raise _mismatch(value, owner, path, "bool")
    return value


def timestamp(value: Any, _owner: str, _path: str) -> datetime:
    """Read RFC 3339 with a zone."""
    if not isinstance(value, str):
        raise UnreadableError("Time.UnmarshalJSON: input is not a JSON string")
    try:
        return parse_go(value)
    except TimeFormatError as error:
        raise UnreadableError(str(error)) from None


def integer(kind: str, low: int, high: int) -> Reader:
    """Make a reader of integers between ``low`` and ``high``; the Go type is named in the error."""

    def read(value: Any, owner: str, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _mismatch(value, owner, path, kind, literal=True)
        if not low <= value <= high:
            raise _mismatch(value, owner, path, kind, literal=True)
        return value

    return read


def array(of: Reader, kind: str, empty: Any) -> Reader:
    """Make a reader of lists; a null item becomes the Go zero value ``empty``."""

    def read(value: Any, owner: str, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise _mismatch(value, owner, path, kind)
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return [empty if item is None else of(item, owner, path) for item in items]

    return read


def mapping(of: Reader, kind: str) -> Reader:
    """Make a reader of objects with free keys."""

    def read(value: Any, owner: str, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _mismatch(value, owner, path, kind)
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {key: of(item, owner, path) for key, item in items.items()}

    return read


def struct(name: str, fields: Mapping[str, Reader]) -> Reader:
    """Make a reader of objects with known fields; the result holds those that are present and not null."""
    folded = {field.lower(): field for field in fields}

    def read(value: Any, owner: str, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _mismatch(value, owner, path, f"smsgateway.{name}")
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        found: dict[str, Any] = {}
        for key, item in items.items():
            field = key if key in fields else folded.get(key.lower())
            if field is not None and item is not None:
                found[field] = fields[field](item, name, f"{path}.{field}" if path else field)
        return found

    return read


def parse_json(content: bytes) -> Any:
    """Parse JSON; each byte that is not UTF-8 becomes U+FFFD.

    Raises:
        UnreadableError: invalid JSON, with the message of Go.
    """
    source = content.decode("utf-8", "smsgate.each-byte")
    try:
        return _DECODER.decode(source)
    except json.JSONDecodeError as error:
        if error.pos >= len(source.rstrip()) or error.msg.startswith("Unterminated"):
            raise UnreadableError("unexpected end of JSON input") from None
        raise UnreadableError(f"invalid character at offset {error.pos}") from None
    except RecursionError:
        raise UnreadableError("exceeded max depth") from None
    except ValueError as error:
        raise UnreadableError(str(error)) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"invalid character {name[0]!r} looking for beginning of value")


_DECODER = json.JSONDecoder(parse_float=Fraction, parse_constant=_no_constant)


def _content_type(request: ParsedRequest) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_form(request: ParsedRequest) -> bool:
    """Return whether a body is declared as an HTML form, which the server reads without an error of syntax."""
    return _content_type(request) == "application/x-www-form-urlencoded"


def raw_body(request: ParsedRequest) -> Any:
    """Parse a body whose content type ends in ``json``; a form has no known fields.

    Raises:
        RequestError: 400, worded as the cloud server does.
    """
    if is_form(request):
        return None
    if not _content_type(request).endswith("json"):
        raise RequestError(400, "failed to parse body: Unprocessable Entity")
    try:
        return parse_json(request.content)
    except UnreadableError as error:
        raise RequestError(400, f"failed to parse body: {error}") from None


def bind(value: Any, shape: Reader) -> Any:
    """Read parsed JSON into a shape; null is an empty struct.

    Raises:
        RequestError: 400, worded as the cloud server does.
    """
    try:
        return shape({} if value is None else value, "", "")
    except UnreadableError as error:
        raise RequestError(400, f"failed to parse body: {error}") from None


def body(request: ParsedRequest, shape: Reader) -> Any:
    """Read a JSON body into a shape, as `raw_body` and `bind` do."""
    return bind(raw_body(request), shape)


QueryReader = Callable[[str], Any]


def query(request: ParsedRequest, shape: Mapping[str, QueryReader]) -> dict[str, Any]:
    """Read the known query parameters; names match without regard to case.

    An empty value is the zero value of its type, which the checks may reject; an empty time counts as absent.

    Raises:
        RequestError: 400, worded as the cloud server does.
    """
    found: dict[str, Any] = {}
    if not request.query:
        return found
    for name, read in shape.items():
        value = request.query.get(name.lower())
        if value is None or (not value and read is query_timestamp):
            continue
        try:
            found[name] = read(value)
        except TimeFormatError as error:
            details = f'schema: error converting value for "{name}". Details: {error}'
            raise RequestError(400, f"failed to parse query: failed to decode: {details}") from None
        except ValueError:
            details = f'schema: error converting value for "{name}"'
            raise RequestError(400, f"failed to parse query: failed to decode: {details}") from None
    return found


def query_boolean(value: str) -> bool:
    """Read a boolean in Go's spelling: ``true``, ``t``, ``1`` and so on; nothing is false."""
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ValueError(value)


def query_timestamp(value: str) -> datetime:
    """Read RFC 3339 with a zone."""
    return parse_go(value)


def query_integer(value: str) -> int:
    """Read a signed decimal number of 64 bits; nothing is 0."""
    if not value:
        return 0
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", value) or not -(2**63) <= int(value) < 2**63:
        raise ValueError(value)
    return int(value)


def query_count(value: str) -> int:
    """Read an unsigned decimal number; nothing is 0."""
    if not value:
        return 0
    if not re.fullmatch(r"[0-9]{1,19}", value):
        raise ValueError(value)
    return int(value)


class ValidationErrors:
    """Validation errors of one struct, joined by newlines as the Go validator does."""

    def __init__(self, name: str) -> None:
        self._prefix = f"{name}." if name else ""
        self._lines: list[str] = []

    def check(self, path: str, *rules: tuple[str, bool]) -> None:
        """Record the first rule (tag, kept) of a field that is broken."""
        for tag, kept in rules:
            if not kept:
                field = path.rpartition(".")[2]
                self._lines.append(
                    f"Key: '{self._prefix}{path}' Error:Field validation for '{field}' failed on the '{tag}' tag"
                )
                return

    def settle(self) -> None:
        """Raise `RequestError` with status 400 when there are errors."""
        if self._lines:
            raise RequestError(400, "failed to validate: " + "\n".join(self._lines))
