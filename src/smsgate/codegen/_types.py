"""Python types of schemas, and the classes that a document defines."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ._escaping import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._document import Node

Kind = Literal[
    "any", "none", "str", "int", "float", "bool", "bytes", "time", "date", "uuid", "literal",
    "model", "enum", "alias", "list", "dict", "union",
]  # fmt: skip

_PLAIN = {
    "any": "Any", "none": "None", "str": "str", "int": "int", "float": "float", "bool": "bool", "bytes": "bytes",
    "time": "Timestamp", "date": "_date", "uuid": "UUID",
}  # fmt: skip


@dataclass(frozen=True)
class Type:
    """Python type of a schema.

    Attributes:
        kind: kind of the type.
        name: class of a model, enum or alias.
        parts: item of a list, value of a dict, members of a union.
        values: values of a literal.
        limits: arguments of pydantic's Field, as source text.
        is_unique: whether the items of a list must differ.
        is_nullable: whether null is a value, too.
        tag: Python name of the field that tells the members of a union apart.
    """

    kind: Kind
    name: str = ""
    parts: tuple[Type, ...] = ()
    values: tuple[Any, ...] = ()
    limits: tuple[tuple[str, str], ...] = ()
    is_unique: bool = False
    is_nullable: bool = False
    tag: str = ""

    def nullable(self) -> Type:
        """Return the type with null as a further value."""
        return replace(self, is_nullable=True)

    def bare(self, scope: Callable[[str], str]) -> str:
        """Write the type without its own limits and null; ``scope`` says how a class is named there."""
        if self.kind in _PLAIN:
            return scope(_PLAIN[self.kind]) if self.kind in {"time", "date"} else _PLAIN[self.kind]
        if self.kind == "literal":
            return f"Literal[{', '.join(map(literal, self.values))}]"
        inner = [part.hint(scope) for part in self.parts]
        if self.kind == "list":
            return f"list[{inner[0]}]"
        if self.kind == "dict":
            return f"dict[str, {inner[0]}]"
        if self.kind == "union":
            return " | ".join(inner)
        return scope(self.name)

    def arguments(self) -> dict[str, str]:
        """Return the arguments of Field that this type itself needs."""
        return {**dict(self.limits), **({"discriminator": literal(self.tag)} if self.tag else {})}

    def hint(self, scope: Callable[[str], str]) -> str:
        """Write the type for use inside another type, limits included."""
        return write_annotation(self, self.arguments(), scope, is_optional=self.is_nullable)

    def plain_hint(self, scope: Callable[[str], str]) -> str:
        """Write the type as callers see it: without limits, and with datetime for a time."""
        return self.plain().hint(scope)

    def plain(self) -> Type:
        """Return the type without limits, in all its parts."""
        return replace(self, limits=(), is_unique=False, tag="", parts=tuple(part.plain() for part in self.parts))

    def names(self) -> Iterator[str]:
        """Yield the classes that the type mentions."""
        if self.name:
            yield self.name
        for part in self.parts:
            yield from part.names()


def write_annotation(kind: Type, arguments: dict[str, str], scope: Callable[[str], str], *, is_optional: bool) -> str:
    """Write a type with arguments of Field and null."""
    bare = kind.bare(scope)
    hint = f"{bare} | None" if is_optional and kind.kind != "none" else bare
    extra = f", Field({', '.join(f'{name}={arguments[name]}' for name in sorted(arguments))})" if arguments else ""
    extra += ", UNIQUE" if kind.is_unique else ""  # last: pydantic cannot apply limits to what comes out of a function
    return f"Annotated[{hint}{extra}]" if extra else hint


@dataclass
class Field:
    """One field of a model; ``default`` is None where the document gives none."""

    name: str
    wire: str
    type: Type
    is_required: bool
    default: Node | None
    description: str
    is_binary: bool = False
    is_read_only: bool = False
    is_write_only: bool = False


@dataclass
class Definition:
    """A class or alias of the generated package.

    Attributes:
        name: its Python name.
        node: the schema.
        description: text for its docstring.
        kind: model, enum or alias.
        fields: those of a model.
        members: names and values of an enum.
        type: the aliased type.
        is_explicit: whether a model is sent, with values that must be written although they were not set.
    """

    name: str
    node: Node
    description: str
    kind: Literal["model", "enum", "alias"]
    fields: list[Field] = field(default_factory=list[Field])
    members: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    type: Type | None = None
    is_explicit: bool = False

    def names(self) -> set[str]:
        """Return the names of the classes that this one is made of."""
        found = {name for each in self.fields for name in each.type.names()}
        return found | set(self.type.names() if self.type else ())
