"""Request bodies of an operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._parameters import operation_scope
from ._responses import is_json, media_types, whole_media_type

if TYPE_CHECKING:
    from ._document import Node
    from ._responses import Readers
    from ._schemas import Schemas
    from ._types import Type

_FORM = "application/x-www-form-urlencoded"
_PARTS = "multipart/form-data"
_ANY = {"*/*", "application/*"}
_SIMPLE = {"str", "int", "float", "bool", "time", "date", "uuid", "literal", "enum", "bytes"}


@dataclass(frozen=True)
class Body:
    """A request body.

    Attributes:
        hint: type of the argument.
        source: source text of its bytes.
        media: its media type; "" where the bytes bring it along.
        is_required: whether it has to be given.
        kind: its type, None for text and bytes.
    """

    hint: str
    source: str
    media: str
    is_required: bool
    kind: Type | None = None


def read_body(operation: Node, owner: str, schemas: Schemas, readers: Readers) -> Body | None:
    """Return the body of an operation; of several media types JSON, then forms, then text.

    Raises:
        GenerationError: it could not be sent as the document says.
    """
    found = operation.get("requestBody")
    if found is None:
        return None
    node = found.resolve()
    media = media_types(node.get("content"))
    if not media:
        raise node.error("needs content")
    chosen = min(media, key=_rank)
    written = whole_media_type(media[chosen])
    if "*" in chosen and chosen not in _ANY:
        raise media[chosen].error(f"a request cannot be sent as {chosen}; an overlay can name one media type")
    schema = media[chosen].get("schema")
    is_required = node.flag("required")
    if chosen.startswith("text/"):
        return Body("str", "encode_text(body)", f"{written}; charset=utf-8", is_required)
    if not is_json(chosen) and chosen not in {_FORM, _PARTS}:
        return Body(
            "bytes", "encode_bytes(body)", "application/octet-stream" if chosen in _ANY else written, is_required
        )
    if schema is None:
        raise media[chosen].error("needs a schema")
    kind = schemas.convert(schema, f"{owner}Body")
    schemas.finish()
    inner = schemas.resolve_alias(kind)
    if chosen in {_FORM, _PARTS}:
        return _form(media[chosen], chosen, inner, schemas, is_required=is_required)
    if inner.kind == "model" and not inner.is_nullable:
        source = f"encode(body, models.{inner.name})"
        return Body(f"models.{inner.name}", source, written, is_required, kind=kind)
    source = f"encode_value(body, {readers.value(kind)})"
    return Body(kind.plain_hint(operation_scope), source, written, is_required, kind=kind)


def _rank(media: str) -> tuple[int, str]:
    kinds = (is_json(media), media == _FORM, media == _PARTS, media.startswith("text/"))
    return (kinds.index(True) if True in kinds else len(kinds)), "" if media == "application/json" else media


def _form(node: Node, media: str, kind: Type, schemas: Schemas, *, is_required: bool) -> Body:
    if kind.kind != "model":
        raise node.error("a form needs a schema with named properties")
    if node.get("encoding") is not None and node.members()["encoding"].members():
        raise node.members()["encoding"].error("encodings of single fields are not supported")
    if media == _PARTS:
        schemas.mark_binary(kind.name)
    for each in schemas.definitions[kind.name].fields:
        inner = schemas.resolve_alias(each.type)
        part = schemas.resolve_alias(inner.parts[0]) if inner.kind == "list" else inner
        if part.kind not in _SIMPLE and not (part.kind == "union" and all(p.kind in _SIMPLE for p in part.parts)):
            raise node.error(f"the field {each.wire} is nested, which a form cannot hold")
    function = "encode_parts" if media == _PARTS else "encode_form"
    source = f"{function}(body, models.{kind.name})"
    return Body(f"models.{kind.name}", source, "" if media == _PARTS else media, is_required, kind=kind)
