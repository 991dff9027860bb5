"""Intended differences of spec/deviations.toml: parsing, matching, and detection of stale entries."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .comparison import Names
from .documents import DocumentError, is_list, is_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from .differences import Difference
    from .documents import Document

# The standard library has it since Python 3.11; before, pytest and mypy bring the same code along as tomli.
_read_toml: Callable[[str], dict[str, Any]] = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli").loads

_TEXTS = ("ours", "theirs", "reason", "evidence")


@dataclass(frozen=True)
class KnownDocument:
    """A published document to which entries refer."""

    title: str
    form: str
    versions: tuple[str, ...]

    def is_it(self, document: Document) -> bool:
        """Return whether this is the document that somebody asked about."""
        return (document.title, document.form) == (self.title, self.form) and document.version in self.versions


@dataclass(frozen=True)
class Deviation:
    """One family of differences with one reason.

    Attributes:
        pointers: Places; `*` stands for anything within a segment, `**` for any segments, `{a,b}` for a or b.
        ours: What our document says there, word for word as reported.
        theirs: What the other document says there.
        reason: Why ours is right.
        evidence: Where the fact was found.
        documents: How many differences it explains in each known document it is about.
    """

    pointers: tuple[str, ...]
    ours: str
    theirs: str
    reason: str
    evidence: str
    documents: dict[str, int]

    def explains(self, difference: Difference) -> bool:
        """Return whether place and both statements are the ones this entry is about."""
        return (self.ours, self.theirs) == (difference.ours, difference.theirs) and any(
            re.fullmatch(_pattern(pointer), difference.pointer) for pointer in self.pointers
        )

    def complaint(self, known: str, explained: int) -> str:
        """Return what is stale about this entry after a comparison with a known document, else nothing."""
        expected = self.documents.get(known)
        if expected is None or expected == explained:
            return ""
        more = len(self.pointers) - 1
        place = f"{self.pointers[0]} and {more} more" if more else self.pointers[0]
        return f"{place}: explains {explained} differences of {known}, the entry says {expected}"


@dataclass(frozen=True)
class Deviations:
    """All entries of spec/deviations.toml."""

    names: Names
    known: dict[str, KnownDocument]
    entries: tuple[Deviation, ...]

    def identify(self, document: Document) -> str:
        """Return the id of a known document, or nothing for any other, such as a newer version."""
        return next((key for key, known in self.known.items() if known.is_it(document)), "")

    def about(self, known: str) -> Iterable[Deviation]:
        """Return the entries for a known document; for an unknown one all of them."""
        return [entry for entry in self.entries if not known or known in entry.documents]


def load_deviations(path: Path) -> Deviations:
    """Read the file.

    Raises:
        DocumentError: it cannot be read, or an entry lacks something or says something unexpected.
    """
    try:
        content = _read_toml(path.read_text(encoding="utf-8"))
        names = _names(content.get("names", {}))
        known = {key: _known_document(key, raw) for key, raw in content.get("documents", {}).items()}
        entries = tuple(_entry(raw, known) for raw in content.get("deviation", []))
        return Deviations(names, known, entries)
    except OSError as error:
        raise DocumentError(f"{path}: {error.strerror or error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise DocumentError(f"{path}: {' '.join(str(error).split())}") from error


def _names(raw: Any) -> Names:
    if not is_object(raw) or not {"schemas", "paths"} >= set(raw):
        raise ValueError("names has tables of schemas and paths")
    tables = {key: table for key, table in raw.items() if is_object(table) and _all_texts(list(table.values()))}
    if len(tables) < len(raw):
        raise ValueError("names has tables of schemas and paths")
    return Names(**tables)


def _known_document(key: str, raw: Any) -> KnownDocument:
    if not is_object(raw) or set(raw) != {"title", "form", "versions"} or not is_list(raw["versions"]):
        raise ValueError(f"documents.{key}: a document has title, form and a list of versions")
    return KnownDocument(str(raw["title"]), str(raw["form"]), tuple(str(version) for version in raw["versions"]))


def _entry(raw: dict[str, Any], known: dict[str, KnownDocument]) -> Deviation:
    pointers, documents = raw.get("pointers"), raw.get("documents")
    if not is_list(pointers) or not pointers or not _all_texts(pointers):
        raise ValueError("every deviation has a list of pointers")
    if set(raw) != {"pointers", "documents", *_TEXTS} or not _all_texts([raw[key] for key in _TEXTS]):
        raise ValueError(f"{pointers[0]}: besides pointers and documents an entry has the texts {', '.join(_TEXTS)}")
    if not is_object(documents) or not documents or any(not _is_count(known, item) for item in documents.items()):
        raise ValueError(f"{pointers[0]}: documents holds a count for one or more of {', '.join(known)}")
    fields: dict[str, Any] = {**raw, "pointers": tuple(pointers)}
    return Deviation(**fields)


def _is_count(known: dict[str, KnownDocument], item: tuple[str, Any]) -> bool:
    return item[0] in known and type(item[1]) is int and item[1] > 0


def _all_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) and value.strip() for value in values)


def _pattern(pointer: str) -> str:
    """Return a pointer as a regular expression; braces without a comma belong to a path."""
    pieces: list[str] = []
    for piece in re.split(r"(\*+|\{[^{}/]*,[^{}/]*\})", pointer):
        if piece in {"*", "**"}:
            pieces.append("[^/]*" if piece == "*" else ".*")
        elif piece.startswith("{") and "," in piece:
            pieces.append("(?:" + "|".join(re.escape(choice) for choice in piece[1:-1].split(",")) + ")")
        else:
            pieces.append(re.escape(piece))
    return "".join(pieces)
