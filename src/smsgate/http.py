"""Synchronous HTTP backends: protocol, requests and responses, and choice of a backend.

A backend turns a `Request` into a `Response` and knows nothing about the gateway. It never follows redirects,
never reads ``.netrc``, keeps no cookies, and raises only `smsgate.errors.TransportError` and its subclasses.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, NamedTuple

from smsgate._core.limits import flag
from smsgate._extras import MissingExtraError
from smsgate._http import Headers, HttpClient, Request, Response, StreamedResponse, Timeout
from smsgate.errors import ConfigurationError
from smsgate.runtime.types import schema_lock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smsgate._backends.aiohttp import AiohttpAsyncHttpClient as AiohttpHttpClient
    from smsgate._backends.httpx import HttpxHttpClient
    from smsgate._backends.pyreqwest import PyreqwestHttpClient
    from smsgate._backends.requests import RequestsHttpClient
    from smsgate._http import Verify

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


class Library(NamedTuple):
    """An HTTP library; users choose a backend by its import name.

    Args:
        extra: the extra of this package that installs it.
        python: the oldest Python version that it supports.
        needs_lasting_thread: whether the thread that imports it must live as long as the process.
    """

    extra: str
    python: tuple[int, int] = (3, 10)
    needs_lasting_thread: bool = False


class Adapter(NamedTuple):
    """A backend for one kind of client; the module of ``smsgate._backends`` has the library's name.

    Args:
        name: its class name, public here or in `smsgate.ahttp`.
        library: the import name of its library.
        client: class name of the library's own client or session, which it accepts.
        is_async: whether it serves `AsyncAPIClient`.
    """

    name: str
    library: str
    client: str
    is_async: bool = False


LIBRARIES = {
    "aiohttp": Library("aiohttp"),
    "httpx": Library("httpx"),
    "pyreqwest": Library("fast", python=(3, 11), needs_lasting_thread=True),
    "requests": Library("requests"),
}
ADAPTERS = (
    Adapter("AiohttpAsyncHttpClient", "aiohttp", "ClientSession", is_async=True),
    Adapter("HttpxAsyncHttpClient", "httpx", "AsyncClient", is_async=True),
    Adapter("HttpxHttpClient", "httpx", "Client"),
    Adapter("PyreqwestAsyncHttpClient", "pyreqwest", "Client", is_async=True),
    Adapter("PyreqwestHttpClient", "pyreqwest", "SyncClient"),
    Adapter("RequestsHttpClient", "requests", "Session"),
)
_NAMES = {adapter.library: adapter.name for adapter in ADAPTERS if not adapter.is_async}


def get_client(
    name: str | None = None, *, verify: Verify = True, proxy: str | None = None, trust_env: bool = True
) -> HttpClient:
    """Make a synchronous backend.

    Args:
        name: a backend's name; None takes ``SMSGATE_HTTP`` from the environment, else httpx.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        proxy: URL of an http or https proxy for all requests.
        trust_env: whether the proxy and certificate variables of the environment are used.

    Raises:
        ConfigurationError: the name is unknown, its library is not installed, or an option is not usable.
    """
    adapter = load_adapter(_NAMES[choose_name(name)])
    client: HttpClient = adapter(verify=verify, proxy=proxy, trust_env=trust_env)
    return client


def choose_name(name: str | None) -> str:
    """Return the name of the backend to use; None takes ``SMSGATE_HTTP`` from the environment, else httpx.

    Raises:
        ConfigurationError: the name is unknown, or its library is not installed.
    """
    return check_name(_NAMES, name or preferred_name(_NAMES) or "httpx")


def preferred_name(known: Mapping[str, str]) -> str | None:
    """Return the backend that ``SMSGATE_HTTP`` names, or None if it is unset or names one of the other kind of client.

    Args:
        known: the backends of this kind of client.

    Raises:
        ConfigurationError: no backend has that name.
    """
    name = os.environ.get("SMSGATE_HTTP", "").strip() or None
    if name is not None and name not in LIBRARIES:
        raise ConfigurationError(f"SMSGATE_HTTP names no HTTP backend; known are {', '.join(LIBRARIES)}")
    return name if name in known else None


def check_name(known: Mapping[str, str], name: str) -> str:
    """Return a backend's name after a check that its library can be loaded; loads nothing.

    Args:
        known: the backends of this kind of client.
        name: the name to check.

    Raises:
        ConfigurationError: the name is unknown, or its library is not installed.
    """
    if name not in known:
        raise ConfigurationError(f"no HTTP backend for this client has that name; known are {', '.join(sorted(known))}")
    _check_loadable(name)
    return name


def choose_http(http: Any, http_client: Any, *, closing: str) -> Any:
    """Return the backend, or the name of one, that a client was given under either of its two names.

    Args:
        http: the argument ``http``; an HTTP library's own client or session is taken as the user's own.
        http_client: the argument ``http_client``.
        closing: the protocol's closing method, by which synchronous and asynchronous backends differ.

    Raises:
        ConfigurationError: when both were given, or an object follows another protocol.
    """
    if http is not None and http_client is not None:
        raise ConfigurationError("http and http_client are two names of one option: give one")
    chosen = http if http is not None else http_client
    if chosen is None or (isinstance(chosen, str) and chosen):
        return chosen
    adapter = find_adapter(chosen)
    if adapter is not None:
        return _wrap(chosen, adapter, is_async=closing == "aclose")
    if not callable(getattr(chosen, "send", None)) and callable(getattr(chosen, "post", None)):
        raise ConfigurationError(
            "http backends of the official client have another protocol; docs/guides/http-backends.md shows ours"
        )
    if isinstance(chosen, type) or not all(
        callable(getattr(chosen, name, None)) for name in ("send", "stream", closing)
    ):
        raise ConfigurationError(f"http takes an object with send, stream and {closing}, or the name of a backend")
    if closing == "close" and iscoroutinefunction(getattr(chosen, "send", None)):
        raise ConfigurationError("http takes an object whose send is no coroutine function; AsyncAPIClient takes those")
    return chosen


def _wrap(client: object, adapter: Adapter, *, is_async: bool) -> Any:
    """Return the adapter around an HTTP library's own client, which the user closes."""
    if adapter.is_async != is_async:
        kind = type(client)
        fitting = "APIClient" if is_async else "AsyncAPIClient"
        raise ConfigurationError(
            f"a {kind.__module__.split('.')[0]}.{kind.__name__} is for the {fitting}, not for this one"
        )
    return load_adapter(adapter.name)(client)


def choose_connection(http: Any, *, verify: Verify, proxy: str | None, trust_env: bool) -> dict[str, Any]:
    """Return the connection options of the backend that a client makes by itself.

    Args:
        http: the backend that the client was given, or its name, or None.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        proxy: URL of a proxy for all requests.
        trust_env: whether the proxy and certificate variables of the environment are used.

    Raises:
        ConfigurationError: an option is not usable, or was given together with a backend object.
    """
    options: dict[str, Any] = {} if flag("trust_env", trust_env) else {"trust_env": False}
    if verify is not True or proxy is not None:
        connection = import_module("smsgate._backends.connection")  # loads ssl, which few programs need here
        if verify is not True:
            options["verify"] = connection.check_verify(verify)
        if proxy is not None:
            options["proxy"] = connection.check_proxy(proxy)
    if options and http is not None and not isinstance(http, str):
        raise ConfigurationError("verify, proxy and trust_env belong to the backend that you gave: set them there")
    return options


def is_installed(library: str) -> bool:
    """Tell whether a library can be found, without loading it."""
    try:
        return find_spec(library) is not None
    except ValueError:  # a module without a specification is in sys.modules already
        return True


def load_adapter(name: str) -> Any:
    """Return an adapter class by its name; loads its library.

    Raises:
        ConfigurationError: the library is not installed, or needs a newer Python.
    """
    library = next(adapter.library for adapter in ADAPTERS if adapter.name == name)
    _check_loadable(library)
    path = f"smsgate._backends.{library}"
    try:
        with schema_lock:  # a fork while another thread imports would leave Python's own locks held in the child
            if LIBRARIES[library].needs_lasting_thread:
                module = import_module("smsgate._backends.imports").import_in_lasting_thread(path)
            else:
                module = import_module(path)
    except ImportError as error:
        raise _not_installed(library) from error
    return getattr(module, name)


def find_adapter(client: object) -> Adapter | None:
    """Return the adapter for an HTTP library's own client or session, None for any other object."""
    known = {(adapter.library, adapter.client): adapter for adapter in ADAPTERS}
    homes = ((kind.__module__.split(".")[0], kind.__name__) for kind in type(client).__mro__)
    return next((known[home] for home in homes if home in known), None)


def _check_loadable(library: str) -> None:
    python = LIBRARIES[library].python
    if sys.version_info < python:
        raise ConfigurationError(f"the HTTP backend {library} needs Python {'.'.join(map(str, python))} or newer")
    if not is_installed(library):
        raise _not_installed(library)


def _not_installed(library: str) -> ConfigurationError:
    return MissingExtraError(f"the HTTP backend {library}", LIBRARIES[library].extra)


def __getattr__(name: str) -> Any:
    if name == "AiohttpHttpClient":  # the name that the official client uses
        return load_adapter("AiohttpAsyncHttpClient")
    if name in _NAMES.values():
        return load_adapter(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
