"""Properties of an object schema as fields of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgate.runtime.types import Model

from ._names import pascal_case, snake_case, unused_name
from ._types import Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._document import Node
    from ._types import Type

_SHADOWING = frozenset({"bool", "bytes", "dict", "float", "int", "list", "str", "object", "property"})
_RESERVED = frozenset(dir(Model)) | _SHADOWING | {"positional", "written_fields", "nullable_fields"}
"""Names that pydantic, our base class or the annotations of other fields need."""


def read_fields(node: Node, owner: str, convert: Callable[[Node, str], Type]) -> list[Field]:
    """Return the fields of a model.

    Raises:
        GenerationError: a property cannot be kept, or a required one is not defined.
    """
    _check_further(node)
    properties = node.members()["properties"].members()
    required = _read_required(node, set(properties))
    names: dict[str, str] = {}
    for wire in sorted(properties, key=lambda each: snake_case(each, "field") != each):  # exact names first
        names[wire] = unused_name(snake_case(wire, "field"), _RESERVED | set(names.values()))
    fields: list[Field] = []
    for wire, schema in properties.items():
        kind = convert(schema, f"{owner}{pascal_case(wire, 'Field')}")
        is_object = schema.is_object
        fields.append(
            Field(
                names[wire],
                wire,
                kind,
                wire in required,
                schema.get("default") if is_object else None,
                _description(schema) if is_object else "",
                is_binary=is_object and _is_binary(schema),
                is_read_only=is_object and schema.flag("readOnly"),
                is_write_only=is_object and schema.flag("writeOnly"),
            )
        )
    return fields


def _description(schema: Node) -> str:
    """Return the text of a field's docstring; the run-time marks fields as deprecated by its first word."""
    text = schema.text("description").strip()
    return f"Deprecated. {text}".strip() if schema.flag("deprecated") else text


def _is_binary(schema: Node) -> bool:
    """Tell whether a value, or the items of a list, are bytes: OpenAPI 3.0 and 3.1 mark them differently."""
    items = schema.resolve().get("items")
    return any(each is not None and _is_bytes(each.resolve()) for each in (schema, items))


def _is_bytes(schema: Node) -> bool:
    if not schema.is_object or schema.text("contentEncoding"):
        return False
    media = schema.text("contentMediaType").lower()
    return schema.text("format") == "binary" or bool(media and not media.startswith("text/") and "json" not in media)


def _read_required(node: Node, properties: set[str]) -> set[str]:
    found = node.get("required")
    names = {str(each.value) for each in found.items()} if found else set[str]()
    if missing := sorted(names - properties):
        raise node.error(f"requires {missing[0]!r}, which it does not define")
    return names


def _check_further(node: Node) -> None:
    further = node.get("additionalProperties")
    if further is not None and not isinstance(further.value, bool) and further.value != {}:
        raise further.error("a schema for further properties beside named ones is not supported")
    for keyword in ("minProperties", "maxProperties"):
        if limit := node.get(keyword):
            raise limit.error("limits on the number of named properties are not supported")
