"""Differences between two documents."""

from __future__ import annotations

from dataclasses import dataclass, field

ABSENT = "absent"
PRESENT = "present"
NONE = "none"


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
    """The differences found so far, each once."""

    found: set[Difference] = field(default_factory=set[Difference])

    def point(self, pointer: str, ours: str, theirs: str, origin: str = "") -> None:
        """Note a point unless both sides say the same."""
        if ours != theirs:
            self.found.add(Difference(pointer, ours, theirs, origin))

    def presence(self, pointer: str, ours: object, theirs: object) -> bool:
        """Note a thing that only one side has; return whether both have it."""
        self.point(pointer, PRESENT if ours is not None else ABSENT, PRESENT if theirs is not None else ABSENT)
        return ours is not None and theirs is not None


def yes_or_no(*, value: bool) -> str:
    """Return a truth value as a reader of the report expects it."""
    return "yes" if value else "no"
