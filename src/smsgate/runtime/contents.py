"""Contents of messages: their fields, and their size on a server."""

from __future__ import annotations

import json
from typing import Protocol, TypeVar, runtime_checkable

__all__ = ["MAX_STORED_SIZE", "SURELY_STORED", "stored_size"]

MAX_STORED_SIZE = 65_535
"""Most bytes of a text or data content as the server stores it; beyond that it responds with 500."""
SURELY_STORED = (MAX_STORED_SIZE - 32) // 6
"""Characters that always fit, at six bytes each; shorter contents need no exact count."""

T_co = TypeVar("T_co", covariant=True)
D_co = TypeVar("D_co", bound="Data", covariant=True)
M_co = TypeVar("M_co", covariant=True)


class Text(Protocol):
    """A text content."""

    @property
    def text(self) -> str: ...


@runtime_checkable
class Data(Protocol):
    """A data content."""

    @property
    def data(self) -> str: ...
    @property
    def port(self) -> int: ...


class Content(Protocol[D_co, M_co]):
    """The contents of a message, of which one is set."""

    @property
    def message(self) -> str | None: ...
    @property
    def text_message(self) -> Text | None: ...
    @property
    def data_message(self) -> D_co | None: ...
    @property
    def mms_message(self) -> M_co | None: ...


class Typed(Protocol[T_co]):
    """Something with a type."""

    @property
    def type(self) -> T_co: ...


def stored_size(content: Text | Data | str) -> int:
    """Return the size in bytes of a text or data content (text also as str) as the server stores it, encrypted or not.

    That is compact JSON in UTF-8 in which ``<``, ``>``, ``&``, U+2028 and U+2029 take six bytes each.
    """
    if isinstance(content, str):
        return _json_size(content) + len('{"text":}')
    if isinstance(content, Data):
        return _json_size(content.data) + len('{"data":,"port":}') + len(str(content.port))
    return _json_size(content.text) + len('{"text":}')


def _json_size(text: str) -> int:
    plain = len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))
    return plain + 5 * sum(map(text.count, "<>&")) + 3 * sum(map(text.count, "\u2028\u2029"))
