"""Constraints of a schema in one normal form for Swagger 2, OpenAPI 3.0 and 3.1.

References, `allOf`, the two spellings of null and of exclusive limits, and `oneOf`/`anyOf` disappear here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .differences import NONE
from .documents import DocumentError, is_list

if TYPE_CHECKING:
    from .documents import Document, JsonObject

ANY = "any"

LIMITS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)

_SAYS_NOTHING = {("minLength", "0"), ("minItems", "0"), ("minProperties", "0"), ("uniqueItems", "false")}
"""Limits that every value keeps."""

_MOST_READINGS = 50_000
"""Readings of all schemas of a document: choices between choices can multiply, and contain themselves."""

_SIZES_IN_MEMORY = {"int32", "int64", "float", "double", "password"}
"""Formats about storage or display: the value on the wire looks the same."""


@dataclass
class Shape:
    """One schema, merged; fields, items and map values stay raw until somebody looks at them.

    An `open` enum names some values and allows others; `refused` are values that `not` rules out; a `closed` object
    allows no fields but its own.
    """

    name: str = ""
    type: str = ANY
    format: str = ""
    nullable: bool = False
    enum: tuple[str, ...] = ()
    open: bool = False
    refused: tuple[str, ...] = ()
    limits: dict[str, str] = field(default_factory=dict[str, str])
    properties: dict[str, Any] = field(default_factory=dict[str, Any])
    required: set[str] = field(default_factory=set[str])
    items: JsonObject | None = None
    values: JsonObject | None = None
    closed: bool = False
    default: str = NONE
    deprecated: bool = False

    @property
    def kind(self) -> str:
        """Return type and format as one word."""
        return f"{self.type}({self.format})" if self.format else self.type

    def summary(self) -> str:
        """Return everything but fields and items on one line."""
        limits = [f"{key}={value}" for key, value in self.limits.items()]
        enum = [f"one of {self.values_in_short()}"] if self.enum else []
        return ", ".join([self.kind, *(["nullable"] if self.nullable else []), *limits, *enum])

    def values_in_short(self) -> str:
        """Return the allowed values on one line."""
        return " ".join(self.enum) + (" or others" if self.open else "") if self.enum else ANY

    def allows_type(self, other: Shape) -> bool:
        """Return whether type and format allow all that the ones of another shape allow."""
        types = set(self.type.split(" | "))
        types |= {"integer"} if "number" in types else set()
        same_format = self.format in {"", other.format} or other.type == "null"
        return self.type == ANY or (types >= set(other.type.split(" | ")) and same_format)


def is_wider_type(ours: Shape, theirs: Shape) -> bool | None:
    """Return whether theirs allows more types, fewer (False), or others (None)."""
    if theirs.allows_type(ours):
        return True
    return False if ours.allows_type(theirs) else None


def is_wider_limit(word: str, ours: str, theirs: str) -> bool | None:
    """Return whether theirs allows more values, fewer (False), or others (None)."""
    if NONE in {ours, theirs}:
        return theirs == NONE
    if word in {"pattern", "multipleOf", "uniqueItems"}:
        return None
    lower = word.startswith(("min", "exclusiveMin"))
    try:
        return (float(theirs) < float(ours)) == lower
    except ValueError:
        return None


def read_shape(document: Document, raw: JsonObject) -> Shape:
    """Return the merged meaning of one schema.

    Raises:
        DocumentError: a reference is broken, or a schema contains itself outside fields and items.
    """
    return _Reader(document).read(raw, ())


@dataclass
class _Reader:
    document: Document

    def read(self, raw: JsonObject, trail: tuple[str, ...]) -> Shape:
        if next(self.document.readings) > _MOST_READINGS:
            raise DocumentError(f"{self.document.source}: the schemas contain each other in too many ways")
        shape = self._own(raw)
        if "$ref" in raw:
            reference = str(raw["$ref"])
            if reference in trail:
                raise DocumentError(f"{self.document.source}: {reference} contains itself")
            shape = _both(self.read(self.document.target(reference), (*trail, reference)), shape)
            shape.name = reference.rsplit("/", 1)[-1]
        parts = self._list(raw, "allOf")
        for part in parts:
            inner = self.read(part, trail)
            shape = _both(inner, shape)
            # A wrapper around one named schema, made to hang a description on it, is that schema.
            shape.name = inner.name if len(parts) == 1 and "properties" not in raw else ""
        for word in ("oneOf", "anyOf"):
            shape = self._choice(shape, self._list(raw, word), trail)
        return shape

    def _choice(self, shape: Shape, choices: list[JsonObject], trail: tuple[str, ...]) -> Shape:
        real = [choice for choice in choices if choice.get("type") != "null"]
        if not real:
            return shape
        inner = _either([self.read(choice, trail) for choice in real])
        merged = _both(inner, shape)
        merged.name = shape.name or inner.name
        merged.nullable = shape.nullable or inner.nullable or len(real) < len(choices)
        return merged

    def _list(self, raw: JsonObject, word: str) -> list[JsonObject]:
        return [self.document.mapping(part, word) for part in self.document.sequence(raw.get(word), word)]

    def _own(self, raw: JsonObject) -> Shape:
        types, nullable = _types(raw)
        excluded = self.document.mapping(raw.get("not"), "not")
        listed = [raw["const"]] if "const" in raw else self.document.sequence(raw.get("enum"), "enum")
        properties = self.document.mapping(raw.get("properties"), "properties")
        shape = Shape(
            type=types,
            format=_format(raw),
            nullable=nullable or None in listed,
            enum=tuple(_word(value) for value in listed if value is not None),
            limits=_limits(raw),
            properties={name: self._schema(value, name) for name, value in properties.items()},
            required={str(name) for name in self.document.sequence(raw.get("required"), "required")},
            items=self._items(raw, excluded),
            refused=tuple(_word(value) for value in self.document.sequence(excluded.get("enum"), "enum")),
            default=_word(raw["default"]) if raw.get("default") is not None else NONE,
            deprecated=raw.get("deprecated") is True,
        )
        if shape.type == ANY:
            shape.type = _implied_type(shape, listed)
        more = raw.get("additionalProperties")
        if more is False:
            shape.closed = True
        elif shape.type == "object":
            shape.values = {} if more is None else self._schema(more, "additionalProperties")
        return shape

    def _items(self, raw: JsonObject, excluded: JsonObject) -> JsonObject | None:
        if "items" not in raw:
            return None
        items = self._schema(raw["items"], "items")
        # A list that must not contain something is a list whose every item is something else.
        return {"allOf": [items, {"not": excluded["contains"]}]} if "contains" in excluded else items

    def _schema(self, raw: Any, where: str) -> JsonObject:
        return {} if raw is True else self.document.mapping(raw, where)


def _both(inner: Shape, outer: Shape) -> Shape:
    """Return the shape of a value that has to keep two shapes at once."""
    properties = dict(inner.properties)
    for name, raw in outer.properties.items():
        properties[name] = {"allOf": [properties[name], raw]} if name in properties else raw
    refused = (*inner.refused, *outer.refused)
    words = inner.enum or outer.enum
    if inner.enum and outer.enum:
        words = tuple(word for word in inner.enum if word in outer.enum)
    return Shape(
        type=_joined(inner.type, outer.type),
        format=inner.format or outer.format,
        nullable=inner.nullable or outer.nullable,
        enum=tuple(word for word in words if word not in refused),
        open=inner.open or outer.open,
        refused=refused,
        limits={**inner.limits, **outer.limits},
        properties=properties,
        required=inner.required | outer.required,
        items=inner.items or outer.items,
        values=inner.values or outer.values,
        closed=inner.closed or outer.closed,
        default=inner.default if outer.default == NONE else outer.default,
        deprecated=inner.deprecated or outer.deprecated,
    )


def _either(choices: list[Shape]) -> Shape:
    """Return the shape of a value that keeps one of several shapes: the least that holds for every choice."""
    if len(choices) == 1:
        return choices[0]
    free = [choice for choice in choices if not choice.enum]
    names = dict.fromkeys(name for choice in choices for name in choice.properties)
    return Shape(
        type=" | ".join(sorted({choice.type for choice in choices})),
        format=" | ".join(sorted({choice.format for choice in choices if choice.format})),
        nullable=any(choice.nullable for choice in choices),
        enum=tuple(dict.fromkeys(word for choice in choices for word in choice.enum)),
        open=bool(free),
        limits=_shared_limits(free),
        properties={name: _any_of([choice.properties.get(name) for choice in choices]) for name in names},
        required=set[str].intersection(*(choice.required for choice in choices)),
        items=_any_of([choice.items for choice in choices]),
        values=_any_of([choice.values for choice in choices]),
        closed=all(choice.closed for choice in choices),
    )


def _shared_limits(choices: list[Shape]) -> dict[str, str]:
    """Return the limits that every choice sets; a choice with an enum needs none."""
    first = choices[0].limits if choices else {}
    return {key: value for key, value in first.items() if all(choice.limits.get(key) == value for choice in choices)}


def _any_of(schemas: list[JsonObject | None]) -> JsonObject | None:
    present = [schema for schema in schemas if schema is not None]
    return {"anyOf": present} if len(present) > 1 else next(iter(present), None)


def _joined(one: str, other: str) -> str:
    if one in {ANY, other}:
        return other
    return one if other == ANY else " & ".join(sorted((one, other)))


def _types(raw: JsonObject) -> tuple[str, bool]:
    declared: Any = raw.get("type", ANY)
    names = [str(name) for name in declared] if is_list(declared) else [str(declared)]
    nullable = "null" in names or raw.get("nullable") is True or raw.get("x-nullable") is True
    return " | ".join(sorted(name for name in names if name != "null")) or "null", nullable


def _implied_type(shape: Shape, listed: list[Any]) -> str:
    if shape.properties:
        return "object"
    if shape.items is not None:
        return "array"
    if listed and all(isinstance(value, str) for value in listed):
        return "string"
    if listed and all(isinstance(value, int) and not isinstance(value, bool) for value in listed):
        return "integer"
    return ANY


def _format(raw: JsonObject) -> str:
    name = str(raw.get("format", ""))
    return "" if name in _SIZES_IN_MEMORY else name


def _limits(raw: JsonObject) -> dict[str, str]:
    limits = {key: _word(raw[key]) for key in LIMITS if key in raw}
    for bound in ("Minimum", "Maximum"):
        # Before OpenAPI 3.1 a flag beside the limit, since then a limit of its own.
        flag = limits.get(f"exclusive{bound}")
        if flag in {"true", "false"}:
            del limits[f"exclusive{bound}"]
        if flag == "true" and bound.lower() in limits:
            limits[f"exclusive{bound}"] = limits.pop(bound.lower())
    return {key: text for key, text in limits.items() if (key, text) not in _SAYS_NOTHING}


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, sort_keys=True, default=str).strip('"')  # YAML has dates
