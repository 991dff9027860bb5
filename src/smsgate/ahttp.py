"""What an asynchronous HTTP backend is: its protocol, and how one is chosen; values are those of `smsgate.http`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from smsgate.http import (
    Headers,
    Request,
    Response,
    Timeout,
    check_known,
    is_installed,
    load_adapter,
    preferred_name,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping
    from contextlib import AbstractAsyncContextManager

    from smsgate._backends.aiohttp import AiohttpAsyncHttpClient
    from smsgate._backends.httpx_async import HttpxAsyncHttpClient
    from smsgate._backends.pyreqwest_async import PyreqwestAsyncHttpClient

__all__ = [
    "AiohttpAsyncHttpClient",
    "AsyncHttpClient",
    "AsyncStreamedResponse",
    "Headers",
    "HttpxAsyncHttpClient",
    "PyreqwestAsyncHttpClient",
    "Request",
    "Response",
    "Timeout",
    "get_client",
]

_BACKENDS = {
    "aiohttp": "AiohttpAsyncHttpClient",
    "httpx": "HttpxAsyncHttpClient",
    "pyreqwest": "PyreqwestAsyncHttpClient",
}


@dataclass(slots=True)
class AsyncStreamedResponse:
    """One HTTP answer whose body is still arriving; ``chunks`` may be iterated once."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterable[bytes]

    def __post_init__(self) -> None:
        if not isinstance(self.headers, Headers):
            self.headers = Headers(self.headers)

    def __repr__(self) -> str:
        return f"AsyncStreamedResponse({self.status})"


@runtime_checkable
class AsyncHttpClient(Protocol):
    """An asynchronous HTTP backend, safe to share between the tasks of one event loop."""

    async def send(self, request: Request) -> Response:
        """Exchange one request for its whole answer."""
        ...

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncStreamedResponse]:
        """Exchange one request for an answer whose body arrives in chunks inside the ``async with`` block."""
        ...

    async def aclose(self) -> None:
        """Close what this object opened; a later `send` opens it again."""
        ...


def choose_name(name: str | None) -> str:
    """Return the name of the backend to use.

    Args:
        name: a backend's name; None takes ``SMSGATE_HTTP`` from the environment, else aiohttp if it is installed and
            trio is not running, else httpx.

    Raises:
        ConfigurationError: for a name nobody knows, or whose library is not installed.
    """
    return check_known(_BACKENDS, name or preferred_name(_BACKENDS) or _default_name())


def get_client(name: str | None = None) -> AsyncHttpClient:
    """Make an asynchronous backend; needs no running event loop.

    Args:
        name: a backend's name; None takes ``SMSGATE_HTTP`` from the environment, else aiohttp if it is installed and
            trio is not running, else httpx.

    Raises:
        ConfigurationError: for a name nobody knows, or whose library is not installed.
    """
    client: AsyncHttpClient = load_adapter(_BACKENDS[choose_name(name)])()
    return client


def _default_name() -> str:
    under_trio = import_module("smsgate._backends.lifetime").running_library() == "trio"
    return "aiohttp" if not under_trio and is_installed("aiohttp") else "httpx"


def __getattr__(name: str) -> Any:
    if name in _BACKENDS.values():
        return load_adapter(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
