"""Changes between two sets of facts, and whether a program can notice them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .types import members, split_default

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .facts import Facts

_PARAMETER = re.compile(r".*\(\w+\)$")


@dataclass(frozen=True, order=True)
class Change:
    """One fact that is new, gone (then a text is empty) or different.

    `breaking` says that a correct program may fail because of it.
    """

    place: str
    before: str
    after: str
    breaking: bool

    def __str__(self) -> str:
        severity = "breaking" if self.breaking else "additive"
        if not self.before:
            return f"{severity}: {self.place}: added: {self.after}"
        if not self.after:
            return f"{severity}: {self.place}: removed"
        return f"{severity}: {self.place}: {self.before} -> {self.after}"

    @property
    def words(self) -> list[str]:
        """Return the names of the place, from the outermost to the innermost."""
        return names_in(self.place)


def names_in(place: str) -> list[str]:
    """Return the names of a place, from the outermost to the innermost."""
    return re.findall(r"[^\s.()]+", place)


def compare(before: Facts, after: Facts) -> list[Change]:
    """Return all changes in the order of their places; what is inside something new or gone is not listed again."""
    found: list[Change] = []
    for place in sorted(before.keys() | after.keys()):
        old, new = before.get(place, ""), after.get(place, "")
        if old == new or any(
            not (side.get(outer)) for side in (before, after) for outer in _around(place, before, after)
        ):
            continue
        is_breaking = _is_implemented_by_users(place, before) or _is_breaking(place, old, new)
        found.append(Change(place, old, new, is_breaking))
    return found


def _around(place: str, before: Facts, after: Facts) -> Iterator[str]:
    """Return the places around one that are facts themselves on either side."""
    for end in [match.start() for match in re.finditer(r"[.( ]", place)]:
        if place[:end] in before or place[:end] in after:
            yield place[:end]


def _is_implemented_by_users(place: str, before: Facts) -> bool:
    """Tell whether a place is a protocol or inside of one: what callers gain there, implementations lack."""
    ends = [match.start() for match in re.finditer(r"[.(]", place)] + [len(place)]
    texts = (before.get(place[:end], "") for end in ends)
    return any(text.startswith("class(") and "Protocol" in _bases(text) for text in texts)


def _is_breaking(place: str, before: str, after: str) -> bool:
    if not after:
        return True
    if not before:
        is_needed = _is_parameter(place) and not split_default(after)[1] and not after.startswith("*")
        return is_needed or after.startswith("required")
    if _is_parameter(place):
        return _is_narrower_parameter(before, after)
    if place.endswith("()"):
        return not members(before) > members(after)
    if before.startswith("class("):
        return not _bases(before) <= _bases(after)
    became_optional = before.startswith("required,") and after.startswith("optional,")
    return not became_optional or before.partition(",")[2] != split_default(after)[0].partition(",")[2]


def _bases(text: str) -> set[str]:
    return {name for name in text.partition("(")[2].rstrip(")").split(", ") if name}


def _is_parameter(place: str) -> bool:
    return _PARAMETER.match(place) is not None


def _is_narrower_parameter(before: str, after: str) -> bool:
    old_kind, _, old = before.partition(", ")
    new_kind, _, new = after.partition(", ")
    old_type, old_default = split_default(old)
    new_type, new_default = split_default(new)
    same_kind = old_kind == new_kind or (old_kind == "keyword" and new_kind.startswith("positional "))
    same_default = old_default in {"", new_default}
    accepts_all = new_type == "Any" or members(new_type) >= members(old_type)
    return not (same_kind and same_default and accepts_all)
