"""JSON values that are no single model, text, and responses that depend on the status."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from smsgate.runtime.types import InvalidArgumentError, UnreadableError, schema_lock, select_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["JSONValue", "StatusReader", "read_text"]

T = TypeVar("T")
_CHARSET = re.compile(r"charset=\"?([A-Za-z0-9_-]+)", re.IGNORECASE)


class JSONValue(Generic[T]):
    """Reads and writes JSON of any type; the type and its compiled validator are fetched on first use."""

    __slots__ = ("_adapter", "_kind")

    def __init__(self, kind: Callable[[], Any]) -> None:
        self._kind = kind
        self._adapter: TypeAdapter[Any] | None = None

    @property
    def adapter(self) -> TypeAdapter[Any]:
        """The validator of the type."""
        if self._adapter is None:
            with schema_lock:
                self._adapter = TypeAdapter(self._kind())
        return self._adapter

    def __call__(self, _status: int, _headers: Mapping[str, str], content: bytes) -> Any:
        """Read a response.

        Raises:
            UnreadableError: it is no JSON of this type.
        """
        problem: tuple[str, str]
        try:
            return self.adapter.validate_json(content, by_alias=True, by_name=False)
        except ValidationError as failure:
            first = failure.errors(include_url=False, include_context=False, include_input=False)[0]
            problem = ".".join(map(str, first["loc"])), first["type"]
        raise UnreadableError("the response", *problem)

    def encode(self, value: Any) -> bytes:
        """Write a value.

        Raises:
            InvalidArgumentError: it is of another type.
        """
        problem = ""
        try:
            checked = self.adapter.validate_python(value, strict=True)
            return self.adapter.dump_json(checked, by_alias=True, exclude_unset=True)
        except ValidationError as failure:
            first = failure.errors(include_url=False, include_context=False, include_input=False)[0]
            problem = f"{'.'.join(map(str, first['loc'])) or 'the value'} ({first['type']})"
        raise InvalidArgumentError(f"the body cannot be written: {problem}")


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
    except LookupError:
        return content.decode("utf-8", "replace")
