"""Types and listed values of a schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ._names import member_name, unused_name
from ._types import Type

if TYPE_CHECKING:
    from ._document import Node

_JSON_TYPES: tuple[tuple[type, str], ...] = (
    (str, "string"), (bool, "boolean"), (int, "integer"), (int, "number"), (float, "number"), (list, "array"),
    (dict, "object"),
)  # fmt: skip
_NO_MEMBERS = frozenset({*dir(str), *dir(int), "mro", "name", "value"})


def is_nullable(node: Node) -> bool:
    """Tell whether a schema itself allows null; an enum without null does only by the flag of OpenAPI 3.0."""
    if node.flag("nullable"):
        return True
    values = enum_values(node)
    return "null" in list_types(node) and (not values or None in values)


def list_types(node: Node) -> list[str]:
    """Return the types that a schema names, "null" among them."""
    found = node.get("type") if node.is_object else None
    if found is None:
        return []
    values = [each.value for each in found.items()] if isinstance(found.value, list) else [found.value]
    if not all(isinstance(each, str) for each in values):
        raise found.error("must be the name of a type")
    return values


def enum_values(node: Node) -> list[Any]:
    """Return the values of ``const`` or ``enum``, none for any.

    Raises:
        GenerationError: the list is empty, or holds a value of another type.
    """
    if not node.is_object:
        return []
    const, enum = node.get("const"), node.get("enum")
    if const is not None:
        return [const.value]
    listed = enum.items() if enum is not None else []
    if enum is not None and not listed:
        raise enum.error("an enum needs a value")
    for each in listed:
        _check_value(node, each)
    return [each.value for each in listed]


def _check_value(node: Node, each: Node) -> None:
    """Reject values of another type, such as the number 1 among texts, which YAML makes of a missing quote."""
    value, types = each.value, list_types(node)
    kinds = [kind for python, kind in _JSON_TYPES if type(value) is python]
    if types and value is not None and not set(kinds) & set(types):
        raise each.error(f"this value is not of the type {' or '.join(types)}")


def build_literal(node: Node, values: list[Any]) -> Type:
    """Return the type of a few values of different types.

    Raises:
        GenerationError: one is neither text nor a whole number or truth value.
    """
    shown = tuple(value for value in values if value is not None)
    if not all(isinstance(value, str | int) for value in shown):
        raise node.error("an enum may hold text, whole numbers and truth values only")
    kind = Type("literal", values=shown) if shown else Type("none")
    return kind.nullable() if shown and None in values else kind


def list_members(node: Node) -> list[tuple[str, Any]]:
    """Return the names and values of an enum."""
    values = list(dict.fromkeys(value for value in enum_values(node) if value is not None))
    given = node.get("x-enum-varnames")
    if given is None:
        return list(zip(_distinct(values), values, strict=True))
    names = [each.value for each in given.items()]
    if len(names) != len(values) or len(set(names)) != len(names):
        raise given.error("needs one x-enum-varnames entry for each value")
    for each in given.items():
        if not isinstance(each.value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", each.value):
            raise each.error("x-enum-varnames must be Python names")
    chosen: list[str] = []
    for name in names:
        chosen.append(unused_name(name, _NO_MEMBERS | set(chosen) | (set(names) - {name})))
    return list(zip(chosen, values, strict=True))


def _distinct(values: list[Any]) -> list[str]:
    names: list[str] = []
    for value in values:
        names.append(unused_name(member_name(value), set(names)))
    return names
