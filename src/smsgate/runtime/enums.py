"""Open enums: known values have names, other values are kept."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema
    from typing_extensions import Self

__all__ = ["OpenIntEnum", "OpenStrEnum"]

S = TypeVar("S", bound="OpenStrEnum")

_LONGEST_KEPT = 64
"""Characters of unknown values whose members are kept."""


class _OpenEnum(Enum):
    """Common part of open enums: their JSON schema allows other values of its type, and members read as their value."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> dict[str, Any]:
        described = handler(schema)
        target = handler.resolve_ref_schema(described)
        if "enum" in target:
            listed = {"enum": target.pop("enum"), "type": target.pop("type")}
            target["anyOf"] = [listed, {"type": listed["type"]}]
        return described

    def __str__(self) -> str:
        return str(self._value_)

    def __format__(self, spec: str) -> str:
        return format(self._value_, spec)


class OpenStrEnum(str, _OpenEnum):
    """Text enum that accepts unknown values: they become members of the same type that are not listed."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str) or isinstance(value, Enum):
            return None
        return _keep_unknown(cls, value) if len(value) <= _LONGEST_KEPT else _make_unknown(cls, value)


def _make_unknown(cls: type[S], value: str) -> S:
    member = str.__new__(cls, value)
    member._name_ = member._value_ = str(value)
    return member


_keep_unknown = lru_cache(1024)(_make_unknown)
"""Returns one member for all equal values: a list may contain an unknown value thousands of times."""


class OpenIntEnum(int, _OpenEnum):
    """Integer enum that accepts any number; the listed members are names for some of them."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or isinstance(value, (bool, Enum)):
            return None
        member = int.__new__(cls, value)
        member._name_, member._value_ = str(value), int(value)
        return member
