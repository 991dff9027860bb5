"""Operations of a document, with the data for their functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from ._bodies import read_body
from ._functions import SUPPORT_NAMES
from ._names import BUILTINS, pascal_case, snake_case, unused_name
from ._parameters import read_parameters
from ._responses import read_responses
from ._security import read_security

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._bodies import Body
    from ._document import Node
    from ._parameters import Argument
    from ._responses import Readers, Reading
    from ._schemas import Schemas
    from ._security import Security

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_BESIDE = {"summary", "description", "parameters", "$ref"}
_KNOWN = {
    "tags", "summary", "description", "externalDocs", "operationId", "parameters", "requestBody", "responses",
    "callbacks", "deprecated", "security",
}  # fmt: skip
_STATUSES = (300, 599)
_RETRIES = ("safe", "settle", "never")
_IDEMPOTENT = {"get", "head", "options", "put", "delete"}
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass
class Plan:
    """One operation.

    Attributes:
        name: name of the function.
        node: the operation in the document.
        method: HTTP method in capitals.
        template: the path as the document has it.
        path: literal parts of the path, and Python names of arguments at odd places.
        arguments: parameters and API keys.
        body: the request body, None for none.
        readings: how each successful status is read.
        errors: readers of errors by status.
        security: the credentials that the call needs.
        repeat: whether it may be sent again.
        scope: scope of a token, "" for none.
        also_success: further statuses whose body is a regular response.
        classes: classes that its parameters and responses mention.
    """

    name: str
    node: Node
    method: str
    template: str
    path: list[str]
    arguments: list[Argument]
    body: Body | None
    readings: list[tuple[str, Reading]]
    errors: dict[str, str]
    security: Security
    repeat: str
    scope: str
    also_success: list[int]
    classes: set[str]


@dataclass(frozen=True)
class Context:
    """Common data of all operations of a document."""

    root: Node
    schemas: Schemas
    readers: Readers
    refresh_scheme: str


def read_operations(context: Context) -> list[Plan]:
    """Return the operations in the order of the document.

    Raises:
        GenerationError: an operation could not be called as the document says.
    """
    plans: list[Plan] = []
    ids: dict[str, Node] = {}
    for path, item, method, node in _operations(context.root):
        given = node.text("operationId")
        if given and given in ids:
            raise node.error(f"operationId {given!r} is taken by {ids[given].pointer}")
        ids[given] = node
        taken = BUILTINS | SUPPORT_NAMES | {plan.name for plan in plans}
        name = unused_name(snake_case(given or f"{method} {path}", "call"), taken)
        plans.append(_plan(context, name, (path, item), (method, node)))
    return plans


def read_events(root: Node, schemas: Schemas) -> dict[str, str]:
    """Return the class of each event, by the event's name: the JSON bodies of ``webhooks``.

    Raises:
        GenerationError: a webhook without a JSON body that is an object.
    """
    found: dict[str, str] = {}
    webhooks = root.get("webhooks")
    for name, item in webhooks.members().items() if webhooks else ():
        operations = item.resolve().members()
        body = next((operations[method].get("requestBody") for method in _METHODS if method in operations), None)
        content = body.resolve().get("content") if body else None
        media = content.get("application/json") if content else None
        schema = media.get("schema") if media else None
        kind = schemas.resolve_alias(schemas.convert(schema, f"{pascal_case(name, 'Event')}")) if schema else None
        schemas.finish()
        if kind is None or kind.kind != "model":
            raise item.error("needs a JSON body with an object as its schema")
        found[name] = kind.name
    return found


def _operations(root: Node) -> Iterator[tuple[str, Node, str, Node]]:
    paths = root.get("paths")
    for path, found in paths.members().items() if paths else ():
        if path.startswith("x-"):
            continue
        if found.is_object and "$ref" in found.value and set(found.members()) & set(_METHODS):
            raise found.error("operations beside a $ref are not supported")
        item = found.resolve()
        for method, node in item.members().items():
            if method in _METHODS:
                yield path, item, method, node
            elif method not in _BESIDE and not method.startswith("x-"):
                raise node.error(f"{method} of a path is not supported")


def _plan(context: Context, name: str, path_item: tuple[str, Node], operation: tuple[str, Node]) -> Plan:
    (path, item), (method, node), schemas, readers = path_item, operation, context.schemas, context.readers
    for keyword, member in node.members().items():
        if keyword not in _KNOWN and not keyword.startswith("x-"):
            raise member.error(f"keyword {keyword} is not supported")
    owner = pascal_case(name.title(), "Call")
    security = read_security(node, context.root, context.refresh_scheme)
    taken = {*SUPPORT_NAMES, "body"} | ({"refresh_token"} if security.auth == "refresh" else set[str]())
    schemas.take_mentioned()
    arguments = read_parameters(item, node, owner, schemas, taken)
    readings, errors = read_responses(node, owner, schemas, readers)
    body = read_body(node, owner, schemas, readers)
    return Plan(
        name,
        node,
        method.upper(),
        path,
        _path(path, item, arguments),
        security.add_arguments(arguments, taken),
        body,
        readings,
        errors,
        security,
        _repeat(node, method),
        node.text("x-scope"),
        _also_success(node),
        schemas.take_mentioned(),
    )


def _path(path: str, item: Node, arguments: list[Argument]) -> list[str]:
    parts = _PLACE.split(path)
    by_wire = {each.wire: each.name for each in arguments if each.place == "path"}
    if not path.startswith("/") or any(mark in "".join(parts[::2]) for mark in "?#{}"):
        raise item.error("a path begins with a slash and has neither query nor fragment")
    if any(unquote(step) in {".", ".."} for step in path.split("/")):
        raise item.error("a path has no dot segments")
    missing = [wire for wire in parts[1::2] if wire not in by_wire]
    if missing:
        raise item.error(f"the path parameter {missing[0]!r} is not defined")
    if unused_ones := sorted(by_wire.keys() - set(parts[1::2])):
        raise item.error(f"the path has no place for the parameter {unused_ones[0]!r}")
    return [by_wire[part] if odd % 2 else _quote(part) for odd, part in enumerate(parts)]


def _quote(part: str) -> str:
    """Encode a literal part of a path; what is percent-encoded already stays so."""
    return quote(_BARE_PERCENT.sub("%25", part), safe="/-._~!$&()*+,;=:@%")


def _repeat(node: Node, method: str) -> str:
    found = node.get("x-repeat")
    if found is None:
        return "safe" if method in _IDEMPOTENT else "never"
    if found.value not in _RETRIES:
        raise found.error(f"x-repeat must be one of {', '.join(_RETRIES)}")
    return str(found.value)


def _also_success(node: Node) -> list[int]:
    found = node.get("x-also-success")
    statuses: list[Any] = [each.value for each in found.items()] if found else []
    if found is not None and not all(type(each) is int and _STATUSES[0] <= each <= _STATUSES[1] for each in statuses):
        raise found.error("must be a list of statuses")
    return sorted(statuses)
