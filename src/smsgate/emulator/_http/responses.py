"""Responses as the real servers write them: compact JSON with Go's escapes, plain texts, `{"message": …}` errors."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from itertools import chain
from typing import Any

from pydantic_core import to_json

from smsgate._http import Response
from smsgate.http import Headers

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


def _escapes_of(characters: str) -> dict[bytes, bytes]:
    return {character.encode(): f"\\u{ord(character):04x}".encode() for character in characters}


_GO_ESCAPES = _escapes_of("<>&\u2028\u2029")
_GSON_ESCAPES = _escapes_of("<>&\u2028\u2029='")

Extra = Mapping[str, str]


class RequestError(Exception):
    """Rejected request, with the status and text of the response.

    Args:
        status: the response's status.
        message: the text under ``message``; ``None`` gives an empty body (the local server's 401, 404 and 405).
    """

    def __init__(self, status: int, message: str | None, headers: Extra | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.message = message
        self.headers = headers or {}

    def response(self) -> Response:
        """Return the response with status and message."""
        if self.message is None:
            return empty_response(self.status, self.headers)
        return json_response(self.status, {"message": self.message}, self.headers)


def go_json(value: Any) -> bytes:
    """Encode as Go does: compact, UTF-8, six bytes for each of ``<>&``, U+2028 and U+2029."""
    return _escaped(to_json(value), _GO_ESCAPES)


def gson(value: Any) -> bytes:
    """Encode as the phone's local server does: as `go_json`, and ``=`` and ``'`` are escaped, too."""
    return _escaped(to_json(value), _GSON_ESCAPES)


def _escaped(content: bytes, escapes: Mapping[bytes, bytes]) -> bytes:
    for character, escape in escapes.items():
        content = content.replace(character, escape)
    return content


def json_response(status: int, value: Any, headers: Extra | None = None, *, local: bool = False) -> Response:
    """Respond with JSON, labelled ``application/json`` without a charset."""
    content = gson(value) if local else go_json(value)
    return Response(status, Headers({"content-type": JSON, **(headers or {})}), content)


def text_response(status: int, text: str, headers: Extra | None = None) -> Response:
    """Respond with a short plain text, as the server does for 202 and for unknown paths."""
    return Response(status, Headers({"content-type": TEXT, **(headers or {})}), text.encode())


def empty_response(status: int, headers: Extra | None = None) -> Response:
    """Respond without a body."""
    return Response(status, Headers(headers or {}), b"")


def with_headers(response: Response, headers: Extra) -> Response:
    """Return the response with its length, unless it is No Content, and with more headers; existing ones are kept."""
    length = {} if response.status == HTTPStatus.NO_CONTENT else {"content-length": str(len(response.content))}
    merged = chain(headers.items(), response.headers.items(), length.items())
    return Response(response.status, Headers(merged), response.content)
