"""Types of JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable


def as_mapping(value: object) -> dict[str, Any] | None:
    """Return the value if it is an object, else None."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[Any] | None:
    """Return the value if it is an array, else None."""
    return [*cast("Iterable[Any]", value)] if isinstance(value, list) else None
