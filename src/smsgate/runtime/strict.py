"""Strict validation: a type that reads JSON into a model by the rules of its constructor.

Models themselves read JSON tolerantly, as a response needs it; a request body should be checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from pydantic_core import core_schema

from smsgate.runtime.types import Model, encode

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

__all__ = ["Strict", "strict"]

M = TypeVar("M", bound=Model)


class _StrictRules:
    """Annotation that makes pydantic call a model's constructor instead of reading it tolerantly."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        if not (isinstance(source, type) and issubclass(source, Model)):
            raise TypeError("Strict takes one model: Strict[Message]")
        return core_schema.no_info_wrap_validator_function(partial(_build, source), handler(source))

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return cast("JsonSchemaValue", _forbid_extra(handler(schema), handler, ()))


def _forbid_extra(schema: Any, handler: GetJsonSchemaHandler, inside: tuple[str, ...]) -> Any:
    """Copy a JSON schema in which no model has further fields: the shared definitions of models allow them.

    Args:
        schema: a JSON schema, or a part of one.
        handler: resolves references.
        inside: references to the models around it, which stay references.
    """
    if isinstance(schema, list):
        parts: list[Any] = cast("Any", schema)
        return [_forbid_extra(part, handler, inside) for part in parts]
    if not isinstance(schema, dict):
        return schema
    own: JsonSchemaValue = cast("JsonSchemaValue", schema)
    reference = own.get("$ref")
    if isinstance(reference, str):
        found = handler.resolve_ref_schema({"$ref": reference})
        if "properties" not in found or reference in inside:
            return own
        own = {**found, **own}
        del own["$ref"]
        inside = (*inside, reference)
    changed = {name: _forbid_extra(part, handler, inside) for name, part in own.items()}
    return {**changed, "additionalProperties": False} if _is_model(own) else changed


def _is_model(schema: JsonSchemaValue) -> bool:
    return schema.get("type") == "object" and isinstance(schema.get("properties"), dict)


def _build(model: type[Model], value: Any, read: core_schema.ValidatorFunctionWrapHandler) -> Any:
    """Build the model; pydantic merges the errors of its ValidationError into the outer one."""
    if isinstance(value, model):
        encode(value, model)
        return value
    if isinstance(value, Mapping):
        fields: Mapping[Any, Any] = cast("Any", value)
        if all(isinstance(name, str) for name in fields):
            return model(**fields)
    return read(value)


Strict = Annotated[M, _StrictRules]
"""``Strict[Message]``: a `Message` for web frameworks and pydantic models that accepts only what could be built.

Unknown fields, times without a zone, unknown enum values and broken limits are validation errors (a FastAPI endpoint
with such a body returns 422).
"""


def strict(model: type[M]) -> type[M]:
    """Return ``Strict[model]`` for a model that is chosen at run time, such as for a pydantic ``TypeAdapter``.

    Raises:
        TypeError: it is no model class.
    """
    if not (isinstance(model, type) and issubclass(model, Model)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError("strict takes a model class: strict(Message)")
    return cast("type[M]", Annotated[model, _StrictRules])
