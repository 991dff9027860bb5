"""Emulated gateways for tests: clients in memory, a server over a port, and helpers for unittest.

The pytest plugin of this package offers the same as fixtures; see ``docs/guides/testing.md``.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import signature
from typing import TYPE_CHECKING, Any

from smsgate import APIClient, AsyncAPIClient
from smsgate._extras import missing
from smsgate._server_socket import open_listener
from smsgate.emulator import Gateway, PhoneTimings

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import uvicorn

__all__ = ["GatewayServer", "make_async_client", "make_client", "make_gateway", "serve"]

_START = 30.0
"""Seconds that a server may take to start, and to stop."""

_INTERVAL = 0.002


@dataclass(frozen=True, slots=True)
class GatewayServer:
    """A gateway that is served over a port of this machine.

    Attributes:
        url: base URL for a client.
        login: the account's login.
        password: the account's password.
        gateway: the gateway itself.
    """

    url: str
    login: str
    password: str = field(repr=False)
    gateway: Gateway = field(repr=False)


def make_gateway(options: Mapping[str, Any] | None = None, **more: Any) -> Gateway:
    """Make a gateway whose phones act without delay.

    Args:
        options: arguments of `Gateway`; ``delays=True`` keeps the delays of the emulator's phones.
        more: further options, by keyword: ``make_gateway(devices=2)``.

    Raises:
        TypeError: there is no such option, or its value has another type.
        ValueError: a value is out of range.
    """
    given = {**(options or {}), **more}
    known = {*signature(Gateway).parameters, "delays"}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise TypeError(f"A gateway has no option {unknown[0]!r}; its options are {', '.join(sorted(known))}.")
    delays = given.pop("delays", False)
    if not isinstance(delays, bool):
        raise TypeError(f"delays is True or False, not {delays!r}.")
    if not delays:
        given.setdefault("timings", PhoneTimings(0.0, 0.0, 0.0))
    return Gateway(**given)


def make_client(gateway: Gateway, **options: Any) -> APIClient:
    """Make a client that talks to the gateway in memory.

    Args:
        gateway: the gateway.
        options: further arguments of `APIClient`.
    """
    return APIClient(gateway.login, gateway.password, base_url=_base_url(gateway), http=gateway.http(), **options)


def make_async_client(gateway: Gateway, **options: Any) -> AsyncAPIClient:
    """Make an asynchronous client that talks to the gateway in memory; there is nothing to close.

    Args:
        gateway: the gateway.
        options: further arguments of `AsyncAPIClient`.
    """
    http = gateway.async_http()
    return AsyncAPIClient(gateway.login, gateway.password, base_url=_base_url(gateway), http=http, **options)


@contextmanager
def serve(gateway: Gateway) -> Generator[GatewayServer, None, None]:
    """Serve a gateway over a free port of 127.0.0.1 while the ``with`` block runs.

    Args:
        gateway: the gateway.

    Raises:
        ImportError: uvicorn is not installed (extra ``emulator``).
        TimeoutError: the server did not start.
    """
    try:
        import uvicorn  # noqa: PLC0415 - an extra

        from smsgate.emulator import EmulatorApp  # noqa: PLC0415 - it needs starlette, of the same extra
    except ImportError:
        raise ImportError(missing("a server", "emulator")) from None

    listener = open_listener("127.0.0.1", 0)
    app = EmulatorApp(gateway)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="smsgate-emulator", daemon=True)
    thread.start()
    try:
        _wait_for_start(server, thread)
        url = _base_url(gateway, listener.getsockname()[1])
        yield GatewayServer(url, gateway.login, gateway.password, gateway)
    finally:
        app.stop()
        server.should_exit = True
        thread.join(_START)
        listener.close()


def _wait_for_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _START
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise TimeoutError("The server did not start.")
        time.sleep(_INTERVAL)


def _base_url(gateway: Gateway, port: int = 8787) -> str:
    return f"http://127.0.0.1:{port}" + ("" if gateway.mode == "local" else "/3rdparty/v1")
