"""Comparison of two schemas and their fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .differences import ABSENT, NONE, PRESENT, yes_or_no
from .shapes import LIMITS, read_shape

if TYPE_CHECKING:
    from .differences import Findings
    from .documents import Document, JsonObject
    from .shapes import Shape


_DEPTH = 60
"""Choices that contain themselves have no end; down here everything in them has been compared."""


@dataclass
class SchemaComparison:
    """Compares schemas by what they demand; fields are compared once for each pair of named schemas.

    A field's place starts at our name of the schema it belongs to, wherever that schema is used.
    """

    ours: Document
    theirs: Document
    findings: Findings
    compared: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def compare(self, pointer: str, ours: JsonObject, theirs: JsonObject, origin: str = "") -> None:
        """Note the differences between two schemas that are used at `pointer`.

        Raises:
            DocumentError: one of them is broken.
        """
        mine, other = read_shape(self.ours, ours), read_shape(self.theirs, theirs)
        point = self.findings.point
        point(f"{pointer}/type", mine.kind, other.kind, origin)
        point(f"{pointer}/nullable", yes_or_no(value=mine.nullable), yes_or_no(value=other.nullable), origin)
        for limit in LIMITS:
            point(f"{pointer}/{limit}", mine.limits.get(limit, NONE), other.limits.get(limit, NONE), origin)
        self._enum(f"{pointer}/enum", mine, other, origin)
        if mine.items is not None or other.items is not None:
            self.compare(f"{pointer}/items", mine.items or {}, other.items or {}, origin)
        if mine.values is not None and other.values is not None:
            self.compare(f"{pointer}/additionalProperties", mine.values, other.values, origin)
        self._fields(pointer, mine, other, origin)

    def _enum(self, pointer: str, ours: Shape, theirs: Shape, origin: str) -> None:
        if not (ours.enum and theirs.enum):
            self.findings.point(pointer, ours.values_in_short(), theirs.values_in_short(), origin)
            return
        sides = ["open" if side.open else "closed" for side in (ours, theirs)]
        self.findings.point(pointer, sides[0], sides[1], origin)
        for value in {*ours.enum, *theirs.enum}:
            sides = [PRESENT if value in side.enum else ABSENT for side in (ours, theirs)]
            self.findings.point(f"{pointer}/{value}", sides[0], sides[1], origin)

    def _fields(self, pointer: str, ours: Shape, theirs: Shape, origin: str) -> None:
        if not (ours.properties and theirs.properties):
            sides = [yes_or_no(value=bool(side.properties)) for side in (ours, theirs)]
            self.findings.point(f"{pointer}/properties", sides[0], sides[1], origin)
            return
        place, origin = f"/schemas/{ours.name}" if ours.name else pointer, theirs.name or origin or pointer
        if (place, origin) in self.compared or place.count("/") > _DEPTH:
            return
        self.compared.add((place, origin))
        for name in ours.properties.keys() | theirs.properties.keys():
            self._field(f"{place}/properties/{name}", name, ours, theirs, origin)

    def _field(self, pointer: str, name: str, ours: Shape, theirs: Shape, origin: str) -> None:
        if name in ours.properties and name in theirs.properties:
            sides = [yes_or_no(value=name in side.required) for side in (ours, theirs)]
            self.findings.point(f"{pointer}/required", sides[0], sides[1], origin)
            self.compare(pointer, ours.properties[name], theirs.properties[name], origin)
        elif name in ours.properties:
            self.findings.point(pointer, _in_short(self.ours, ours, name), ABSENT, origin)
        else:
            self.findings.point(pointer, ABSENT, _in_short(self.theirs, theirs, name), origin)


def _in_short(document: Document, shape: Shape, name: str) -> str:
    """Return a field that only one side has, with enough detail to notice when it changes."""
    presence = "required" if name in shape.required else "optional"
    return f"{presence} {read_shape(document, shape.properties[name]).summary()}"
