"""Parsed requests, and the route tables that map paths to functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smsgate._http import Request, Response

PREFIXES = ("/api/3rdparty/v1", "/3rdparty/v1")
"""Path prefixes of the API on the cloud server and on private servers."""

MAX_BODY = 4 * 1024 * 1024
MAX_HEADERS = 4096
"""Bytes of the cloud server's read buffer: the request line and all headers have to fit."""


@dataclass(slots=True)
class ParsedRequest:
    """One parsed request. ``path`` is percent-decoded; header and query names are lower case."""

    method: str
    path: str
    host: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes
    prefix: str = ""
    params: list[str] = field(default_factory=list[str])
    scopes: list[str] = field(default_factory=list[str])
    token: str = ""
    """The bearer token, when one was presented."""

    def __repr__(self) -> str:
        return f"ParsedRequest({self.method})"


S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Route(Generic[S]):
    """Operation: segments of the path (``*`` stands for an id), required scope, and function.

    ``exact`` rejects credentials with any other scope (token refresh).
    """

    method: str
    segments: tuple[str, ...]
    scope: str
    handler: Callable[[S, ParsedRequest], Response]
    exact: bool = False


def route(
    method: str, path: str, scope: str, handler: Callable[[S, ParsedRequest], Response], *, exact: bool = False
) -> Route[S]:
    """Make a `Route` from a path such as ``messages/*``."""
    return Route(method, tuple(path.split("/")), scope, handler, exact)


def parse_request(request: Request) -> ParsedRequest:
    """Parse a request; scheme and credentials of the URL are ignored."""
    parts = urlsplit(request.url)
    return ParsedRequest(
        method=request.method.upper(),
        path=unquote(parts.path) or "/",
        host=parts.netloc.rpartition("@")[2],
        query={name.lower(): value for name, value in parse_qsl(parts.query, keep_blank_values=True)},
        headers={name.lower(): value for name, value in request.headers.items()},
        content=request.content or b"",
    )


def request_head_size(request: Request) -> int:
    """Return the size of request line and headers on a connection, in bytes."""
    parts = urlsplit(request.url)
    target = len(parts.path) + len(parts.query) + (1 if parts.query else 0)
    headers = "".join(chain.from_iterable(request.headers.items()))
    lines = len(headers.encode()) + len(request.headers) * len(": \r\n")
    return len(request.method) + target + len("  HTTP/1.1\r\n") + lines + len("\r\n")


def strip_prefix(path: str, prefix: str) -> str | None:
    """Return the rest of a path below a prefix, without regard to case; ``None`` for other paths."""
    if path[: len(prefix)].lower() != prefix:
        return None
    rest = path[len(prefix) :]
    return rest if not rest or rest.startswith("/") else None


def find(table: Sequence[Route[S]], method: str, path: str, *, fold: bool = True) -> tuple[Route[S], list[str]] | None:
    """Find the route of a path and its ids; with ``fold`` case and one trailing slash do not matter."""
    segments = _segments(path, fold=fold)
    wanted = "GET" if method == "HEAD" and fold else method
    for candidate in table:
        if candidate.method == wanted and len(candidate.segments) == len(segments):
            params = _match(candidate.segments, segments, fold=fold)
            if params is not None:
                return candidate, params
    return None


def known_path(table: Sequence[Route[Any]], path: str) -> bool:
    """Return whether any method is served at exactly this path."""
    segments = _segments(path, fold=False)
    same_length = (candidate for candidate in table if len(candidate.segments) == len(segments))
    return any(_match(candidate.segments, segments, fold=False) is not None for candidate in same_length)


def _segments(path: str, *, fold: bool) -> list[str]:
    trimmed = path[:-1] if fold and path.endswith("/") else path
    return trimmed.removeprefix("/").split("/")


def _match(pattern: tuple[str, ...], segments: list[str], *, fold: bool) -> list[str] | None:
    params: list[str] = []
    for expected, fields in zip(pattern, segments, strict=True):
        if expected == "*":
            if not fields:
                return None
            params.append(fields)
        elif expected != (fields.lower() if fold else fields):
            return None
    return params
