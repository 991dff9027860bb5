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
    check_connection,
    check_known,
    is_installed,
    load_adapter,
    preferred_name,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from typing_extensions import Self

    from smsgate._backends.aiohttp import AiohttpAsyncHttpClient
    from smsgate._backends.connecting import Verify
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


class AsyncClosedOnExit:
    """An asynchronous backend as a context manager: the end of an ``async with`` block closes it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close what this object opened."""
        raise NotImplementedError


def get_client(
    name: str | None = None, *, verify: Verify = True, proxy: str | None = None, trust_env: bool = True
) -> AsyncHttpClient:
    """Make an asynchronous backend; needs no running event loop.

    Args:
        name: a backend's name; None takes ``SMSGATE_HTTP`` from the environment, else aiohttp if it is installed and
            trio is not running, else httpx.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        proxy: URL of an http or https proxy for all requests.
        trust_env: whether the proxy and certificate variables of the environment count.

    Raises:
        ConfigurationError: for a name nobody knows, or whose library is not installed, or options that cannot be used.
    """
    options = check_connection(verify=verify, proxy=proxy, trust_env=trust_env)
    client: AsyncHttpClient = load_adapter(_BACKENDS[choose_name(name)])(**options)
    return client


def _default_name() -> str:
    under_trio = import_module("smsgate._backends.lifetime").running_library() == "trio"
    return "aiohttp" if not under_trio and is_installed("aiohttp") else "httpx"


def __getattr__(name: str) -> Any:
    if name in _BACKENDS.values():
        return load_adapter(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
