"""Asynchronous HTTP backends: protocol, and choice of a backend; see `smsgate.http` for requests and responses."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smsgate._http import AsyncHttpClient, AsyncStreamedResponse, Headers, Request, Response, Timeout
from smsgate.http import ADAPTERS, check_name, is_installed, load_adapter, preferred_name

if TYPE_CHECKING:
    from smsgate._backends.aiohttp import AiohttpAsyncHttpClient
    from smsgate._backends.httpx import HttpxAsyncHttpClient
    from smsgate._backends.pyreqwest import PyreqwestAsyncHttpClient
    from smsgate._http import Verify

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

_NAMES = {adapter.library: adapter.name for adapter in ADAPTERS if adapter.is_async}


def get_client(
    name: str | None = None, *, verify: Verify = True, proxy: str | None = None, trust_env: bool = True
) -> AsyncHttpClient:
    """Make an asynchronous backend; needs no running event loop.

    Args:
        name: a backend's name; None takes ``SMSGATE_HTTP`` from the environment, else aiohttp if it is installed and
            trio is not running, else httpx.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        proxy: URL of an http or https proxy for all requests.
        trust_env: whether the proxy and certificate variables of the environment are used.

    Raises:
        ConfigurationError: the name is unknown, its library is not installed, or an option is not usable.
    """
    adapter = load_adapter(_NAMES[choose_name(name)])
    client: AsyncHttpClient = adapter(verify=verify, proxy=proxy, trust_env=trust_env)
    return client


def choose_name(name: str | None) -> str:
    """Return the name of the backend to use.

    Args:
        name: a backend's name; None takes ``SMSGATE_HTTP`` from the environment, else aiohttp if it is installed and
            trio is not running, else httpx.

    Raises:
        ConfigurationError: the name is unknown, or its library is not installed.
    """
    return check_name(_NAMES, name or preferred_name(_NAMES) or _default_name())


def _default_name() -> str:
    under_trio = import_module("smsgate._event_loops").running_library() == "trio"
    return "aiohttp" if not under_trio and is_installed("aiohttp") else "httpx"


def __getattr__(name: str) -> Any:
    if name in _NAMES.values():
        return load_adapter(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
