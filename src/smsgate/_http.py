"""Requests, responses and the protocols of HTTP backends."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast, runtime_checkable

if TYPE_CHECKING:
    import os
    import ssl
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from types import TracebackType

    from typing_extensions import Self

Verify: TypeAlias = "bool | str | os.PathLike[str] | ssl.SSLContext"
"""Trusted certificates: the public ones, none checked, a file or folder, or an ssl context."""


class Headers(Mapping[str, str]):
    """Response headers, looked up without regard to case; the last of repeated names wins.

    Args:
        items: the headers, or a function that returns them, called on the first lookup.

    Example:
        >>> Headers({"X-Total-Count": "3"})["x-total-count"]
        '3'
    """

    __slots__ = ("_items_or_function", "_loaded")

    def __init__(
        self, items: Mapping[str, str] | Iterable[tuple[str, str]] | Callable[[], Iterable[tuple[str, str]]] = ()
    ) -> None:
        self._items_or_function = items
        self._loaded = None if callable(items) else _by_lower_name(items)

    @property
    def _items(self) -> dict[str, str]:
        loaded = self._loaded
        if loaded is None:
            function = cast("Callable[[], Iterable[tuple[str, str]]]", self._items_or_function)
            self._loaded = loaded = _by_lower_name(function())
        return loaded

    def __reduce__(self) -> tuple[type[Headers], tuple[dict[str, str]]]:
        return type(self), (dict(self._items),)

    def __getitem__(self, name: str) -> str:
        return self._items[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> ItemsView[str, str]:
        """Return names in lower case, with their values."""
        return self._items.items()

    def __repr__(self) -> str:
        return f"Headers({sorted(self._items)})"


def _by_lower_name(items: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    pairs = cast("Mapping[str, str]", items).items() if isinstance(items, Mapping) else items
    return {name.lower(): value for name, value in pairs}


@dataclass(frozen=True, slots=True)
class Timeout:
    """Limits of one exchange, in seconds; ``None`` means no limit.

    Args:
        connect: until the connection is open, TLS included.
        read: the longest silence while waiting for a response or reading it.
        total: the whole exchange. Synchronous httpx and requests bound only the body with it.
    """

    connect: float | None = 10.0
    read: float | None = 30.0
    total: float | None = 30.0


MAX_BODY = 64 * 1024 * 1024
"""Bytes of a response body that a backend reads unless a request says otherwise."""


@dataclass(slots=True, repr=False)
class Request:
    """One complete HTTP request: absolute URL, headers and body.

    Args:
        method: the HTTP method in upper case.
        url: the absolute URL, percent-encoded.
        headers: sent unchanged; a backend adds only those that HTTP requires.
        content: the body, None for none.
        timeout: limits of the exchange.
        max_size: bytes of a response body, decompressed, that `HttpClient.send` reads at most.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    timeout: Timeout
    max_size: int = MAX_BODY

    def __repr__(self) -> str:
        return f"Request({self.method})"


@dataclass(slots=True, repr=False)
class _ResponseHead:
    status: int
    headers: Mapping[str, str]

    def __post_init__(self) -> None:
        if not isinstance(self.headers, Headers):
            self.headers = Headers(self.headers)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.status})"


@dataclass(slots=True, repr=False)
class Response(_ResponseHead):
    """One HTTP response with its whole body. Header names are looked up without regard to case."""

    content: bytes

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.content)} bytes)"


@dataclass(slots=True, repr=False)
class StreamedResponse(_ResponseHead):
    """One HTTP response whose body is still arriving; ``chunks`` may be iterated once."""

    chunks: Iterable[bytes]


@runtime_checkable
class HttpClient(Protocol):
    """A synchronous HTTP backend, safe to share between threads."""

    def send(self, request: Request) -> Response:
        """Send one request and return the response with its whole body."""
        ...

    def stream(self, request: Request) -> AbstractContextManager[StreamedResponse]:
        """Send one request; the body of the response arrives in chunks inside the ``with`` block."""
        ...

    def close(self) -> None:
        """Close the connections that this object opened; a later `send` opens new ones."""
        ...


class ClosedOnExit:
    """A synchronous backend as a context manager: the end of a ``with`` block closes it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that this object opened."""
        raise NotImplementedError


@dataclass(slots=True, repr=False)
class AsyncStreamedResponse(_ResponseHead):
    """One HTTP response whose body is still arriving; ``chunks`` may be iterated once."""

    chunks: AsyncIterable[bytes]


@runtime_checkable
class AsyncHttpClient(Protocol):
    """An asynchronous HTTP backend, safe to share between the tasks of one event loop."""

    async def send(self, request: Request) -> Response:
        """Send one request and return the response with its whole body."""
        ...

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncStreamedResponse]:
        """Send one request; the body of the response arrives in chunks inside the ``async with`` block."""
        ...

    async def aclose(self) -> None:
        """Close the connections that this object opened; a later `send` opens new ones."""
        ...


class AsyncClosedOnExit:
    """An asynchronous backend as a context manager: the end of an ``async with`` block closes it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections that this object opened."""
        raise NotImplementedError
