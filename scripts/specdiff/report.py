"""Reports of a comparison: as text, JSON, annotations for GitHub, and SARIF."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .differences import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .deviations import Deviation
    from .differences import Difference

_GITHUB_COMMANDS = {Severity.BREAKING: "error", Severity.ADDITIVE: "warning", Severity.NOTE: "notice"}
_SARIF_LEVELS = {Severity.BREAKING: "error", Severity.ADDITIVE: "warning", Severity.NOTE: "note"}
_RULES = {
    "breaking": "A program written for the spec can fail against the other document.",
    "additive": "The other document has something that the spec does not use.",
    "note": "A difference that a program cannot notice.",
    "stale-entry": "An entry of the deviations explains another number of differences than it says.",
}
_HELP = "Change the spec, or explain the difference in spec/deviations.toml."
_FIRST_CHARACTER = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
"""Region of all results: code scanning of GitHub needs one, and the two documents have no lines in common."""
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True)
class Report:
    """The result of a comparison.

    Attributes:
        document: The id of a known document, empty for any other.
        spec: The file that was compared with it.
        open: The differences that no entry explains.
        explained: The other ones.
        stale: What is wrong with entries that do not explain what they say.
    """

    document: str
    spec: str
    open: dict[Difference, Severity]
    explained: dict[Difference, tuple[Severity, Deviation]]
    stale: list[str]

    @property
    def worst(self) -> Severity | None:
        """Return the highest severity of what is not explained; a stale entry counts as a note."""
        return max([*self.open.values(), *([Severity.NOTE] if self.stale else [])], default=None)

    @property
    def summary(self) -> str:
        """Return the counts on one line."""
        return (
            f"specdiff: {self.document or 'unknown document'}: {len(self.open)} unexplained, "
            f"{len(self.explained)} explained, {len(self.stale)} stale entries"
        )


def as_text(report: Report, *, show_all: bool) -> Iterator[str]:
    """Yield one line per difference, and the counts."""
    if show_all:
        for difference, (_, entry) in report.explained.items():
            yield printable(f"explained: {difference} [{entry.reason}] [{entry.evidence}]")
    for difference, severity in report.open.items():
        yield printable(f"{severity.name.lower()}: {difference}")
    for complaint in report.stale:
        yield f"stale entry: {complaint}"
    yield report.summary


def as_json(report: Report, *, show_all: bool) -> Iterator[str]:
    """Yield one JSON document."""
    explained = report.explained.items() if show_all else ()
    differences = [
        *(_fields(difference, severity) for difference, severity in report.open.items()),
        *(
            {**_fields(difference, severity), "reason": entry.reason, "evidence": entry.evidence}
            for difference, (severity, entry) in explained
        ),
    ]
    counts = {"unexplained": len(report.open), "explained": len(report.explained), "stale": len(report.stale)}
    content = {"document": report.document, "counts": counts, "differences": differences, "stale": report.stale}
    yield json.dumps(content, indent=2)


def as_github(report: Report, *, show_all: bool) -> Iterator[str]:
    """Yield workflow commands, which GitHub Actions shows beside the file, and the counts."""
    if show_all:
        for difference, (_, entry) in report.explained.items():
            yield _command("notice", report.spec, "explained", f"{difference} [{entry.reason}]")
    for difference, severity in report.open.items():
        yield _command(_GITHUB_COMMANDS[severity], report.spec, severity.name.lower(), str(difference))
    for complaint in report.stale:
        yield _command("notice", report.spec, "stale entry", complaint)
    yield _escaped(report.summary)


def as_sarif(report: Report, *, show_all: bool) -> Iterator[str]:
    """Yield one SARIF 2.1.0 document; explained differences are suppressed results."""
    results = [
        _result(report, severity.name.lower(), _SARIF_LEVELS[severity], str(difference), difference.pointer)
        for difference, severity in report.open.items()
    ]
    results += [_result(report, "stale-entry", "note", complaint, "") for complaint in report.stale]
    for difference, (severity, entry) in report.explained.items() if show_all else ():
        result = _result(report, severity.name.lower(), "note", str(difference), difference.pointer)
        results.append({**result, "suppressions": [{"kind": "external", "justification": entry.reason}]})
    rules = [
        {"id": rule, "shortDescription": {"text": text}, "fullDescription": {"text": text}, "help": {"text": _HELP}}
        for rule, text in _RULES.items()
    ]
    run = {"tool": {"driver": {"name": "specdiff", "rules": rules}}, "results": results}
    yield json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


FORMATS: dict[str, Callable[..., Iterator[str]]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}


def printable(text: str) -> str:
    """Return text without characters that a terminal obeys, such as line breaks in names of a document."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def _fields(difference: Difference, severity: Severity) -> dict[str, str]:
    return {"severity": severity.name.lower(), **vars(difference)}


def _command(name: str, file: str, title: str, message: str) -> str:
    properties = {"file": file, "title": f"specdiff {title}"}
    shown = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::{name} {shown}::{_escaped(message)}"


def _escaped(text: str, also: str = "") -> str:
    """A line break would end the command and let a document begin another one."""
    for character in f"%\r\n{also}":
        text = text.replace(character, f"%{ord(character):02X}")
    return printable(text)


def _result(report: Report, rule: str, level: str, message: str, pointer: str) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": quote(report.spec)}, "region": _FIRST_CHARACTER}
    location: dict[str, Any] = {"physicalLocation": place}
    if pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": pointer}]
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": message},
        "locations": [location],
        "partialFingerprints": {"primaryLocationLineHash": sha256(message.encode()).hexdigest()[:32]},
    }
