"""Comparison of two documents, operation by operation.

The schemas of the other document are found through the operations that use them: what they are called does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .differences import ABSENT, PRESENT, Findings, Severity, severity_of_range, yes_or_no
from .documents import is_list, is_object
from .operations import UNSECURED, placeholders, read_operations, read_servers, read_webhooks, shape_of_path
from .schemas import Place, SchemaComparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .differences import Difference
    from .documents import Document, JsonObject
    from .operations import Body, Operation, Parameter


@dataclass(frozen=True)
class Names:
    """What the other document calls differently: schemas that no operation uses, and first segments of paths."""

    schemas: Mapping[str, str] = field(default_factory=dict[str, str])
    paths: Mapping[str, str] = field(default_factory=dict[str, str])


def compare(ours: Document, theirs: Document, names: Names) -> dict[Difference, Severity]:
    """Return what differs, each point once, in the order of the places, with the highest severity of its uses.

    Raises:
        DocumentError: a document is broken somewhere inside.
    """
    findings = Findings()
    schemas = SchemaComparison(ours, theirs, findings)
    mine = read_operations(ours, {}, set())
    known = {shape_of_path(operation.path) for operation in mine.values()}
    sections = [("/paths", mine, read_operations(theirs, names.paths, known))]
    if "webhooks" in theirs.root:
        sections.append(("/webhooks", read_webhooks(ours), read_webhooks(theirs)))
    for section, own, others in sections:
        # A program sends the requests of paths, and receives those of webhooks.
        _Comparison(findings, schemas, requests_are_sent=section == "/paths").operations(section, own, others)
    servers = read_servers(ours), read_servers(theirs)
    for url in {*servers[0], *servers[1]}:
        findings.presence(f"/servers/{url}", *(url if url in side else None for side in servers))
    _compare_loose_schemas(schemas, names.schemas)
    return dict(sorted(findings.found.items()))


@dataclass
class _Comparison:
    findings: Findings
    schemas: SchemaComparison
    requests_are_sent: bool

    def operations(self, section: str, ours: Mapping[str, Operation], theirs: Mapping[str, Operation]) -> None:
        for key in ours.keys() | theirs.keys():
            mine, other = ours.get(key), theirs.get(key)
            shown = mine or theirs[key]
            pointer = f"{section}{shown.path}/{shown.method}"
            if self.findings.presence(pointer, mine, other) and mine and other:
                self._operation(pointer, mine, other)

    def _operation(self, pointer: str, ours: Operation, theirs: Operation) -> None:
        still_valid = theirs.security >= ours.security or UNSECURED in theirs.security
        severity = Severity.ADDITIVE if still_valid else Severity.BREAKING
        sides = [" or ".join(sorted(side.security)) for side in (ours, theirs)]
        self.findings.point(f"{pointer}/security", sides[0], sides[1], severity)
        sides = [yes_or_no(value=side.deprecated) for side in (ours, theirs)]
        self.findings.point(f"{pointer}/deprecated", sides[0], sides[1], Severity.NOTE)
        self._parameters(f"{pointer}/parameters", ours, theirs)
        self._body(f"{pointer}/requestBody", ours, theirs)
        for status in ours.responses.keys() | theirs.responses.keys():
            mine, other = ours.responses.get(status), theirs.responses.get(status)
            place = f"{pointer}/responses/{status}"
            removed = Severity.BREAKING if status.startswith("2") else Severity.NOTE
            if self.findings.presence(place, mine, other, removed=removed) and mine and other:
                received = self.requests_are_sent
                self._each(f"{place}/content", mine.media, other.media, sent=not received)
                self._each(f"{place}/headers", mine.headers, other.headers, sent=not received)

    def _parameters(self, pointer: str, ours: Operation, theirs: Operation) -> None:
        renamed = {
            f"path/{other}": f"path/{mine}"
            for mine, other in zip(placeholders(ours.path), placeholders(theirs.path), strict=True)
        }
        others = {renamed.get(key, key): parameter for key, parameter in theirs.parameters.items()}
        for key in ours.parameters.keys() | others.keys():
            mine, other = ours.parameters.get(key), others.get(key)
            if self._input(f"{pointer}/{key}", mine, other) and mine and other:
                sides = [yes_or_no(value=side.deprecated) for side in (mine, other)]
                self.findings.point(f"{pointer}/{key}/deprecated", sides[0], sides[1], Severity.NOTE)
                self.schemas.compare(Place(f"{pointer}/{key}", self.requests_are_sent), mine.schema, other.schema)

    def _body(self, pointer: str, ours: Operation, theirs: Operation) -> None:
        if self._input(pointer, ours.body, theirs.body) and ours.body and theirs.body:
            self._each(f"{pointer}/content", ours.body.media, theirs.body.media, sent=self.requests_are_sent)

    def _input(self, pointer: str, ours: Parameter | Body | None, theirs: Parameter | Body | None) -> bool:
        """Compare presence and need of a part of the request; return whether both have it."""
        needed = Severity.BREAKING if theirs and theirs.required and self.requests_are_sent else Severity.ADDITIVE
        if not (self.findings.presence(pointer, ours, theirs, added=needed) and ours and theirs):
            return False
        sides = [yes_or_no(value=side.required) for side in (ours, theirs)]
        severity = severity_of_range(sent=self.requests_are_sent, wider=ours.required)
        self.findings.point(f"{pointer}/required", sides[0], sides[1], severity)
        return True

    def _each(
        self, pointer: str, ours: Mapping[str, JsonObject], theirs: Mapping[str, JsonObject], *, sent: bool
    ) -> None:
        for name in ours.keys() | theirs.keys():
            if self.findings.presence(f"{pointer}/{name}", ours.get(name), theirs.get(name)):
                self.schemas.compare(Place(f"{pointer}/{name}", sent), ours[name], theirs[name])


def _compare_loose_schemas(schemas: SchemaComparison, names: Mapping[str, str]) -> None:
    """Compare the schemas that theirs only declares, under our name for them or the name that both use.

    They describe what the gateway sends: the events of webhooks.
    """
    ours, theirs = schemas.ours, schemas.theirs
    used = _mentioned(theirs, [theirs.root.get("paths"), theirs.root.get("webhooks")])
    loose = {name: names.get(name, name) for name in theirs.schemas if name not in used}
    partners = {name: target for name, target in loose.items() if target in ours.schemas}
    for name, target in partners.items():
        place = Place(f"/schemas/{target}", sent=False, origin=name)
        schemas.compare(place, ours.reference(target), theirs.reference(name))
    used = _mentioned(theirs, [theirs.reference(name) for name in partners])
    for name in loose.keys() - used:
        schemas.findings.point(f"/schemas/{name}", ABSENT, PRESENT, Severity.NOTE)


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
