"""Limits of a schema as arguments of pydantic's Field."""

from __future__ import annotations

import math
import re
import sys
import warnings
from typing import TYPE_CHECKING

from pydantic_core import SchemaError, SchemaValidator, core_schema

from ._escaping import literal

if TYPE_CHECKING:
    from ._document import Node

_BY_TYPE: dict[str, dict[str, str]] = {
    "string": {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"},
    "integer": {
        "minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt",
        "multipleOf": "multiple_of",
    },
    "array": {"minItems": "min_length", "maxItems": "max_length"},
    "object": {"minProperties": "min_length", "maxProperties": "max_length"},
}  # fmt: skip
_BY_TYPE["number"] = _BY_TYPE["integer"]
_WHOLE = {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}


def read_limits(node: Node, kind: str) -> tuple[tuple[str, str], ...]:
    """Return the limits that a schema sets to values of one type.

    Raises:
        GenerationError: a limit is no number, or a pattern that pydantic cannot check.
    """
    found: dict[str, str] = {}
    for keyword, argument in _BY_TYPE.get(kind, {}).items():
        limit = node.get(keyword)
        if limit is None:
            continue
        if keyword == "pattern":
            found[argument] = literal(_pattern(limit))
        elif isinstance(limit.value, bool) and keyword.startswith("exclusive"):  # OpenAPI 3.0 has a flag
            inclusive = {"gt": "ge", "lt": "le"}[argument]
            if limit.value and inclusive in found:
                found[argument] = found.pop(inclusive)
        else:
            number = _number(limit, keyword)
            found[argument] = literal(_whole(limit, argument, number) if kind == "integer" else number)
    return tuple(sorted(found.items()))


def _pattern(limit: Node) -> str:
    if not isinstance(limit.value, str):
        raise limit.error("must be text")
    try:
        SchemaValidator(core_schema.str_schema(pattern=limit.value))
    except SchemaError:
        raise limit.error("this pattern cannot be checked; look-around and back references are not supported") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            re.compile(limit.value)
    except FutureWarning:
        raise limit.error("this pattern reads as a set operation; escape [, &&, -- and ~~ inside of brackets") from None
    except (re.error, OverflowError, RecursionError):
        pass  # the other engine knows more
    return limit.value


def _whole(limit: Node, argument: str, number: float) -> int:
    """Return a limit of whole numbers as one itself: 0.5 at least is 1 at least."""
    if argument == "multiple_of" and number != int(number):
        raise limit.error("whole numbers cannot be multiples of this")
    return math.ceil(number) if argument in {"ge", "lt"} else math.floor(number)


def _number(limit: Node, keyword: str) -> int | float:
    if isinstance(limit.value, bool) or not isinstance(limit.value, int | float):
        raise limit.error("must be a number")
    if keyword in _WHOLE and (limit.value < 0 or limit.value != int(limit.value)):
        raise limit.error("must be a whole number from 0 on")
    if keyword in _WHOLE and limit.value > sys.maxsize:
        raise limit.error("is larger than anything")
    if keyword == "multipleOf" and limit.value <= 0:
        raise limit.error("must be larger than 0")
    return int(limit.value) if limit.value == int(limit.value) and keyword in _WHOLE else limit.value
