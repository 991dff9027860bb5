"""Gateway on a real socket that breaks connections: resets, timeouts, truncated and invalid responses."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import Self

from smsgate.emulator import Faults
from smsgate.http import Request, Timeout

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from smsgate.ahttp import AsyncHttpClient, AsyncStreamedResponse
    from smsgate.emulator import Fault, Gateway, ServedExchange
    from smsgate.http import HttpClient, Response, StreamedResponse

__all__ = ["AsyncRefusingBackend", "FaultyServer", "RefusingBackend", "open_files"]

_NOISE = b"\x16\x03\x01\x00 what is this?\r\n\r\n"
_PACE = 0.02
_LIMIT = 10.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_EMPTY = Request("GET", "http://gateway.test/", {}, None, Timeout())


class FaultyServer:
    """Server of a gateway on a free local port; use as a context manager.

    Faults are chosen when the first byte of a request arrives, so that a reset can precede the rest of the request.
    The gateway's own faults are not used.

    Args:
        gateway: handles the requests.
        faults: chooses the faults; ``refuse`` is a reset here, see `RefusingBackend` for real refusals.
    """

    def __init__(self, gateway: Gateway, faults: Faults | None = None) -> None:
        self.faults = faults
        self._gateway = gateway
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wire")
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._port = 0
        self._turns = count()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The ``base_url`` for a client."""
        return f"http://127.0.0.1:{self._port}/3rdparty/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=512)
        self._port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._exchange(reader, writer):
                pass
        writer.close()
        with suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; return whether the connection may serve another."""
        first = await reader.readexactly(1)
        fault = self.faults(_EMPTY) if self.faults else None
        if fault is not None and fault.kind in {"refuse", "reset"}:
            _reset(writer)
            return False
        self._gateway.faults = partial(_fixed_fault, fault)  # only this thread serves the gateway
        played = self._gateway.play(await _request(first, reader))
        return await self._respond(played, reader, writer)

    async def _respond(
        self, played: ServedExchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        fault, response = played.fault, played.response
        if fault is None or response is None or not played.is_broken:
            noise = fault is not None and fault.kind == "garbage" and next(self._turns) % 2
            writer.write(_NOISE if noise or response is None else _head(response) + response.content)
            await writer.drain()
            return not noise
        if fault.kind == "lost":
            _reset(writer)
        elif fault.kind == "late":
            await _wait_until_closed(reader, _LIMIT)
        elif fault.kind == "truncate":
            writer.write(_head(response) + response.content[: len(response.content) // 2])
            await writer.drain()
        else:
            await _drip(response, reader, writer)
        return False


class _ClosedPort:
    """Local port without a listener, so that the operating system refuses connections."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._origin = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def redirect(self, request: Request) -> Request:
        """Return the request, sent to the closed port when a fault is chosen."""
        if self.faults(request) is None:
            return request
        path = "/" + request.url.partition("://")[2].partition("/")[2]
        return replace(request, url=self._origin + path)


class RefusingBackend:
    """Backend that sends a share of its requests to a port without a listener."""

    def __init__(self, inner: HttpClient, *, rate: float, seed: int) -> None:
        self._inner = inner
        self._closed = _ClosedPort(Faults.random(rate, seed=seed, kinds=["refuse"]))

    @property
    def faults(self) -> Faults:
        """Faults that choose the refused requests."""
        return self._closed.faults

    def send(self, request: Request) -> Response:
        """Send one request and return its response."""
        return self._inner.send(self._closed.redirect(request))

    @contextmanager
    def stream(self, request: Request) -> Generator[StreamedResponse]:
        """Send one request and stream its response."""
        with self._inner.stream(self._closed.redirect(request)) as response:
            yield response

    def close(self) -> None:
        """Close the inner backend."""
        self._inner.close()


class AsyncRefusingBackend:
    """The asynchronous `RefusingBackend`."""

    def __init__(self, inner: AsyncHttpClient, *, rate: float, seed: int) -> None:
        self._inner = inner
        self._closed = _ClosedPort(Faults.random(rate, seed=seed, kinds=["refuse"]))

    @property
    def faults(self) -> Faults:
        """Faults that choose the refused requests."""
        return self._closed.faults

    async def send(self, request: Request) -> Response:
        """Send one request and return its response."""
        return await self._inner.send(self._closed.redirect(request))

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncStreamedResponse]:
        """Send one request and stream its response."""
        async with self._inner.stream(self._closed.redirect(request)) as response:
            yield response

    async def aclose(self) -> None:
        """Close the inner backend."""
        await self._inner.aclose()


def open_files() -> int:
    """Count this process's open file descriptors, sockets among them."""
    return len(list(Path("/dev/fd").iterdir()))


def _fixed_fault(fault: Fault | None, _request: Request) -> Fault | None:
    return fault


async def _request(first: bytes, reader: asyncio.StreamReader) -> Request:
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = line.split(" ")
    headers = dict(entry.split(": ", 1) for entry in lines)
    size = next((int(value) for name, value in headers.items() if name.lower() == "content-length"), 0)
    content = await reader.readexactly(size)
    return Request(method, f"http://gateway.test{target}", headers, content or None, Timeout())


def _head(response: Response) -> bytes:
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    if response.status != 204:  # noqa: PLR2004 - No Content has no length
        headers["content-length"] = str(len(response.content))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {response.status} X\r\n{lines}\r\n".encode("latin-1")


async def _drip(response: Response, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_head(response))
    for place in range(len(response.content)):
        writer.write(response.content[place : place + 1])
        await writer.drain()
        if await _wait_until_closed(reader, _PACE):
            return


async def _wait_until_closed(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Wait until the client closes the connection; return False after the given seconds."""
    try:
        return not await asyncio.wait_for(reader.read(1), seconds)
    except asyncio.TimeoutError:
        return False


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close the connection with a reset."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
