"""Responses of an operation: result type, and typed errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._names import snake_case, unused_name
from ._parameters import operation_scope
from ._types import Type

if TYPE_CHECKING:
    from ._document import Node
    from ._schemas import Schemas

_STATUS = re.compile(r"[1-5]\d\d|[1-5]XX|default")
_MEDIA = re.compile(r"[A-Za-z0-9!#$&^_.+*-]+/[A-Za-z0-9!#$&^_.+*-]+(\s*;[\x20-\x7e]*)?")
_MEDIA_KEYWORDS = {"schema", "example", "examples", "encoding"}
_RESPONSE_KEYWORDS = {"description", "headers", "content", "links", "summary"}
_JSON = re.compile(r"application/([a-z0-9.+_-]+\+)?json")


@dataclass(frozen=True)
class Reading:
    """Reader of one body.

    Attributes:
        hint: type of the result.
        reader: source text of the function that reads it.
        accept: media type to ask for, "" where the client's own choice fits.
        is_page: whether it is a list of objects.
    """

    hint: str
    reader: str
    accept: str = ""
    is_page: bool = False


def media_types(content: Node | None) -> dict[str, Node]:
    """Return the media types of a body, in lower case without parameters.

    Raises:
        GenerationError: one is no media type, or stands twice with different parameters.
    """
    found: dict[str, Node] = {}
    for name, node in content.members().items() if content else ():
        for keyword, member in node.members().items():
            if keyword not in _MEDIA_KEYWORDS and not keyword.startswith("x-"):
                raise member.error(f"keyword {keyword} is not supported")
        media = media_type(node, name)
        if media in found:
            raise node.error(f"the media type {media} stands twice; an overlay can remove one")
        found[media] = node
    return found


def whole_media_type(node: Node) -> str:
    """Return a media type as the document has it, but for a charset, which is always UTF-8."""
    name = unescape(node.pointer)
    kept = [part.strip() for part in name.split(";") if not part.strip().lower().startswith("charset=")]
    return "; ".join([kept[0].lower(), *filter(None, kept[1:])])


def media_type(node: Node, name: str) -> str:
    """Return a media type in lower case without parameters.

    Raises:
        GenerationError: it is none.
    """
    if not _MEDIA.fullmatch(name):
        raise node.error(f"{name!r} is no media type")
    return name.split(";", maxsplit=1)[0].strip().lower()


def unescape(pointer: str) -> str:
    """Return the last key of a JSON pointer."""
    return pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def is_json(media: str) -> bool:
    """Tell whether a media type is JSON."""
    return _JSON.fullmatch(media) is not None


class Readers:
    """The readers that operations share, each defined once.

    Attributes:
        lines: source text of their definitions.
        hints: their types, where type checkers need to be told.
    """

    def __init__(self, schemas: Schemas) -> None:
        self.lines: dict[str, str] = {}
        self.hints: dict[str, str] = {}
        self._schemas = schemas

    def of(self, kind: Type) -> Reading:
        """Return how JSON of a type is read."""
        inner = self._schemas.resolve_alias(kind)
        part = self._schemas.resolve_alias(inner.parts[0]) if inner.kind == "list" else inner
        if inner.kind == "model" and not inner.is_nullable:
            name = inner.name
            return Reading(f"models.{name}", self._define(f"{name}", "reader", f"ObjectReader(lambda: models.{name})"))
        if inner.kind == "list" and part.kind == "model" and not part.is_nullable and not inner.is_nullable:
            reader = self._define(part.name, "page_reader", f"PageReader(lambda: models.{part.name})")
            return Reading(f"Page[models.{part.name}]", reader, is_page=True)
        reader = self.value(kind)
        return Reading(kind.plain_hint(operation_scope), reader)

    def value(self, kind: Type) -> str:
        """Return the name of the reader and writer of JSON values of a type."""
        hint = self._schemas.python_tag(kind).hint(
            lambda name: name if name in {"Timestamp", "_date"} else f"models.{name}"
        )
        shown = kind.plain_hint(lambda name: name)
        name = self._define(snake_case(shown, "value")[:60], "value", f"JSONValue(lambda: {hint})")
        self.hints[name] = f"JSONValue[{kind.plain_hint(operation_scope)}]"
        return name

    def _define(self, name: str, suffix: str, source: str) -> str:
        for known, text in self.lines.items():
            if text == source:
                return known
        found = unused_name(f"_{snake_case(name, 'value')}_{suffix}", set(self.lines))
        self.lines[found] = source
        return found


def read_responses(
    operation: Node, owner: str, schemas: Schemas, readers: Readers
) -> tuple[list[tuple[str, Reading]], dict[str, str]]:
    """Return the reader of each successful status, and the readers of errors by status.

    Raises:
        GenerationError: a response could not be read as the document says.
    """
    responses = operation.get("responses")
    found = responses.members() if responses else {}
    found = {status: node for status, node in found.items() if not status.startswith("x-")}
    for status, node in found.items():
        if not _STATUS.fullmatch(status):
            raise node.error(f"{status!r} is no status")
    successes = {status: node for status, node in found.items() if status.startswith("2")}
    if not successes and "default" in found:
        successes = {"default": found["default"]}
    readings = [
        (status, _read_response(node.resolve(), f"{owner}Response", schemas, readers, operation))
        for status, node in sorted(successes.items())
    ]
    errors: dict[str, str] = {}
    for status, node in found.items():
        if status not in successes and (kind := _error_type(node.resolve(), f"{owner}Error{status}", schemas)):
            errors[status] = readers.of(kind).reader
    return readings, errors


def _read_response(response: Node, name: str, schemas: Schemas, readers: Readers, operation: Node) -> Reading:
    media = _contents(response)
    if not media or operation.pointer.endswith("/head"):
        return Reading("None", "read_nothing")
    for each, node in media.items():
        if is_json(each):
            schema = node.get("schema")
            kind = schemas.convert(schema, name) if schema else Type("any")
            schemas.finish()
            asked = whole_media_type(node)
            accept = "" if asked == "application/json" else asked
            found = readers.of(kind)
            return Reading(found.hint, found.reader, accept, found.is_page)
    text = next((each for each in media if each.startswith("text/")), "")
    if text:
        return Reading("str", "read_text", whole_media_type(media[text]))
    first = whole_media_type(next(iter(media.values())))
    return Reading("bytes", "read_bytes", "" if first in {"application/octet-stream", "*/*"} else first)


def _contents(response: Node) -> dict[str, Node]:
    """Return the media types of a response; a schema in its place would otherwise pass for an empty body."""
    for keyword, member in response.members().items():
        if keyword not in _RESPONSE_KEYWORDS and not keyword.startswith("x-"):
            raise member.error(f"keyword {keyword} of a response is not supported")
    return media_types(response.get("content"))


def _error_type(response: Node, name: str, schemas: Schemas) -> Type | None:
    for media, node in _contents(response).items():
        schema = node.get("schema")
        if is_json(media) and schema is not None:
            kind = schemas.convert(schema, name)
            schemas.finish()
            return kind
    return None
