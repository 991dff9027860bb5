"""``allOf``: several schemas as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ._document import Node

if TYPE_CHECKING:
    from ._document import Json

NOTES = frozenset({
    "title", "summary", "description", "example", "examples", "externalDocs", "xml", "$comment", "deprecated",
    "readOnly", "writeOnly", "default", "nullable",
})  # fmt: skip
"""Keywords that change no type, or are looked at apart from it."""
_MOST_PARTS = 200


def needs_merging(node: Node) -> bool:
    """Tell whether ``allOf`` combines constraints, and is more than a reference with a description."""
    members = node.members()
    if "allOf" not in members:
        return False
    beside = {name for name in members if name not in NOTES | {"allOf"} and not name.startswith("x-")}
    return len(members["allOf"].items()) != 1 or bool(beside - {"type"})


def merge_all_of(node: Node) -> Node:
    """Return one schema with the constraints of all parts.

    Raises:
        GenerationError: two parts contradict each other, or a part cannot be merged.
    """
    merged: Json = {}
    for number, part in enumerate(_parts(node, [])):
        for keyword, member in part.members().items():
            if keyword == "description" and number and part is not node:
                continue
            _merge(merged, keyword, member)
    own = node.text("description")
    if own:
        merged["description"] = own
    return Node(node.root, node.pointer, merged)


def _parts(node: Node, seen: list[str]) -> list[Node]:
    """Return the parts in order, the schema itself without ``allOf`` as the last one."""
    if node.pointer in seen or len(seen) > _MOST_PARTS:
        raise node.error("allOf leads in a circle")
    found: list[Node] = []
    for each in node.members()["allOf"].items():
        part = each.resolve()
        if part.is_object and "allOf" in part.value:
            found += _parts(part, [*seen, node.pointer])
        else:
            found.append(part)
    rest = {key: value for key, value in cast("Json", node.value).items() if key != "allOf"}
    return [*found, Node(node.root, node.pointer, rest)]


def _merge(merged: Json, keyword: str, member: Node) -> None:
    present: Any = merged.get(keyword)
    if keyword == "properties":
        properties = merged.setdefault("properties", {})
        for name, schema in member.members().items():
            if name in properties and properties[name] != schema.value:
                raise schema.error("two parts of allOf define this property differently")
            properties[name] = schema.value
    elif keyword == "required":
        merged[keyword] = list(dict.fromkeys([*(present or []), *(each.value for each in member.items())]))
    elif keyword in {"oneOf", "anyOf", "$ref", "discriminator"}:
        if keyword != "discriminator":  # one in a parent tells its children apart; unions name it themselves
            raise member.error(f"{keyword} inside of allOf is not supported")
    elif keyword in NOTES or keyword.startswith("x-") or present is None or present == member.value:
        merged[keyword] = member.value
    else:
        raise member.error(f"two parts of allOf differ in {keyword}")
