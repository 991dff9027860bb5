"""Parameters of an operation: location, type and writer of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from ._escaping import literal
from ._names import BUILTINS, pascal_case, snake_case, unused_name

if TYPE_CHECKING:
    from ._document import Node
    from ._schemas import Schemas
    from ._types import Type

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SET_BY_CLIENT = {"accept", "content-type", "authorization"}
"""Header parameters that OpenAPI leaves to the rest of the document."""
_FRAMING = {"connection", "content-length", "cookie", "host", "transfer-encoding", "te", "upgrade"}
_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_KNOWN = {
    "name", "in", "description", "required", "deprecated", "allowEmptyValue", "style", "explode", "allowReserved",
    "schema", "example", "examples", "content",
}  # fmt: skip
_WRITERS = {
    "str": "write_text", "int": "write_integer", "float": "write_number", "bool": "write_flag", "time": "write_time",
    "date": "write_date", "uuid": "write_uuid",
}  # fmt: skip
_PATH_WRITERS = {
    "write_text": "encode_path_id",
    "write_integer": "encode_path_number",
    "write_scalar": "encode_path_value",
}


@dataclass
class Argument:
    """One argument of an operation.

    Attributes:
        name: its Python name.
        wire: its name in the request, percent-encoded in a query.
        place: path, query, header or cookie.
        hint: the type that callers see.
        writer: source text of the function that writes it into a path or query.
        is_required: whether it has to be given.
        is_count: whether it is a whole number, as the position in a list is.
        description: text for the docstring.
    """

    name: str
    wire: str
    place: str
    hint: str
    writer: str
    is_required: bool
    is_count: bool
    description: str

    @property
    def sent_as(self) -> tuple[str, str]:
        """Location and name of the argument, which must be unique; the case of headers does not count."""
        return self.place, self.wire.lower() if self.place == "header" else self.wire


def operation_scope(name: str) -> str:
    """Return the name of a type in operations.py, as callers see it."""
    return {"Timestamp": "datetime", "_date": "date"}.get(name, f"models.{name}")


def read_parameters(item: Node, operation: Node, owner: str, schemas: Schemas, taken: set[str]) -> list[Argument]:
    """Return the arguments that a path item and its operation declare.

    Args:
        item: the path item, whose parameters hold for all its operations.
        operation: may declare them anew.
        owner: class name of the operation, for inline schemas.
        schemas: gets the classes of inline schemas.
        taken: Python names that are in use; those of the arguments are added.

    Raises:
        GenerationError: a parameter could not be sent as the document says.
    """
    found: dict[tuple[str, str], Node] = {}
    for holder in (item, operation):
        here: set[tuple[str, str]] = set()
        listed = holder.get("parameters")
        for each in listed.items() if listed else []:
            node = each.resolve()
            key = (node.text("in"), node.text("name"))
            if key in here:
                raise each.error("the same parameter twice")
            here.add(key)
            found[key] = node
    arguments: list[Argument] = []
    lower: set[str] = set()
    for (place, wire), node in found.items():
        if place == "header" and wire.lower() in lower:
            raise node.error(f"the header {wire} stands twice")
        lower |= {wire.lower()} if place == "header" else set()
        if place not in _STYLES or not wire:
            raise node.error("needs a name, and path, query, header or cookie as its place")
        if place != "header" or wire.lower() not in _SET_BY_CLIENT:
            arguments.append(_argument(node, owner, schemas, taken))
            taken.add(arguments[-1].name)
    return arguments


def python_name(wire: str, taken: set[str]) -> str:
    """Return the name of an argument."""
    return unused_name(snake_case(wire, "parameter"), taken | BUILTINS)


def _argument(node: Node, owner: str, schemas: Schemas, taken: set[str]) -> Argument:
    place, wire = node.text("in"), node.text("name")
    for keyword, member in node.members().items():
        if keyword not in _KNOWN and not keyword.startswith("x-"):
            raise member.error(f"keyword {keyword} is not supported")
    schema = node.get("schema")
    if schema is None:
        raise node.error("needs a schema; parameters with content are not supported")
    kind = schemas.convert(schema, f"{owner}{pascal_case(wire, 'Parameter')}")
    schemas.finish()
    check_name(node, place, wire)
    is_required = node.flag("required")
    if place == "path" and not is_required:
        raise node.error("a path parameter must be required")
    inner = schemas.resolve_alias(kind)
    writer = _writer(node, inner, place, schemas)
    return Argument(
        python_name(wire, taken),
        wire_name(place, wire),
        place,
        _hint(kind, inner, schemas),
        writer,
        is_required,
        inner.kind == "int",
        _description(node, schema.resolve()),
    )


def wire_name(place: str, wire: str) -> str:
    """Return the name of a parameter as it is sent."""
    return quote(wire, safe="-._~") if place == "query" else wire


def check_name(node: Node, place: str, wire: str) -> None:
    """Reject names that a request cannot carry."""
    if place in {"header", "cookie"} and not _TOKEN.fullmatch(wire):
        raise node.error(f"{wire!r} cannot be the name of a {place}")
    if place == "header" and wire.lower() in _FRAMING:
        raise node.error(f"the header {wire} belongs to HTTP itself")


def _description(node: Node, schema: Node) -> str:
    is_object = schema.is_object
    text = node.text("description") or (schema.text("description") if is_object else "")
    default = schema.get("default") if is_object else None
    parts = ["Deprecated."] if node.flag("deprecated") else []
    parts += [text.strip()] if text.strip() else []
    if default is not None and default.value is not None:
        parts.append(f"{default.value} when absent.")
    return " ".join(parts)


def _hint(kind: Type, inner: Type, schemas: Schemas) -> str:
    text = kind.plain_hint(operation_scope).removesuffix(" | None")
    if inner.kind != "enum":
        return text
    return f"{text} | {'int' if schemas.is_integer_enum(inner) else 'str'}"


def _writer(node: Node, kind: Type, place: str, schemas: Schemas) -> str:
    style = node.text("style") or _STYLES[place]
    explode = node.flag("explode") if node.get("explode") else style == "form"
    if kind.kind == "list":
        item = _scalar(node, schemas.resolve_alias(kind.parts[0]), place, schemas)
        if style == "form" and explode and place == "query":
            return f"write_repeated({item})"
        separators = {"form": ",", "simple": ",", "spaceDelimited": "%20", "pipeDelimited": "%7C"}
        if style not in separators or (explode and style != "simple") or (place == "cookie" and explode):
            raise node.error(f"style {style}{' exploded' if explode else ''} is not supported for lists")
        return f"write_separated({item}, {literal(separators[style])})"
    if style != _STYLES[place]:
        raise node.error(f"style {style} is not supported")
    return _scalar(node, kind, place, schemas)


def _scalar(node: Node, kind: Type, place: str, schemas: Schemas) -> str:
    if kind.kind == "enum" and schemas.is_integer_enum(kind):
        return "encode_path_number" if place == "path" else "write_integer"
    if kind.kind == "enum":
        return "encode_path_id" if place == "path" else f"write_member(models.{kind.name})"
    if kind.kind == "literal":
        if place == "path" and set(kind.values) & {"", ".", ".."}:
            raise node.error("a path cannot hold a value that is empty or a dot segment")
        return f"write_choice({', '.join(map(literal, kind.values))})"
    is_scalar = kind.kind == "any" or (kind.kind == "union" and all(part.kind in _WRITERS for part in kind.parts))
    if not is_scalar and kind.kind not in _WRITERS:
        raise node.error("objects and nested lists are not supported as parameters")
    writer = "write_scalar" if is_scalar else _WRITERS[kind.kind]
    if writer == "write_text" and place == "query" and node.flag("allowEmptyValue"):
        return "write_any_text"
    return _PATH_WRITERS.get(writer, writer) if place == "path" else writer
