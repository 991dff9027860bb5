"""What a synchronous HTTP backend is: its protocol, the values it exchanges, and how one is chosen.

A backend turns a `Request` into a `Response` and knows nothing about the gateway. It never follows redirects,
never reads ``.netrc``, keeps no cookies, and raises only `smsgate.errors.TransportError` and its subclasses.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from smsgate._extras import missing
from smsgate._http import Headers, HttpClient, Request, Response, StreamedResponse, Timeout
from smsgate.errors import ConfigurationError
from smsgate.runtime.types import schema_lock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smsgate._backends.aiohttp import AiohttpAsyncHttpClient as AiohttpHttpClient
    from smsgate._backends.connection import Verify
    from smsgate._backends.httpx import HttpxHttpClient
    from smsgate._backends.pyreqwest import PyreqwestHttpClient
    from smsgate._backends.requests import RequestsHttpClient

__all__ = [
    "AiohttpHttpClient",
    "Headers",
    "HttpClient",
    "HttpxHttpClient",
    "PyreqwestHttpClient",
    "Request",
    "RequestsHttpClient",
    "Response",
    "StreamedResponse",
    "Timeout",
    "get_client",
]

_BACKENDS = {"httpx": "HttpxHttpClient", "pyreqwest": "PyreqwestHttpClient", "requests": "RequestsHttpClient"}
_MODULES = {
    "AiohttpAsyncHttpClient": "aiohttp",
    "AiohttpHttpClient": "aiohttp",
    "HttpxAsyncHttpClient": "httpx_async",
    "HttpxHttpClient": "httpx",
    "PyreqwestAsyncHttpClient": "pyreqwest_async",
    "PyreqwestHttpClient": "pyreqwest",
    "RequestsHttpClient": "requests",
}
_NAMES = ("aiohttp", "httpx", "pyreqwest", "requests")
_EXTRAS = {"pyreqwest": "fast"}
_LIBRARY_CLIENTS = {
    ("aiohttp", "ClientSession"): "AiohttpAsyncHttpClient",
    ("httpx", "AsyncClient"): "HttpxAsyncHttpClient",
    ("httpx", "Client"): "HttpxHttpClient",
    ("pyreqwest", "Client"): "PyreqwestAsyncHttpClient",
    ("pyreqwest", "SyncClient"): "PyreqwestHttpClient",
    ("requests", "Session"): "RequestsHttpClient",
}
"""The adapters for clients and sessions of the libraries themselves, known by where their classes stand."""


def preferred_name(known: Mapping[str, str]) -> str | None:
    """Read ``SMSGATE_HTTP``: the name of the backend to use when a client is given none.

    Args:
        known: the backends that can be used here; for one that only the other kind of client has, the default is taken.

    Raises:
        ConfigurationError: for a name nobody knows.
    """
    name = os.environ.get("SMSGATE_HTTP", "").strip() or None
    if name is not None and name not in _NAMES:
        raise ConfigurationError(f"SMSGATE_HTTP names no HTTP backend; known are {', '.join(_NAMES)}")
    return name if name in known else None


def check_connection(*, verify: Verify, proxy: str | None, trust_env: bool) -> dict[str, Any]:
    """Return the options of a client's own backend: those that differ from the defaults.

    Raises:
        ConfigurationError: for what cannot be used.
    """
    if not isinstance(trust_env, bool):
        raise ConfigurationError("trust_env takes True or False")
    options: dict[str, Any] = {} if trust_env else {"trust_env": False}
    if verify is not True or proxy is not None:
        connecting = import_module("smsgate._backends.connection")
        if verify is not True:
            options["verify"] = connecting.check_verify(verify)
        if proxy is not None:
            options["proxy"] = connecting.check_proxy(proxy)
    return options


def check_known(known: Mapping[str, str], name: str) -> str:
    """Return a backend's name, having looked for its library, but loaded nothing.

    Raises:
        ConfigurationError: for a name that is not known here, or whose library is not installed.
    """
    if name not in known:
        raise ConfigurationError(f"no HTTP backend for this client has that name; known are {', '.join(sorted(known))}")
    if name == "pyreqwest" and sys.version_info < (3, 11):
        raise ConfigurationError("the HTTP backend pyreqwest needs Python 3.11 or newer")
    if not is_installed(name):
        raise _lacks(name)
    return name


def is_installed(library: str) -> bool:
    """Tell whether a library can be found, without loading it."""
    try:
        return find_spec(library) is not None
    except ValueError:  # loaded by hand
        return True


def load_adapter(adapter: str) -> Any:
    """Return an adapter class by its name, loading its library only now.

    Raises:
        ConfigurationError: its library is not installed, or needs a newer Python.
    """
    module = _MODULES[adapter]
    library = module.split("_")[0]
    if library == "pyreqwest" and sys.version_info < (3, 11):
        raise ConfigurationError("the HTTP backend pyreqwest needs Python 3.11 or newer")
    if not is_installed(library):
        raise _lacks(library)
    name = f"smsgate._backends.{module}"
    try:
        with schema_lock:  # a fork while another thread imports would leave Python's own locks held in the child
            if library == "pyreqwest":
                found = import_module("smsgate._backends.imports").import_lasting(name)
            else:
                found = import_module(name)
    except ImportError as error:
        raise _lacks(library) from error
    return getattr(found, adapter.replace("AiohttpHttp", "AiohttpAsyncHttp"))


def _lacks(library: str) -> ConfigurationError:
    extra = _EXTRAS.get(library, library)
    return ConfigurationError(missing(f"the HTTP backend {library}", extra))


def adapter_of(client: object) -> str | None:
    """Return the name of the adapter for an HTTP library's own client or session, None for any other object."""
    for kind in type(client).__mro__:
        adapter = _LIBRARY_CLIENTS.get((kind.__module__.split(".")[0], kind.__name__))
        if adapter is not None:
            return adapter
    return None


def choose_name(name: str | None) -> str:
    """Return the name of the backend to use; None takes ``SMSGATE_HTTP`` from the environment, else httpx.

    Raises:
        ConfigurationError: for a name nobody knows, or whose library is not installed.
    """
    return check_known(_BACKENDS, name or preferred_name(_BACKENDS) or "httpx")


def get_client(
    name: str | None = None, *, verify: Verify = True, proxy: str | None = None, trust_env: bool = True
) -> HttpClient:
    """Make a synchronous backend.

    Args:
        name: a backend's name; None takes ``SMSGATE_HTTP`` from the environment, else httpx.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        proxy: URL of an http or https proxy for all requests.
        trust_env: whether the proxy and certificate variables of the environment count.

    Raises:
        ConfigurationError: for a name nobody knows, or whose library is not installed, or options that cannot be used.
    """
    options = check_connection(verify=verify, proxy=proxy, trust_env=trust_env)
    client: HttpClient = load_adapter(_BACKENDS[choose_name(name)])(**options)
    return client


def __getattr__(name: str) -> Any:
    if name in _BACKENDS.values() or name == "AiohttpHttpClient":
        return load_adapter(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
