"""ASGI application that serves a gateway over a port."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from smsgate._http import Request, Timeout
from smsgate.emulator._control.app import PAGES, ControlApp
from smsgate.emulator._control.controls import Controls
from smsgate.emulator._control.views import PREFIX
from smsgate.emulator._http.responses import RequestError
from smsgate.emulator._http.routing import MAX_BODY
from smsgate.emulator._server import control
from smsgate.emulator._server.data_file import DataFileError
from smsgate.emulator._server.origin import authority, host_name, rejection_of, rejection_of_rebinding
from smsgate.emulator.faults import ServedExchange
from smsgate.runtime.printable import escape

if TYPE_CHECKING:
    from collections.abc import Collection

    from smsgate._http import Response
    from smsgate.emulator._server.keeper import Keeper
    from smsgate.emulator.faults import Fault
    from smsgate.emulator.gateway import Gateway

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_DROPS = 20
"""Into how many parts a body is cut that comes too slowly."""

_READS = frozenset({"GET", "HEAD"})
"""Methods whose responses need no saved state: what they tell is true in this process."""


class EmulatorApp:
    """Application that serves one gateway.

    A body above the limit of the server gets its response before it is read completely, and the connection is closed.

    ``/`` is the web page, ``/_emulator/…`` the control API, and ``POST /emulator/receive`` emulates an incoming
    message; the gateway handles all other requests.

    Args:
        gateway: handles the requests.
        allowed_hosts: host names, besides ``localhost`` and IP addresses, under which control requests are taken.
        keeper: keeps the gateway's state in a file.
        log: called with one line for each request to the API and each control request that changes something.

    Faults of the gateway are applied. ASGI cannot close a connection before the head of a response, so ``refuse``,
    ``reset`` and ``lost`` close it after the head.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        allowed_hosts: Collection[str] = (),
        log: Callable[[str], None] | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self._gateway = gateway
        self._keeper = keeper
        self._log = log
        self._allowed_hosts = frozenset(host_name(name) for name in allowed_hosts)
        self._controls = Controls(gateway, None if keeper is None else str(keeper.file.path))
        if keeper is not None:
            self._controls.data_problem = lambda: keeper.problem
        self._control_app = ControlApp(self._controls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or the lifespan protocol."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    def stop(self) -> None:
        """End event streams and waiting requests, so that the server can stop."""
        self._controls.stopping = True

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_control(scope):
            await self._serve_control(scope, receive, send)
            return
        content, whole = await _body(receive)
        request = _request(scope, content)
        started = time.perf_counter()
        if scope["path"] == control.PATH:
            response = self._receive(request)
            problem = self._save()
            response = response if problem is None else _unsaved(problem)
            await _send_response(response, whole, send)
            self._write_line(scope, response.status, time.perf_counter() - started)
            return
        played = self._play(request)
        if played.fault is not None and played.is_broken:
            await _break(played.fault, played.response, receive, send)
        else:
            await _send_response(played.result(), whole, send)
        fault = None if played.fault is None else played.fault.name
        shown = None if played.is_broken else played.response
        seconds = time.perf_counter() - started
        self._controls.log(request, shown, fault, seconds)
        self._write_line(scope, None if shown is None else shown.status, seconds, fault)

    def _play(self, request: Request) -> ServedExchange:
        rejection = rejection_of_rebinding(request.headers, self._allowed_hosts)
        if rejection is not None:
            return ServedExchange(None, RequestError(403, rejection).response())
        played = self._gateway.play(request)
        problem = self._save()
        if problem is None or request.method in _READS:
            return played
        return ServedExchange(None, _unsaved(problem))

    def _save(self) -> str | None:
        """Save before a response leaves, so that what a client was told is never lost; returns why it failed."""
        if self._keeper is None:
            return None
        try:
            self._keeper.save()
        except DataFileError as error:
            return str(error)
        return None

    def _write_line(self, scope: Scope, status: int | None, seconds: float, fault: str | None = None) -> None:
        if self._log is None:
            return
        at = datetime.now(timezone.utc).astimezone().strftime("%H:%M:%S")
        result = "no response" if status is None else f"{status:d}"
        note = "" if fault is None else f" fault {fault}"
        self._log(f"{at} {scope['method']} {escape(scope['path'])} {result} {seconds * 1000:.1f} ms{note}")

    async def _serve_control(self, scope: Scope, receive: Receive, send: Send) -> None:
        rejection = rejection_of(_headers_of(scope), self._allowed_hosts, is_page=scope["path"] in PAGES)
        if rejection is not None:
            await _send_response(RequestError(403, rejection).response(), True, send)
            self._write_line(scope, 403, 0.0)
            return
        started = time.perf_counter()
        is_read = scope["method"] in _READS
        statuses: list[int] = []

        async def save_first(event: MutableMapping[str, Any]) -> None:
            if event["type"] == "http.response.start":
                problem = self._save()
                if problem is not None and not is_read:
                    raise DataFileError(problem)
                statuses.append(event["status"])
            await send(event)

        try:
            await self._control_app(scope, receive, save_first)
        except DataFileError as error:
            statuses.append(500)
            await _send_response(_unsaved(str(error)), True, send)
        if not is_read:
            self._write_line(scope, next(iter(statuses), None), time.perf_counter() - started)

    def _receive(self, request: Request) -> Response:
        rejection = rejection_of(request.headers, self._allowed_hosts)
        if rejection is not None:
            return RequestError(403, rejection).response()
        return control.receive(self._gateway, request)


def _unsaved(problem: str) -> Response:
    return RequestError(500, problem).response()


async def _send_response(response: Response, whole: bool, send: Send) -> None:  # noqa: FBT001 - whether the request was read
    headers = _headers(response)
    if not whole:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


async def _break(fault: Fault, response: Response | None, receive: Receive, send: Send) -> None:
    """Apply a fault after which no complete response arrives."""
    if response is None or fault.kind == "lost":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        return
    if fault.kind == "late" and await _left(receive, fault.seconds):
        return
    await send({"type": "http.response.start", "status": response.status, "headers": _headers(response)})
    if fault.kind == "drip":
        await _drip(fault.seconds, response.content, receive, send)
    elif fault.kind == "truncate":
        half = response.content[: len(response.content) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
    else:
        await send({"type": "http.response.body", "body": response.content})


async def _drip(seconds: float, content: bytes, receive: Receive, send: Send) -> None:
    size = -(-len(content) // _DROPS)
    for drop in range(_DROPS):
        if await _left(receive, seconds / _DROPS):
            return
        part = content[drop * size : (drop + 1) * size]
        await send({"type": "http.response.body", "body": part, "more_body": drop + 1 < _DROPS})


async def _left(receive: Receive, seconds: float) -> bool:
    """Wait for seconds or until the client disconnects; return whether it did."""
    left = False
    with anyio.move_on_after(seconds):
        while not left:
            left = (await receive())["type"] == "http.disconnect"
    await anyio.lowlevel.checkpoint()  # without it, Python 3.11 does not trace what follows a cancellation
    return left


def _headers(response: Response) -> list[tuple[bytes, bytes]]:
    # a Location may end with the blanks of an id, which HTTP libraries refuse to send and clients would drop
    return [(name.encode("latin-1"), value.strip(" \t").encode()) for name, value in response.headers.items()]


async def _body(receive: Receive) -> tuple[bytes, bool]:
    content = bytearray()
    while len(content) <= MAX_BODY:
        event = await receive()
        content += event.get("body", b"")
        if not event.get("more_body", False):
            return bytes(content), True
    return bytes(content), False


def _is_control(scope: Scope) -> bool:
    """Return whether a request is for the control API or the page; a phone's own ``GET /`` comes with credentials."""
    path: str = scope["path"]
    if path == "/":
        return scope["method"] in {"GET", "HEAD"} and not any(name == b"authorization" for name, _ in scope["headers"])
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def _headers_of(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _request(scope: Scope, content: bytes) -> Request:
    headers = _headers_of(scope)
    path = scope.get("raw_path") or scope["path"].encode()
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    host = authority(f"http://{headers.get('host', '')}") or "localhost"
    url = f"http://{host}{path.decode('latin-1')}{query}"
    return Request(scope["method"], url, headers, content or None, Timeout())


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
