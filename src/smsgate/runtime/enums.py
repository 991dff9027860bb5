"""Open enums: known values have names, other values are kept."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema
    from typing_extensions import Self

__all__ = ["OpenIntEnum", "OpenStrEnum"]


class OpenStrEnum(str, Enum):
    """Text enum that accepts unknown values: they become members of the same type that are not listed."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> dict[str, Any]:
        return _open_values(handler(schema), handler)

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str) or isinstance(value, Enum):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = str(value)
        return member

    def __str__(self) -> str:
        return cast("str", self._value_)

    def __format__(self, spec: str) -> str:
        return format(cast("str", self._value_), spec)


class OpenIntEnum(int, Enum):
    """Integer enum that accepts any number; the listed members are names for some of them."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> dict[str, Any]:
        return _open_values(handler(schema), handler)

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or isinstance(value, (bool, Enum)):
            return None
        member = int.__new__(cls, value)
        member._name_ = str(value)
        member._value_ = int(value)
        return member

    def __str__(self) -> str:
        return str(self._value_)

    def __format__(self, spec: str) -> str:
        return format(cast("int", self._value_), spec)


def _open_values(schema: dict[str, Any], handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """Let the JSON schema of an enum allow other values of its type."""
    target = handler.resolve_ref_schema(schema)
    if "enum" in target:
        listed = {"enum": target.pop("enum"), "type": target.pop("type")}
        target["anyOf"] = [listed, {"type": listed["type"]}]
    return schema
