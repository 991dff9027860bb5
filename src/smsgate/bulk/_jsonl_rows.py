"""Rows of files with a JSON object a line."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from smsgate.bulk._errors import RowFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn, TextIO

_LONGEST_LINE = 1024 * 1024  # characters
_LONGEST_NUMBER = 400  # digits


def read_jsonl(file: TextIO) -> Iterator[dict[str, Any]]:
    """Yield the objects; skips empty lines. Numbers become texts as they are written, without exponents.

    Raises:
        RowFileError: for a line that is no object, a name twice, and bytes that are no text.
    """
    number = 0
    try:
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if len(line) == _LONGEST_LINE:
                raise RowFileError(f"line {number}: more than {_LONGEST_LINE} characters")
            if line.strip():
                yield _parse(line, number)
    except UnicodeDecodeError:
        raise RowFileError(f"after line {number}: bytes that are no text in this encoding") from None


def _parse(line: str, number: int) -> dict[str, Any]:
    try:
        row: Any = _decoder.decode(line.strip().lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        reason = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise RowFileError(f"line {number}: no JSON object: {reason}") from None
    if not isinstance(row, dict):
        hint = "; write one object a line, as jq -c '.[]' does" if isinstance(row, list) else ""
        raise RowFileError(f"line {number}: no JSON object{hint}")
    return cast("dict[str, Any]", row)


def _parse_float(text: str) -> str:
    value = Decimal(text)
    return text if abs(value.adjusted()) > _LONGEST_NUMBER else plain_number(value)


def plain_number(value: Decimal) -> str:
    """Return a number without exponent, and without decimals if it is whole."""
    return format(value.quantize(Decimal(1)) if value == value.to_integral_value() else value, "f")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name {next(name for name in names if names.count(name) > 1)!r} stands there twice")
    return found


_decoder = json.JSONDecoder(
    parse_int=str, parse_float=_parse_float, parse_constant=_refuse_constant, object_pairs_hook=_unique
)
