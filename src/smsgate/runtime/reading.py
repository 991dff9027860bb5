"""Readers of responses: validation first, and only if that fails repairs that lose as little as possible.

Fields are read by their wire names alone.
Repairs, until nothing changes: null where a list or a map belongs becomes empty; an optional field that cannot be read
becomes absent (a required one makes its parent unreadable in turn). An item of a list response that is still
unreadable goes to ``Page.invalid``; a single object that is still unreadable raises ``UnreadableError``.

The time is linear in the size of any response: lists and maps stop at their first bad item, and repairs have
bounds on values, problems and rounds. Long lists are read in pieces, so that a thread that reads one releases the GIL
in between (parser and validator never do).
"""

from __future__ import annotations

import encodings.utf_8_sig  # noqa: F401  # pyright: ignore[reportUnusedImport] - repairs would import it, when others may fork
import json
import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from pydantic import ConfigDict, ValidationError

from smsgate.runtime.json_lists import Piece, is_list, split_list
from smsgate.runtime.types import InvalidItem, Model, Page, UnreadableError, schema_lock
from smsgate.runtime.unknown_fields import mark_received
from smsgate.runtime.validators import reading_validator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic_core import SchemaValidator

__all__ = ["ObjectReader", "PageReader", "parse_document", "parse_object", "read_bytes", "read_nothing"]

M = TypeVar("M", bound=Model)
Location = tuple["int | str", ...]
Origin = tuple[str, str]
"""Dotted location and error type of the first problem that made a field unreadable."""

_logger = logging.getLogger("smsgate")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_COUNT = re.compile(r"[0-9]{1,18}")
_MAX_VALUES = 20_000
"""Named values in one object; a message to a hundred recipients has some three hundred."""
_MAX_REPAIRED_VALUES = 70_000
"""Values, or commas in texts, of an object that is repaired: more than the longest text can have."""
_MAX_PROBLEMS = 1_000
_MAX_ROUNDS = 200
_MAX_REPAIRED_ITEMS = 5_000
_MAX_INVALID = 1_000
_SURROGATE = re.compile(rb"\\u[dD]")
_LONG = 256 * 1024
"""Bytes above which a list is validated in pieces."""
_MAX_DEPTH = 190
"""Nested containers in a parsed document; the compiled parser and the serializer allow some 200."""
_EMPTY: dict[str, type[list[Any] | dict[str, Any]]] = {"list_type": list, "dict_type": dict}


class ObjectReader(Generic[M]):
    """Reads one JSON object into a model; the class and its compiled validator are fetched on first use."""

    __slots__ = ("_is_used", "_model", "_quick", "_validator")

    def __init__(self, model: Callable[[], type[M]]) -> None:
        self._model = model
        self._validator: SchemaValidator | None = None
        self._quick: SchemaValidator | None = None
        self._is_used = False

    @property
    def model(self) -> type[M]:
        """The class; a fork waits for its import."""
        with schema_lock:
            return self._model()

    @property
    def validator(self) -> SchemaValidator:
        """A validator that finds all problems, for repairs; built on first use."""
        if self._validator is None:
            with schema_lock:
                self.model.model_rebuild()
                self._validator = reading_validator(self.model.__pydantic_core_schema__)
        return self._validator

    @property
    def quick(self) -> SchemaValidator:
        """A validator that stops at the first bad item of every list and map; built on first use."""
        if self._quick is None:
            with schema_lock:
                self.model.model_rebuild()
                self._quick = reading_validator(self.model.__pydantic_core_schema__, fail_fast=True)
        return self._quick

    def __call__(self, _status: int, _headers: Mapping[str, str], content: bytes) -> M:
        """Read a response; raises UnreadableError."""
        if self._is_used:
            return self._read(content)
        with schema_lock:  # a compiled validator holds locks of its own during its first use
            found = self._read(content)
            self._is_used = True
        return found

    def _read(self, content: bytes) -> M:
        name = self.model.__name__
        _check_density(content, name)
        _check_values(content, name)
        validator = self._quick or self.quick
        try:
            found: M = validator.validate_json(content, by_alias=True, by_name=False)
        except ValidationError:
            _check_repairable(content, name)
            found = self.repair(_load(content, name))
        if found.is_sent_back:
            mark_received(found)
        return found

    def repair(self, document: Any) -> M:
        """Read parsed JSON, without changing it.

        Raises:
            UnreadableError: names the field of the first problem.
        """
        name = self.model.__name__
        blame: dict[Location, Origin] = {}
        try:
            content = _dump(document)
            _check_repairable(content, name)
            copied = json.loads(content)
            for _ in range(_MAX_ROUNDS):
                try:
                    return cast("M", self.validator.validate_json(content, by_alias=True, by_name=False))
                except ValidationError as failure:
                    if failure.error_count() > _MAX_PROBLEMS:
                        break
                    problems = failure.errors(include_url=False, include_context=False, include_input=False)
                beyond_repair = _repair_round(copied, [(found["loc"], found["type"]) for found in problems], blame)
                if beyond_repair is not None:
                    raise UnreadableError(name, *beyond_repair)
                content = _dump(copied)
        except RecursionError:
            raise UnreadableError(name, "", "recursion") from None
        raise UnreadableError(name, "", "too_many_problems")


class PageReader(Generic[M]):
    """Reads a JSON list into a ``Page``; the compiled validator is built on first use."""

    __slots__ = ("_is_used", "_validator", "item")

    def __init__(self, model: Callable[[], type[M]]) -> None:
        self.item: ObjectReader[M] = ObjectReader(model)
        self._validator: SchemaValidator | None = None
        self._is_used = False

    def _build(self) -> SchemaValidator:
        with schema_lock:
            from pydantic import TypeAdapter  # noqa: PLC0415 - slow to import, and needed for lists only

            adapter = TypeAdapter(list[self.item.model], config=ConfigDict(hide_input_in_errors=True))  # type: ignore[name-defined]
            self._validator = reading_validator(adapter.core_schema, fail_fast=True)
        return self._validator

    def __call__(
        self,
        _status: int,
        headers: Mapping[str, str],
        content: bytes,
        *,
        limit: int | None = None,
        offset: int | None = None,
    ) -> Page[M]:
        """Read the response to a request for ``limit`` items from ``offset`` on; raises UnreadableError."""
        if self._is_used:
            page = self._read(content)
        else:
            with schema_lock:  # a compiled validator holds locks of its own during its first use
                page = self._read(content)
                self._is_used = True
        for item in page:
            if not item.is_sent_back:
                break
            mark_received(item)
        page.total = _total(headers)
        page.limit = limit
        page.offset = offset
        return page

    def _read(self, content: bytes) -> Page[M]:
        validator = self._validator or self._build()
        _check_density(content, f"list of {self.item.model.__name__}")
        if len(content) <= _LONG:
            with suppress(ValidationError):
                return Page(validator.validate_json(content, by_alias=True, by_name=False))
        return self._read_pieces(validator, content)

    def _read_pieces(self, validator: SchemaValidator, content: bytes) -> Page[M]:
        name = self.item.model.__name__
        text = _decode(content, f"list of {name}")
        page: Page[M] = Page()
        if not is_list(text):
            if _parse(text, f"list of {name}") is None:
                return page
            raise UnreadableError(f"list of {name}", "", "list_type")
        repaired = 0
        for piece in _split(text, f"list of {name}"):
            try:
                page += validator.validate_json(_encode_piece(piece), by_alias=True, by_name=False)
            except (ValidationError, RecursionError, UnreadableError):
                repaired += len(piece.items)
                self._repair(piece, page)
            if repaired > _MAX_REPAIRED_ITEMS or len(page.invalid) > _MAX_INVALID:
                raise UnreadableError(f"list of {name}", "", "too_many_problems")
        if page.invalid:
            count = len(page) + len(page.invalid)
            _logger.warning("%d of %d items in a list of %s could not be read", len(page.invalid), count, name)
        return page

    def _repair(self, piece: Piece, page: Page[M]) -> None:
        name = self.item.model.__name__
        for content, raw in zip(piece.texts, piece.items, strict=True):
            try:
                _check_values(content, name)
                _check_repairable(content, name)
                page.append(self.item.repair(raw))
            except UnreadableError as failure:  # noqa: PERF203 - one bad item must not cost the others
                reason = f"{failure.location or 'the item'} ({failure.reason})"
                page.invalid.append(InvalidItem(raw, reason, len(page) + len(page.invalid)))


_readers: dict[type[Model], ObjectReader[Any]] = {}


def parse_object(model: type[M], content: bytes) -> M:
    """Read one JSON document as tolerantly as a response.

    Raises:
        UnreadableError: it cannot be understood; names the field.
    """
    return cast("M", _reader(model)(0, {}, content))


def parse_document(model: type[M], document: dict[str, Any]) -> M:
    """Read parsed JSON as tolerantly as a response, with the same result as `parse_object` has for its text.

    Raises:
        UnreadableError: it cannot be understood, or is nested too deeply to be written again; names the field.
    """
    if _is_deeper(document, _MAX_DEPTH):
        raise UnreadableError(model.__name__, "", "recursion")
    reader = _reader(model)
    try:
        return cast("M", reader.quick.validate_python(document, by_alias=True, by_name=False))
    except ValidationError:
        return cast("M", reader.repair(document))


def _reader(model: type[Model]) -> ObjectReader[Any]:
    return _readers.get(model) or _readers.setdefault(model, ObjectReader(lambda: model))


def _is_deeper(value: Any, levels: int) -> bool:
    """Tell whether parsed JSON is nested more deeply than a limit."""
    parts: Any = cast("Any", value).values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in parts if isinstance(part, (dict, list)))


def read_nothing(_status: int, _headers: Mapping[str, str], _content: bytes) -> None:
    """Ignore the body of a response (204, or a 202 with a word of plain text)."""


def read_bytes(_status: int, _headers: Mapping[str, str], content: bytes) -> bytes:
    """Return the body of a binary response."""
    return content


def _check_density(content: bytes, what: str) -> None:
    """Reject JSON of little else than brackets: each costs far more time and memory than its bytes."""
    containers = content.count(b"[") + content.count(b"{") if len(content) > _MAX_REPAIRED_VALUES else 0
    if containers > max(_MAX_REPAIRED_VALUES, len(content) // 10):
        raise UnreadableError(what, "", "too_many_values")


def _check_values(content: bytes, what: str) -> None:
    """Reject an object of so many named values that one validation takes long."""
    if len(content) > _MAX_VALUES and min(content.count(b","), content.count(b'":')) > _MAX_VALUES:
        raise UnreadableError(what, "", "too_many_values")


def _check_repairable(content: bytes, what: str) -> None:
    if content.count(b",") > _MAX_REPAIRED_VALUES:
        raise UnreadableError(what, "", "too_many_values")


def _load(content: bytes, what: str) -> Any:
    """Parse JSON more tolerantly than the compiled parser: byte order mark, bad UTF-8, lone surrogates."""
    return _parse(_decode(content, what), what)


def _decode(content: bytes, what: str) -> str:
    if not content.strip():
        raise UnreadableError(what, "", "empty")
    return content.decode("utf-8-sig", "replace")


def _parse(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableError(what, "", "json_invalid") from None  # the cause would carry the whole body


def _split(text: str, what: str) -> Iterator[Piece]:
    try:
        yield from split_list(text)
    except (ValueError, RecursionError):
        raise UnreadableError(what, "", "json_invalid") from None


def _encode_piece(piece: Piece) -> bytes:
    """Return items as a JSON list for the compiled parser, which accepts no lone surrogates."""
    content = b"[%b]" % b",".join(piece.texts)
    _check_values(content, "item")
    return _dump(piece.items) if _SURROGATE.search(content) else content


def _dump(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def _repair_round(document: Any, problems: list[tuple[Location, str]], blame: dict[Location, Origin]) -> Origin | None:
    """Repair the problems of one validation in place; returns the origin of the first that cannot be repaired."""
    plans: list[tuple[Location, str, Origin]] = []
    for location, kind in problems:  # all paths first: repairs change the document that locations refer to
        path = _real_path(document, location)
        missing = (*path, location[-1]) if kind == "missing" else path
        plans.append((path, kind, blame.get(missing, (_join_location(location), kind))))
    for path, kind, origin in plans:
        if not _repair_at(document, path, kind, origin, blame):
            return origin
    return None


def _repair_at(document: Any, path: Location, kind: str, origin: Origin, blame: dict[Location, Origin]) -> bool:
    while path and kind not in _EMPTY and isinstance(path[-1], int):
        path = path[:-1]  # an item is never dropped in silence: its whole list counts as unreadable
    if not path:
        return False
    holder: Any = document
    for step in path[:-1]:
        if isinstance(holder, dict) and step not in holder:
            return True  # gone with an earlier repair of this round
        holder = cast("Any", holder)[step]
    last = path[-1]
    if kind in _EMPTY and holder[last] is None:
        holder[last] = _EMPTY[kind]()
    elif isinstance(last, int):
        return _repair_at(document, path[:-1], "", origin, blame)
    elif last in holder:
        del holder[last]
        blame[path] = origin
    return True


def _real_path(document: Any, location: Location) -> Location:
    """Return the steps of an error location that exist in the document (no absent field, union tag or ``[key]``)."""
    path: list[int | str] = []
    here: Any = document
    for step in location:
        is_step = isinstance(step, int) if isinstance(here, list) else isinstance(here, dict) and step in here
        if is_step:
            here = cast("Any", here)[step]
            path.append(step)
    return tuple(path)


def _join_location(location: Location) -> str:
    """Return a location as text; steps that are no plain names are masked, as keys of a map may be anything."""
    return ".".join(str(step) if isinstance(step, int) or _NAME.fullmatch(step) else "…" for step in location)


def _total(headers: Mapping[str, str]) -> int | None:
    text = headers.get("X-Total-Count") or headers.get("x-total-count") or ""
    return int(text) if _COUNT.fullmatch(text) else None
