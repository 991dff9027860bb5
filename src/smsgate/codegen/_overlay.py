"""OpenAPI Overlay 1.0: updates and removals by JSONPath."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

from jsonpath import JSONPathError, finditer

from ._document import Json, Node, check_version, read_file
from ._parsing import parse
from ._tools import GenerationError

if TYPE_CHECKING:
    from jsonpath import JSONPathMatch

_KNOWN = {"target", "description", "update", "remove"}


def apply_overlay(document: Json, path: str, *, is_chosen: bool = True) -> Json:
    """Return the document with the actions of an overlay applied, in their order.

    Args:
        document: stays as it is.
        path: file of the overlay, JSON or YAML.
        is_chosen: whether the user named the document. Otherwise the overlay must not name another one.

    Raises:
        GenerationError: the overlay cannot be read, or an action has no effect or an impossible one.
    """
    overlay = parse(read_file(path), path)
    if not str(overlay.get("overlay", "")).startswith("1."):
        raise GenerationError(f"{path}: /overlay: must be version 1.0")
    if "extends" in overlay and not is_chosen:
        raise GenerationError(f"{path}: /extends: give this document as the first argument")
    actions = Node(overlay, "", overlay).get("actions")
    if actions is None:
        raise GenerationError(f"{path}: /actions: is missing")
    changed = copy.deepcopy(document)
    try:
        for action in actions.items():
            _apply(changed, action)
        check_version(changed)
    except GenerationError as problem:
        raise GenerationError(f"{path}: {problem}") from None
    return changed


def _apply(document: Json, action: Node) -> None:
    for keyword, member in action.members().items():
        if keyword not in _KNOWN and not keyword.startswith("x-"):
            raise member.error(f"keyword {keyword} is not supported")
    remove, update = action.flag("remove"), action.get("update")
    if update is None and not remove:
        raise action.error("needs update or remove")
    matches = _find(document, action)
    for match in _last_first(matches) if remove else matches:
        if remove:
            _remove(match, action)
        elif update is not None:
            _update(match, update)


def _find(document: Json, action: Node) -> list[JSONPathMatch]:
    """Return what the target matches, each value once."""
    target = action.text("target")
    if not target.startswith("$"):
        raise action.error("target is no JSONPath: it begins with $")
    try:
        matches = list({tuple(match.parts): match for match in finditer(target, document)}.values())
    except JSONPathError as problem:
        raise action.error(f"target is no JSONPath: {str(problem).splitlines()[0]}") from None
    except (RecursionError, ArithmeticError, LookupError, ValueError, TypeError) as problem:  # of the library itself
        raise action.error(f"target cannot be followed ({type(problem).__name__})") from None
    if not matches:
        raise action.error(f"target {target} matches nothing")
    if any(_is_name(match) for match in matches):
        raise action.error(f"target {target} matches names, not values")
    return matches


def _is_name(match: JSONPathMatch) -> bool:
    """Tell whether a match is a key of an object, an extension of the library."""
    holder: Any = match.parent.obj if match.parent is not None else None
    return isinstance(holder, dict) and match.parts[-1] not in holder


def _last_first(matches: list[JSONPathMatch]) -> list[JSONPathMatch]:
    """Order matches so that removing an item of a list does not move those that are removed later."""
    return sorted(matches, key=lambda match: [(isinstance(p, int), p) for p in match.parts], reverse=True)


def _remove(match: JSONPathMatch, action: Node) -> None:
    if match.parent is None:
        raise action.error("the whole document cannot be removed")
    holder: Any = match.parent.obj
    del holder[match.parts[-1]]


def _update(match: JSONPathMatch, update: Node) -> None:
    found: Any = match.obj
    if isinstance(found, list):
        items: list[Any] = cast("Any", found)
        items.append(copy.deepcopy(update.value))
    elif isinstance(found, dict) and update.is_object:
        _merge(cast("Json", found), cast("Json", update.value))
    else:
        raise update.error("only objects are merged, and only lists grow")


def _merge(target: Json, changes: Json) -> None:
    """Merge objects recursively; lists grow, all other values are replaced."""
    for key, value in changes.items():
        present: Any = target.get(key)
        if all(type(each) is dict for each in (present, value)):
            _merge(present, value)
        elif all(type(each) is list for each in (present, value)):
            target[key] = [*present, *copy.deepcopy(value)]
        else:
            target[key] = copy.deepcopy(value)
