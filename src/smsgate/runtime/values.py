"""JSON values that are no single model, text, and responses that depend on the status."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from smsgate.runtime.types import (
    BUILDING,
    InvalidArgumentError,
    UnreadableError,
    check_finite,
    schema_lock,
    select_reader,
)
from smsgate.runtime.validators import reading_validator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_core import SchemaValidator

__all__ = ["JSONValue", "StatusReader", "read_text"]

T = TypeVar("T")
_CONFIG = ConfigDict(hide_input_in_errors=True, ser_json_inf_nan="constants")
_CHARSET = re.compile(r"charset=\"?([A-Za-z0-9_-]+)", re.IGNORECASE)


class JSONValue(Generic[T]):
    """Reads and writes JSON of any type; the type and its compiled validators are fetched on first use."""

    __slots__ = ("_adapter", "_kind", "_validator")

    def __init__(self, kind: Callable[[], Any]) -> None:
        self._kind = kind
        self._adapter: TypeAdapter[Any] | None = None
        self._validator: SchemaValidator | None = None

    @property
    def adapter(self) -> TypeAdapter[Any]:
        """The type with the rules for building."""
        if self._adapter is None:
            with schema_lock:
                self._adapter = TypeAdapter(self._kind(), config=_CONFIG)
        return self._adapter

    def __call__(self, _status: int, _headers: Mapping[str, str], content: bytes) -> Any:
        """Read a response.

        Raises:
            UnreadableError: it is no JSON of this type.
        """
        if self._validator is None:
            with schema_lock:
                self._validator = reading_validator(self.adapter.core_schema)
        problem: tuple[str, str]
        try:
            return self._validator.validate_json(content, by_alias=True, by_name=False)
        except ValidationError as failure:
            problem = _first_problem(failure)
        raise UnreadableError("the response", *problem)

    def encode(self, value: Any) -> bytes:
        """Write a value, as `encode` writes a single model: from the fields that are set, without None.

        Raises:
            InvalidArgumentError: it is of another type, or breaks the rules for building.
        """
        problem: tuple[str, str]
        try:
            checked = self.adapter.validate_python(value, strict=True, context=BUILDING)
            content = self.adapter.dump_json(
                checked, by_alias=True, exclude_unset=True, exclude_none=True, warnings=False, context=BUILDING
            )
            self.adapter.validate_json(content, strict=True, context=BUILDING, extra="forbid")
            check_finite(content)
        except ValidationError as failure:
            problem = _first_problem(failure)
        except PydanticSerializationError:
            problem = "", "unserializable"
        else:
            return content
        location, kind = problem
        raise InvalidArgumentError(f"the body cannot be written: {location or 'the value'} ({kind})")


def _first_problem(failure: ValidationError) -> tuple[str, str]:
    """Return location and kind of the first problem, without its value."""
    first = failure.errors(include_url=False, include_context=False, include_input=False)[0]
    return ".".join(map(str, first["loc"])), first["type"]


class StatusReader:
    """Reader that selects another reader by the status."""

    __slots__ = ("_readers",)

    def __init__(self, readers: Mapping[str, Callable[[int, Mapping[str, str], bytes], Any]]) -> None:
        self._readers = readers

    def __call__(self, status: int, headers: Mapping[str, str], content: bytes) -> Any:
        """Read a response.

        Raises:
            UnreadableError: the document has no such status, or its body cannot be read.
        """
        reader = select_reader(self._readers, status)
        if reader is None:
            raise UnreadableError("the response", "", f"status_{status}")
        return reader(status, headers, content)


def read_text(_status: int, headers: Mapping[str, str], content: bytes) -> str:
    """Read text in the charset that the response names, UTF-8 where it names none."""
    found = _CHARSET.search(headers.get("Content-Type") or headers.get("content-type") or "")
    try:
        return content.decode(found.group(1) if found else "utf-8", "replace")
    except (LookupError, ValueError):  # ValueError: "undefined" and "idna" are codecs that read nothing
        return content.decode("utf-8", "replace")
