"""Comparison of two schemas and their fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .differences import ABSENT, NONE, PRESENT, Severity, severity_of_range, yes_or_no
from .shapes import LIMITS, is_wider_limit, is_wider_type, read_shape

if TYPE_CHECKING:
    from .differences import Findings
    from .documents import Document, JsonObject
    from .shapes import Shape


_DEPTH = 60
"""Choices that contain themselves may grow without end; down here everything in them has been compared."""


@dataclass(frozen=True)
class Place:
    """Where two schemas are used; `origin` is the other document's name of the schema around."""

    pointer: str
    sent: bool
    origin: str = ""

    def below(self, name: str) -> Place:
        """Return a place inside this one."""
        return Place(f"{self.pointer}/{name}", self.sent, self.origin)


@dataclass
class SchemaComparison:
    """Compares schemas by what they demand; fields are compared once for each pair of named schemas and direction.

    A field's place starts at our name of the schema it belongs to, wherever that schema is used.
    """

    ours: Document
    theirs: Document
    findings: Findings
    compared: set[Place] = field(default_factory=set[Place])
    _open: set[tuple[str, str, bool]] = field(default_factory=set[tuple[str, str, bool]])

    def compare(self, place: Place, ours: JsonObject, theirs: JsonObject) -> None:
        """Note the differences between two schemas that are used at `place`.

        Raises:
            DocumentError: one of them is broken, or contains itself in too many ways.
        """
        pair = (str(ours.get("$ref", "")), str(theirs.get("$ref", "")), place.sent)
        if pair in self._open or place.pointer.count("/") > _DEPTH:
            return
        if all(pair[:2]):
            self._open.add(pair)
        self._compare(place, ours, theirs)
        self._open.discard(pair)

    def _compare(self, place: Place, ours: JsonObject, theirs: JsonObject) -> None:
        mine, other = read_shape(self.ours, ours), read_shape(self.theirs, theirs)
        self._range(place, "type", mine.kind, other.kind, wider=is_wider_type(mine, other))
        self._flag(place, "nullable", ours=mine.nullable, theirs=other.nullable)
        for limit in LIMITS:
            sides = mine.limits.get(limit, NONE), other.limits.get(limit, NONE)
            self._range(place, limit, *sides, wider=is_wider_limit(limit, *sides))
        self._enum(place.below("enum"), mine, other)
        default = Severity.BREAKING if place.sent else Severity.NOTE
        self._point(place.below("default"), mine.default, other.default, default)
        sides = yes_or_no(value=mine.deprecated), yes_or_no(value=other.deprecated)
        self._point(place.below("deprecated"), *sides, Severity.NOTE)
        if mine.items is not None or other.items is not None:
            self.compare(place.below("items"), mine.items or {}, other.items or {})
        if mine.properties and other.properties:
            self._fields(place, mine, other)
        else:
            self._further_fields(place.below("additionalProperties"), mine, other)
            severity = severity_of_range(sent=place.sent, wider=bool(mine.properties))
            sides = yes_or_no(value=bool(mine.properties)), yes_or_no(value=bool(other.properties))
            self._point(place.below("properties"), *sides, severity)

    def _point(self, place: Place, ours: str, theirs: str, severity: Severity) -> None:
        self.findings.point(place.pointer, ours, theirs, severity, place.origin)

    def _range(self, place: Place, word: str, ours: str, theirs: str, *, wider: bool | None) -> None:
        self._point(place.below(word), ours, theirs, severity_of_range(sent=place.sent, wider=wider))

    def _flag(self, place: Place, word: str, *, ours: bool, theirs: bool) -> None:
        self._range(place, word, yes_or_no(value=ours), yes_or_no(value=theirs), wider=theirs)

    def _enum(self, place: Place, ours: Shape, theirs: Shape) -> None:
        if not (ours.enum and theirs.enum):
            only_open = ours.open or theirs.open
            severity = Severity.NOTE if only_open else severity_of_range(sent=place.sent, wider=not theirs.enum)
            self._point(place, ours.values_in_short(), theirs.values_in_short(), severity)
            return
        sides = ["open" if side.open else "closed" for side in (ours, theirs)]
        self._point(place, sides[0], sides[1], severity_of_range(sent=place.sent, wider=theirs.open))
        for value in {*ours.enum, *theirs.enum}:
            sides = [PRESENT if value in side.enum else ABSENT for side in (ours, theirs)]
            severity = severity_of_range(sent=place.sent, wider=value in theirs.enum)
            if ours.open and value not in ours.enum:
                severity = Severity.ADDITIVE
            self._point(place.below(value), sides[0], sides[1], severity)

    def _further_fields(self, place: Place, ours: Shape, theirs: Shape) -> None:
        if ours.closed != theirs.closed:
            severity = Severity.BREAKING if place.sent else Severity.NOTE
            sides = ["refused" if side.closed else "allowed" for side in (ours, theirs)]
            self._point(place, sides[0], sides[1], severity if theirs.closed else Severity.ADDITIVE)
        elif ours.values is not None and theirs.values is not None and (ours.values or theirs.values):
            self.compare(place, ours.values, theirs.values)

    def _fields(self, place: Place, ours: Shape, theirs: Shape) -> None:
        named = f"/schemas/{ours.name}" if ours.name else place.pointer
        fields = Place(named, place.sent, theirs.name or place.origin or place.pointer)
        if fields in self.compared:
            return
        self.compared.add(fields)
        self._further_fields(fields.below("additionalProperties"), ours, theirs)
        for name in ours.properties.keys() | theirs.properties.keys():
            self._field(fields.below(f"properties/{name}"), name, ours, theirs)

    def _field(self, place: Place, name: str, ours: Shape, theirs: Shape) -> None:
        required = name in theirs.required
        if name in ours.properties and name in theirs.properties:
            sides = [yes_or_no(value=name in side.required) for side in (ours, theirs)]
            severity = Severity.BREAKING if required == place.sent else Severity.ADDITIVE
            self._point(place.below("required"), sides[0], sides[1], severity)
            self.compare(place, ours.properties[name], theirs.properties[name])
        elif name in ours.properties:
            self._point(place, _in_short(self.ours, ours, name), ABSENT, Severity.BREAKING)
        else:
            severity = Severity.BREAKING if required and place.sent else Severity.ADDITIVE
            self._point(place, ABSENT, _in_short(self.theirs, theirs, name), severity)


def _in_short(document: Document, shape: Shape, name: str) -> str:
    """Return a field that only one side has, with enough detail to notice when it changes."""
    presence = "required" if name in shape.required else "optional"
    return f"{presence} {read_shape(document, shape.properties[name]).summary()}"
