"""Differences between two documents, and how much each matters to a program that was written for ours."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

ABSENT = "absent"
PRESENT = "present"
NONE = "none"


class Severity(enum.IntEnum):
    """What a difference means to a program that was written for our document and meets a server of the other one."""

    NOTE = 1
    """It cannot notice."""
    ADDITIVE = 2
    """It works, and there is something that it does not use yet."""
    BREAKING = 3
    """It can fail, or mean something else than before."""


@dataclass(frozen=True, order=True)
class Difference:
    """One point of disagreement; `origin` is the other document's name for the schema in which it was seen.

    Places read like JSON pointers without escapes: `/paths/messages/{id}/get/responses/404` for operations, with our
    names of path parameters, `/schemas/Message/properties/ttl/minimum` for the fields of what we call Message.
    """

    pointer: str
    ours: str
    theirs: str
    origin: str = ""

    def __str__(self) -> str:
        line = f"{self.pointer}: ours {self.ours}, theirs {self.theirs}"
        return f"{line} (in {self.origin})" if self.origin else line


@dataclass
class Findings:
    """The differences found so far, each once and with its highest severity: a schema may be both sent and received."""

    found: dict[Difference, Severity] = field(default_factory=dict[Difference, Severity])

    def point(self, pointer: str, ours: str, theirs: str, severity: Severity, origin: str = "") -> None:
        """Note a point unless both sides say the same."""
        if ours != theirs:
            difference = Difference(pointer, ours, theirs, origin)
            self.found[difference] = max(severity, self.found.get(difference, severity))

    def presence(
        self,
        pointer: str,
        ours: object,
        theirs: object,
        *,
        added: Severity = Severity.ADDITIVE,
        removed: Severity = Severity.BREAKING,
    ) -> bool:
        """Note a thing that only one side has; return whether both have it."""
        severity = added if ours is None else removed
        self.point(
            pointer, PRESENT if ours is not None else ABSENT, PRESENT if theirs is not None else ABSENT, severity
        )
        return ours is not None and theirs is not None


def severity_of_range(*, sent: bool, wider: bool | None) -> Severity:
    """Return what it means that the other document allows more values, fewer, or others (None)."""
    if wider is None:
        return Severity.BREAKING
    if sent:
        return Severity.ADDITIVE if wider else Severity.BREAKING
    return Severity.BREAKING if wider else Severity.NOTE


def yes_or_no(*, value: bool) -> str:
    """Return a truth value as a reader of the report expects it."""
    return "yes" if value else "no"
