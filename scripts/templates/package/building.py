"""What else than its own type a field may be given when a model is built: text for an enum, a dict for a model.

Hand-written; ``scripts/generate.py`` copies it from ``scripts/templates``. Building is strict: a truth value is no
number, bytes are no text. Only these stand-ins, which can mean one thing only, are taken and replaced beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import TypeAliasType

__all__ = ["plain_text", "with_own_types"]

if TYPE_CHECKING:
    from typing import TypeGuard

_NO_LISTS = (str, bytes, bytearray, memoryview, Mapping, BaseModel, type)


def with_own_types(model: type[BaseModel], data: dict[str, Any]) -> dict[str, Any]:
    """Return the data with stand-ins replaced by values of the fields' own types; all else stays as it is."""
    changed = dict(data)
    for name, field in model.model_fields.items():
        for key in {name, field.alias or name} & data.keys():
            changed[key] = _own(field.annotation, data[key])
    return changed


def plain_text(value: str) -> str:
    """Return the text of a str subclass: the value of an enum member, the bare characters of any other."""
    content: object = value.value if isinstance(value, Enum) else value
    return str.__str__(content) if isinstance(content, str) else str.__str__(value)


def _own(wanted: Any, value: Any) -> Any:
    """Return what a stand-in means for a type."""
    if isinstance(wanted, TypeAliasType):
        return _own(wanted.__value__, value)
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Annotated:
        return _own(parts[0], value)
    if origin is list and _is_listed(value):
        return [_own(parts[0], item) for item in value]
    if origin is dict and isinstance(value, Mapping):
        entries: Mapping[Any, Any] = cast("Any", value)
        return {key: _own(parts[1], item) for key, item in entries.items()}
    if origin is None and isinstance(wanted, type):
        return _of_class(wanted, value)
    if origin is not None and not any(isinstance(part, type) and type(value) is part for part in parts):
        for part in parts:  # a union
            value = _own(part, value)
    return value


def _of_class(wanted: type, value: Any) -> Any:
    if issubclass(wanted, Enum) and issubclass(wanted, str) and isinstance(value, str):
        return wanted(plain_text(value))
    if issubclass(wanted, BaseModel) and isinstance(value, Mapping):
        fields: Mapping[Any, Any] = cast("Any", value)
        return wanted(**fields) if all(isinstance(name, str) for name in fields) else fields
    return value


def _is_listed(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, _NO_LISTS)
