"""Compiled validators of responses.

The limits that a document sets to values hold for requests; a response is read as it is.
"""

from __future__ import annotations

from typing import Any, cast

from pydantic_core import CoreConfig, SchemaValidator

__all__ = ["reading_validator"]

_HIDING = CoreConfig(hide_input_in_errors=True)
_LIMITED = ("str", "int", "float", "list", "dict")
_LIMITS = frozenset({"min_length", "max_length", "pattern", "ge", "gt", "le", "lt", "multiple_of"})


def reading_validator(schema: Any, *, fail_fast: bool = False) -> SchemaValidator:
    """Compile a schema for what a server sends: without limits; models are compiled anew, for it.

    Args:
        schema: a compiled type's schema.
        fail_fast: whether lists and maps stop at their first bad item.
    """
    return SchemaValidator(_without_limits(schema, fail_fast=fail_fast), _HIDING, _use_prebuilt=False)


def _without_limits(schema: Any, *, fail_fast: bool) -> Any:
    """Copy a compiled type's schema without the limits of values."""
    if isinstance(schema, dict):
        part: dict[str, Any] = cast("Any", schema)
        dropped = _LIMITS if part.get("type") in _LIMITED else ()
        changed = {
            key: value if key == "metadata" else _without_limits(value, fail_fast=fail_fast)
            for key, value in part.items()
            if key not in dropped
        }
        return {**changed, "fail_fast": True} if fail_fast and part.get("type") in ("list", "dict") else changed
    if isinstance(schema, list):
        parts: list[Any] = cast("Any", schema)
        return [_without_limits(part, fail_fast=fail_fast) for part in parts]
    return schema
