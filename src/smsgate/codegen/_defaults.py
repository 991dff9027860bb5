"""Defaults of fields as Python source text."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from smsgate.runtime.times import read_time

from ._escaping import literal
from ._tools import GenerationError

if TYPE_CHECKING:
    from ._document import Node
    from ._schemas import Schemas
    from ._types import Type

_PYTHON: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}


def write_default(node: Node, kind: Type, schemas: Schemas) -> str:
    """Write a default as the value that the field has for it.

    Raises:
        GenerationError: it is no value of the field's type.
    """
    value: Any = node.value
    kind = schemas.resolve_alias(kind)
    if value is None:
        if not kind.is_nullable and kind.kind not in {"any", "none"}:
            raise node.error("the default is null, which the type does not allow")
        return "None"
    if kind.kind in _PYTHON:
        is_expected = isinstance(value, _PYTHON[kind.kind]) and isinstance(value, bool) == (kind.kind == "bool")
        if not is_expected:
            raise node.error(f"the default is no {kind.kind}")
        return literal(float(value) if kind.kind == "float" else value)
    return _compose(node, kind, schemas)


def _compose(node: Node, kind: Type, schemas: Schemas) -> str:
    value: Any = node.value
    if kind.kind == "any":
        return literal(value)
    if kind.kind == "list" and isinstance(value, list):
        return f"[{', '.join(write_default(item, kind.parts[0], schemas) for item in node.items())}]"
    if kind.kind == "dict" and isinstance(value, dict):
        entries = node.members().items()
        return f"{{{', '.join(f'{literal(k)}: {write_default(v, kind.parts[0], schemas)}' for k, v in entries)}}}"
    if kind.kind == "union":
        written = [text for part in kind.parts if (text := _written(node, part, schemas)) is not None]
        if not written:
            raise node.error("the default fits no member of the union")
        return written[0]
    return _special(node, kind, schemas)


def _written(node: Node, kind: Type, schemas: Schemas) -> str | None:
    try:
        return write_default(node, kind, schemas)
    except GenerationError:
        return None


def _special(node: Node, kind: Type, schemas: Schemas) -> str:
    value: Any = node.value
    if kind.kind == "enum":
        for name, member in schemas.definitions[kind.name].members:
            if member == value and type(member) is type(value):
                return f"{kind.name}.{name}"
    if kind.kind == "literal" and any(value == each and type(value) is type(each) for each in kind.values):
        return literal(value)
    try:
        if kind.kind == "time":
            moment = read_time(value)
            if moment.tzinfo is not None:
                return f"_datetime.fromisoformat({literal(moment.isoformat())})"
        if kind.kind == "date":
            return f"_date.fromisoformat({literal(date.fromisoformat(value).isoformat())})"
        if kind.kind == "uuid":
            return f"UUID({literal(str(UUID(value)))})"
    except (ValueError, TypeError, AttributeError):
        pass
    what = {"model": "an object, which", "enum": "no value of the enum, which"}.get(kind.kind, "one that")
    raise node.error(f"the default is {what} cannot be kept; an overlay can remove it")
