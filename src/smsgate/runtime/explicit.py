"""Models whose requests also hold fields that were not set: constants, and null where the document allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import model_serializer
from pydantic_core import PydanticCustomError, core_schema

from smsgate.runtime.times import BUILDING
from smsgate.runtime.types import Model

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, SerializerFunctionWrapHandler
    from pydantic.json_schema import JsonSchemaValue

__all__ = ["UNIQUE", "ExplicitModel"]


class ExplicitModel(Model):
    """Base of models with required constants or nullable fields, which leaving out unset and None would lose."""

    written_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that are always written: the document requires them."""

    nullable_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields whose None is written as null, once they are set."""

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        for name, field in type(self).__pydantic_fields__.items():
            value = getattr(self, name, None)
            is_null = value is None and name in self.nullable_fields and name in self.model_fields_set
            is_constant = value is not None and name in self.written_fields and name not in self.model_fields_set
            if is_null or is_constant:
                written.setdefault(field.alias or name, value)
        return written


class _Unique:
    """Annotation of a list whose items must differ."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_after_validator_function(_check_unique, handler(source))

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = handler(schema)
        choices: list[JsonSchemaValue] = described.get("anyOf", [described])  # an optional list is one of two
        for each in choices:
            if each.get("type") == "array":
                each["uniqueItems"] = True
        return described


def _check_unique(items: list[Any] | None, info: core_schema.ValidationInfo) -> list[Any] | None:
    if items is not None and info.context is BUILDING:
        known: set[str] = set()
        for item in items:
            text = repr(item.model_dump() if isinstance(item, Model) else item)
            if text in known:
                raise PydanticCustomError("unique_items", "Items should differ")
            known.add(text)
    return items


UNIQUE = _Unique
"""A list whose items must differ, where a user builds it; what a server sends may repeat itself."""
