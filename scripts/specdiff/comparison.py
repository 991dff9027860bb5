"""Comparison of two documents, operation by operation.

The schemas of the other document are found through the operations that use them: what they are called does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .differences import ABSENT, NONE, PRESENT, Difference, Findings, yes_or_no
from .documents import is_list, is_object
from .operations import placeholders, read_operations, read_webhooks, shape_of_path
from .schemas import SchemaComparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .documents import Document, JsonObject
    from .operations import Operation


@dataclass(frozen=True)
class Names:
    """What the other document calls differently: schemas that no operation uses, and first segments of paths."""

    schemas: Mapping[str, str] = field(default_factory=dict[str, str])
    paths: Mapping[str, str] = field(default_factory=dict[str, str])


def compare(ours: Document, theirs: Document, names: Names) -> list[Difference]:
    """Return what differs, each point once, in the order of the places.

    Raises:
        DocumentError: a document is broken somewhere inside.
    """
    findings = Findings()
    comparison = _Comparison(findings, SchemaComparison(ours, theirs, findings))
    mine = read_operations(ours, {}, set())
    known = {shape_of_path(operation.path) for operation in mine.values()}
    comparison.operations("/paths", mine, read_operations(theirs, names.paths, known))
    if "webhooks" in theirs.root:
        comparison.operations("/webhooks", read_webhooks(ours), read_webhooks(theirs))
    comparison.loose_schemas(names.schemas)
    return sorted(findings.found)


@dataclass
class _Comparison:
    findings: Findings
    schemas: SchemaComparison

    def operations(self, section: str, ours: Mapping[str, Operation], theirs: Mapping[str, Operation]) -> None:
        for key in ours.keys() | theirs.keys():
            mine, other = ours.get(key), theirs.get(key)
            shown = mine or theirs[key]
            pointer = f"{section}{shown.path}/{shown.method}"
            if self.findings.presence(pointer, mine, other) and mine and other:
                self._operation(pointer, mine, other)

    def _operation(self, pointer: str, ours: Operation, theirs: Operation) -> None:
        sides = ["required" if side.secured else NONE for side in (ours, theirs)]
        self.findings.point(f"{pointer}/security", sides[0], sides[1])
        self._parameters(f"{pointer}/parameters", ours, theirs)
        self._body(f"{pointer}/requestBody", ours, theirs)
        for status in ours.responses.keys() | theirs.responses.keys():
            mine, other = ours.responses.get(status), theirs.responses.get(status)
            place = f"{pointer}/responses/{status}"
            if self.findings.presence(place, mine, other) and mine and other:
                self._each(f"{place}/content", mine.media, other.media)
                self._each(f"{place}/headers", mine.headers, other.headers)

    def _parameters(self, pointer: str, ours: Operation, theirs: Operation) -> None:
        renamed = {
            f"path/{other}": f"path/{mine}"
            for mine, other in zip(placeholders(ours.path), placeholders(theirs.path), strict=True)
        }
        others = {renamed.get(key, key): parameter for key, parameter in theirs.parameters.items()}
        for key in ours.parameters.keys() | others.keys():
            mine, other = ours.parameters.get(key), others.get(key)
            if self.findings.presence(f"{pointer}/{key}", mine, other) and mine and other:
                sides = [yes_or_no(value=side.required) for side in (mine, other)]
                self.findings.point(f"{pointer}/{key}/required", sides[0], sides[1])
                self.schemas.compare(f"{pointer}/{key}", mine.schema, other.schema)

    def _body(self, pointer: str, ours: Operation, theirs: Operation) -> None:
        if self.findings.presence(pointer, ours.body, theirs.body) and ours.body and theirs.body:
            sides = [yes_or_no(value=side.required) for side in (ours.body, theirs.body)]
            self.findings.point(f"{pointer}/required", sides[0], sides[1])
            self._each(f"{pointer}/content", ours.body.media, theirs.body.media)

    def _each(self, pointer: str, ours: Mapping[str, JsonObject], theirs: Mapping[str, JsonObject]) -> None:
        for name in ours.keys() | theirs.keys():
            if self.findings.presence(f"{pointer}/{name}", ours.get(name), theirs.get(name)):
                self.schemas.compare(f"{pointer}/{name}", ours[name], theirs[name])

    def loose_schemas(self, names: Mapping[str, str]) -> None:
        """Compare the schemas that theirs only declares, under our name for them or the name that both use."""
        ours, theirs = self.schemas.ours, self.schemas.theirs
        used = _mentioned(theirs, [theirs.root.get("paths"), theirs.root.get("webhooks")])
        loose = {name: names.get(name, name) for name in theirs.schemas if name not in used}
        partners = {name: target for name, target in loose.items() if target in ours.schemas}
        for name, target in partners.items():
            self.schemas.compare(f"/schemas/{target}", ours.reference(target), theirs.reference(name), name)
        used = _mentioned(theirs, [theirs.reference(name) for name in partners])
        for name in loose.keys() - used:
            self.findings.point(f"/schemas/{name}", ABSENT, PRESENT)


def _mentioned(document: Document, roots: Iterable[Any]) -> set[str]:
    """Return the names of the schemas that are referred to, directly or through others."""
    found: set[str] = set()
    pending = list(roots)
    while pending:
        value = pending.pop()
        if is_object(value):
            name = document.schema_name(value)
            if name and name not in found:
                found.add(name)
                pending.append(document.schemas[name])
            pending.extend(value.values())
        elif is_list(value):
            pending.extend(value)
    return found
