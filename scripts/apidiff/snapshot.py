"""The snapshot of the public API, and the announcements of breaking changes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from .changes import names_in

if TYPE_CHECKING:
    from .changes import Change
    from .facts import Facts

SNAPSHOT = Path("tests", "public_api.txt")
CHANGELOG = Path("CHANGELOG.md")

_TITLE = "# Public API: one fact a line, compared by scripts/apidiff"
_ENTRIES = re.compile(r"^## \[Unreleased\]\n(?:(?!## ).*\n)*?### Breaking\n(?P<entries>(?:(?!##).*\n?)*)", re.MULTILINE)


class SnapshotError(Exception):
    """A snapshot that cannot be read; the text is one line."""


def write(facts: Facts) -> str:
    """Return the text of a snapshot."""
    return "\n".join([_TITLE, *(f"{place}: {fact}" for place, fact in facts.items())]) + "\n"


def read(text: str) -> Facts:
    """Return the facts of a snapshot.

    Raises:
        SnapshotError: it has another form, as those of early revisions have.
    """
    title, *lines = text.splitlines() or [""]
    if title != _TITLE:
        raise SnapshotError("its snapshot has another form")
    return dict(line.split(": ", 1) for line in lines)


def read_revision(root: Path, revision: str) -> Facts:
    """Return the facts of the snapshot that a revision of the git repository holds.

    Raises:
        SnapshotError: there is no such revision, or it has no snapshot of this form.
    """
    name = f"{revision}:{SNAPSHOT.as_posix()}"
    command = ["git", "-C", str(root), "show", "--end-of-options", name]
    shown = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if shown.returncode:
        raise SnapshotError(f"{revision}: {' '.join(shown.stderr.split())}")
    try:
        return read(shown.stdout)
    except SnapshotError as error:
        raise SnapshotError(f"{revision}: {error}") from error


def read_announcements(changelog: str) -> list[list[str]]:
    """Return the names in backticks of the entries under Unreleased, Breaking."""
    section = _ENTRIES.search(changelog)
    quoted = re.findall(r"`([^`\n]+)`", section["entries"]) if section else []
    return [names for names in map(names_in, quoted) if names]


def is_announced(change: Change, announcements: list[list[str]]) -> bool:
    """Return whether an entry names the place of a change, or something around it, by one or more of its names."""
    place = change.words
    return any(place[start : start + len(names)] == names for names in announcements for start in range(len(place)))
