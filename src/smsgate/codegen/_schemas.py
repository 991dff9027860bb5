"""JSON schemas as Python types: inline schemas get names, unsupported ones are rejected."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ._limits import read_limits
from ._merging import NOTES, merge_all_of, needs_merging
from ._names import pascal_case, unused_name
from ._properties import read_fields
from ._types import Definition, Type
from ._values import build_literal, enum_values, is_nullable, list_members, list_types

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._binding import Binding
    from ._document import Node
    from ._types import Kind

_COMPONENTS = "/components/schemas/"
_BESIDE = NOTES | {"$schema", "contentMediaType", "contentEncoding", "$defs", "definitions"}
_CONDITIONS = {"not", "contains"}
_STRUCTURE = {
    "$ref", "allOf", "anyOf", "oneOf", "discriminator", "type", "format", "enum", "const", "properties", "required",
    "additionalProperties", "items", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
}  # fmt: skip
_FORMATS: dict[str, Kind] = {"date-time": "time", "date": "date", "uuid": "uuid"}
_TYPES: dict[str, Kind] = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "none"}
RESERVED = {
    "Annotated", "Any", "ClassVar", "EVENTS", "ExplicitModel", "Field", "KnownEvent", "Literal", "Mapping", "Model",
    "OpenIntEnum", "OpenStrEnum", "TYPE_CHECKING", "Timestamp", "TypeAlias", "TypeAliasType", "UNIQUE", "UUID",
    "Operation", "Page", "False", "None", "True",
}  # fmt: skip
"""Names that generated modules use themselves."""


class Schemas:
    """The classes of a document, made as they are met.

    Attributes:
        definitions: classes and aliases by name.
        binding: configuration of the component schemas.
    """

    def __init__(self, root: Node, binding: Binding) -> None:
        self.definitions: dict[str, Definition] = {}
        self.binding = binding
        self._names: dict[str, str] = {}
        self._tags: dict[str, dict[str, Tag]] = {}
        self._binary: set[str] = set()
        self._mentioned: set[str] = set()
        self._queue: list[tuple[Node, bool]] = []
        components = root.get("components")
        found = components.get("schemas") if components else None
        self._components = found.members() if found else {}
        for name, node in self._components.items():
            self._name(node.pointer, name)
        for node in self._components.values():
            self._define(node)
        self.finish()

    def take_mentioned(self) -> set[str]:
        """Return the classes that were converted to since the last call."""
        taken, self._mentioned = self._mentioned, set()
        return taken

    def finish(self) -> None:
        """Define what was met since; unions with a discriminator make their members tell who they are."""
        while self._queue:
            node, is_bound = self._queue.pop(0)
            self._define(node, is_bound=is_bound)
        for name, tags in self._tags.items():
            for wire, tag in tags.items():
                self._tag(self.definitions[name], wire, tag)
        for definition in self.definitions.values():
            self._check_circle(definition)

    def component(self, name: str) -> str:
        """Return the class of a component schema."""
        return self._names[_COMPONENTS + name]

    def resolve_alias(self, kind: Type) -> Type:
        """Return the type behind an alias, through all further aliases."""
        while kind.kind == "alias":
            target = self.definitions[kind.name].type
            if target is None:
                break
            kind = replace(target, is_nullable=target.is_nullable or kind.is_nullable)
        return kind

    def is_integer_enum(self, kind: Type) -> bool:
        """Tell whether an enum has numbers as its values."""
        return kind.kind == "enum" and isinstance(self.definitions[kind.name].members[0][1], int)

    def mark_binary(self, name: str) -> None:
        """Let the ``format: binary`` fields of a model be bytes, as in forms of several parts."""
        self._binary.add(name)
        for each in self.definitions[name].fields:
            kind = self.resolve_alias(each.type)
            part = kind.parts[0] if kind.kind == "list" else kind
            if part.kind == "str" and each.is_binary:
                as_bytes = replace(part, kind="bytes", limits=())
                each.type = replace(kind, parts=(as_bytes,)) if kind.kind == "list" else as_bytes

    def is_binary(self, names: Iterable[str]) -> str:
        """Return the name of a class among these whose fields are bytes, "" for none."""
        return next((name for name in sorted(names) if name in self._binary), "")

    def find_reachable(self, names: Iterable[str], *, beyond: str = "") -> set[str]:
        """Return the names of these classes and of all that they refer to, except through ``beyond``."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found and name != beyond:
                found.add(name)
                waiting += self.definitions[name].names()
        return found

    def convert(self, node: Node, name: str, *, is_bound: bool = False) -> Type:
        """Return the type of a schema; ``name`` is the name of an inline class.

        Raises:
            GenerationError: the schema says something that the models could not keep.
        """
        if isinstance(node.value, bool):
            if not node.value:
                raise node.error("the schema allows no value")
            return Type("any")
        if _shape(node) in {"model", "enum"}:
            if node.pointer not in self._names:
                self._name(node.pointer, name)
                self._queue.append((node, is_bound))
            kind = self._reference(node)
        else:
            kind = self._plain(node, name, is_bound=is_bound)
        self._mentioned |= set(kind.names())
        return kind.nullable() if is_nullable(node) and kind.kind not in {"none", "any"} else kind

    def _reference(self, node: Node) -> Type:
        kind = Type(_shape(node), self._names[node.pointer])
        return kind.nullable() if kind.kind != "alias" and is_nullable(node) else kind

    def _name(self, pointer: str, wanted: str) -> None:
        name = unused_name(pascal_case(wanted, "Schema"), RESERVED | set(self._names.values()))
        self._names[pointer] = name

    def _define(self, node: Node, *, is_bound: bool = False) -> None:
        name = self._names[node.pointer]
        if name in self.definitions:
            return
        shape = _shape(node)
        is_bound = is_bound or node.pointer.removeprefix(_COMPONENTS) in self.binding.base_classes
        text = node.text("description").strip() if node.is_object else ""
        definition = self.definitions[name] = Definition(name, node, text, shape)
        if shape == "enum":
            definition.members = list_members(node)
        elif shape == "model":
            merged = merge_all_of(node) if needs_merging(node) else node
            self._check(merged, is_bound=is_bound)
            definition.fields = read_fields(
                merged, name, lambda each, hint: self.convert(each, hint, is_bound=is_bound)
            )
        elif isinstance(node.value, bool):
            definition.type = self.convert(node, name)
        else:
            definition.type = self._plain(node, name, is_bound=is_bound)
            if node.flag("nullable") or "null" in list_types(node):
                definition.type = definition.type.nullable()

    def _plain(self, node: Node, name: str, *, is_bound: bool) -> Type:
        """Return the type of a schema that needs no class."""
        self._check(node, is_bound=is_bound)
        members = node.members()
        if "$ref" in members:
            target = node.target(node.text("$ref"))
            if target.pointer not in self._names:
                self._name(target.pointer, target.pointer.rpartition("/")[2])
                self._queue.append((target, is_bound))
            return self._reference(target)
        if "allOf" in members:
            if needs_merging(node):
                return self.convert(merge_all_of(node), name, is_bound=is_bound)
            return self.convert(members["allOf"].items()[0], name, is_bound=is_bound)
        if "oneOf" in members or "anyOf" in members:
            return self._union(node, name, is_bound=is_bound)
        values = enum_values(node)
        if values:
            return build_literal(node, values)
        found = [self._of_type(node, each, name, is_bound=is_bound) for each in list_types(node) if each != "null"]
        if not found:
            return Type("none") if list_types(node) else self._convert_untyped(node, name, is_bound=is_bound)
        return found[0] if len(found) == 1 else Type("union", parts=tuple(found))

    def _convert_untyped(self, node: Node, name: str, *, is_bound: bool) -> Type:
        for keyword, kind in (("items", "array"), ("additionalProperties", "object"), ("properties", "object")):
            if node.get(keyword) is not None:
                return self._of_type(node, kind, name, is_bound=is_bound)
        if set(node.members()) & (_STRUCTURE - {"required"}):
            raise node.error("needs a type")
        return Type("any")

    def _of_type(self, node: Node, kind: str, name: str, *, is_bound: bool) -> Type:
        if kind == "array":
            items = node.get("items")
            item = self.convert(items, f"{name}Item", is_bound=is_bound) if items else Type("any")
            unique = node.flag("uniqueItems") and not is_bound
            return Type("list", parts=(item,), limits=read_limits(node, kind), is_unique=unique)
        if kind == "object":
            if (properties := node.get("properties")) and properties.members():
                raise properties.error("named properties beside another type are not supported")
            further = node.get("additionalProperties")
            value = Type("any") if further is None or further.value is False else self.convert(further, f"{name}Value")
            return Type("dict", parts=(value,), limits=read_limits(node, kind))
        if kind not in _TYPES:
            raise node.error(f"unknown type {kind!r}")
        plain = _FORMATS.get(node.text("format"), "str") if kind == "string" else _TYPES[kind]
        limits = read_limits(node, kind)
        if limits and plain not in {"str", "int", "float"}:
            raise node.error(f"limits on format {node.text('format')} are not supported")
        return Type(plain, limits=limits)

    def _union(self, node: Node, name: str, *, is_bound: bool) -> Type:
        keyword = "oneOf" if node.get("oneOf") else "anyOf"
        others = set(node.members()) & _STRUCTURE - {keyword, "discriminator", "type"}
        if others:
            raise node.error(f"{keyword} beside {min(others)} is not supported")
        branches = node.members()[keyword].items()
        if not branches:
            raise node.error(f"{keyword} needs a member")
        for branch in branches:
            if branch.is_object and branch.value.keys() <= {"required", "not"}:
                raise branch.error("a condition without a type is not supported")
        parts = [
            self.convert(branch, f"{name}{number}", is_bound=is_bound) for number, branch in enumerate(branches, 1)
        ]
        is_null = any(part.kind == "none" or part.is_nullable for part in parts)
        parts = [replace(part, is_nullable=False) for part in parts if part.kind != "none"]
        parts = list(dict.fromkeys(parts))
        if len(parts) <= 1:
            kind = parts[0] if parts else Type("none")
        else:
            discriminator = node.get("discriminator")
            tag = self._discriminate(discriminator, branches, parts) if discriminator else ""
            kind = Type("union", parts=tuple(parts), tag=tag)
        return kind.nullable() if is_null else kind

    def _discriminate(self, discriminator: Node, branches: list[Node], parts: list[Type]) -> str:
        wire = discriminator.text("propertyName")
        mapping = discriminator.get("mapping")
        references = {branch.text("$ref") for branch in branches if branch.is_object}
        tags = {ref.rpartition("/")[2]: ref for ref in references if ref}
        if mapping is not None:
            named = {value: str(ref.value) for value, ref in mapping.members().items()}
            full = {value: ref if "/" in ref else f"#{_COMPONENTS}{ref}" for value, ref in named.items()}
            tags = {**{k: v for k, v in tags.items() if v not in full.values()}, **full}
        if not wire or any(part.kind != "model" for part in parts):
            raise discriminator.error("needs a propertyName and members that are objects")
        for value, reference in tags.items():
            if reference not in references:
                raise discriminator.error(f"mapping of {value!r} leads to no member")
            name = self._names[discriminator.target(reference).pointer]
            tag = self._tags.setdefault(name, {}).setdefault(wire, Tag(discriminator))
            listed = tag.mapped if mapping is not None and mapping.get(value) is not None else tag.implied
            listed += [value] if value not in listed else []
        if unnamed := sorted(references - set(tags.values())):
            raise discriminator.error(f"mapping has no value for {unnamed[0]}")
        return wire

    def _tag(self, definition: Definition, wire: str, tag: Tag) -> None:
        """Let a property hold the values of a discriminator only; its own values count more than a schema's name."""
        found = next((each for each in definition.fields if each.wire == wire), None)
        if found is None:
            raise definition.node.error(f"needs the property {wire}, by which a discriminator tells it apart")
        if tag.own is None:
            kind = self.resolve_alias(found.type)
            members = [value for _, value in self.definitions[kind.name].members] if kind.kind == "enum" else []
            tag.own = kind.values if kind.kind == "literal" else tuple(members)
        values = tag.mapped or [value for value in tag.implied if value in tag.own] or list(tag.own) or tag.implied
        if tag.own and (wrong := [value for value in values if value not in tag.own]):
            raise tag.node.error(f"{wrong[0]!r} is no value of the property {wire} of {definition.node.pointer}")
        found.type = Type("literal", values=tuple(values))
        found.is_required = True

    def _check_circle(self, definition: Definition) -> None:
        """Reject an alias that is made of itself alone, with no list, map or object in between."""
        waiting, seen = [definition.type] if definition.type else [], set[str]()
        while waiting:
            kind = waiting.pop()
            if kind.kind == "alias" and kind.name not in seen:
                if kind.name == definition.name:
                    raise definition.node.error("the schema leads back to itself")
                seen.add(kind.name)
                target = self.definitions[kind.name].type
                waiting += [target] if target else []
            elif kind.kind == "union":
                waiting += kind.parts

    def python_tag(self, kind: Type) -> Type:
        """Return a type with the Python name of each discriminator in it."""
        if kind.kind in {"list", "dict", "union"}:
            kind = replace(kind, parts=tuple(self.python_tag(part) for part in kind.parts))
        if kind.kind != "union" or not kind.tag:
            return kind
        fields = self.definitions[kind.parts[0].name].fields
        return replace(kind, tag=next((each.name for each in fields if each.wire == kind.tag), kind.tag))

    def _check(self, node: Node, *, is_bound: bool) -> None:
        """Reject unsupported keywords; a hand-written base class may implement conditions."""
        known = _BESIDE | _STRUCTURE | (_CONDITIONS if is_bound else set[str]())
        for keyword, member in node.members().items():
            if keyword not in known and not keyword.startswith("x-"):
                raise member.error(f"keyword {keyword} is not supported; an overlay can remove it")
        if "$ref" in node.members() and (others := set(node.members()) & _STRUCTURE - {"$ref"}):
            raise node.error(f"$ref beside {min(others)} is not supported; use allOf")


@dataclass
class Tag:
    """Values by which discriminators tell a class apart, in one of its properties.

    Attributes:
        node: a discriminator.
        mapped: values of a mapping.
        implied: the name of the schema, where no mapping names it.
        own: values that the property allows by itself, () for any; None before they are known.
    """

    node: Node
    mapped: list[str] = field(default_factory=list[str])
    implied: list[str] = field(default_factory=list[str])
    own: tuple[Any, ...] | None = None


def _shape(node: Node) -> Any:
    if not node.is_object:
        if not isinstance(node.value, bool):
            raise node.error("must be a schema")
        return "alias"
    members = node.members()
    if "$ref" in members or "oneOf" in members or "anyOf" in members:
        return "alias"
    if "allOf" in members:
        return _shape(merge_all_of(node)) if needs_merging(node) else "alias"
    values = [value for value in enum_values(node) if value is not None]
    if "enum" in members and values:
        is_enum = all(type(value) is str for value in values) or all(type(value) is int for value in values)
        return "enum" if is_enum else "alias"
    has_fields = "properties" in members and bool(members["properties"].members())
    return "model" if has_fields and set(list_types(node)) <= {"object", "null"} else "alias"
