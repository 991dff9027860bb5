"""The asynchronous pyreqwest backend, for asyncio; the guide on HTTP backends lists its limits."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio.lowlevel import checkpoint_if_cancelled
from pyreqwest.client import Client, ClientBuilder

from smsgate._backends.concurrency import take_turn
from smsgate._backends.connection import Cert, Connecting
from smsgate._backends.decoding import acollect, adecoded
from smsgate._backends.pyreqwest_common import (
    FAILURES,
    QUOTING,
    Clients,
    check_options,
    configured,
    is_small,
    received_headers,
    translated,
)
from smsgate._backends.resources import LoopBound, asyncio_loop
from smsgate._backends.tls import run_aside
from smsgate._backends.transport_errors import cause
from smsgate._http import AsyncClosedOnExit, AsyncStreamedResponse, Response
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from pyreqwest.response import Response as Answer

    from smsgate._http import Request, Timeout, Verify

__all__ = ["PyreqwestAsyncHttpClient"]

_FAREWELL = 0.02
"""Seconds that pyreqwest's threads get to end: one that still runs when the interpreter ends aborts the process."""


class PyreqwestAsyncHttpClient(AsyncClosedOnExit):
    """Asynchronous backend over pyreqwest, for asyncio.

    Args:
        client: a `pyreqwest.client.Client` of yours to use; it stays yours to close, and its own options apply,
            whether it follows redirects among them.
        verify: True, False, or the path of a file of certificates to trust beside the system's.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: exchanges under way at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment count.

    Raises:
        ConfigurationError: for options that cannot be used, options beside a client, use under trio, or a given
            client that is used under a second event loop.
    """

    def __init__(
        self,
        client: Client | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
        max_connections: int = 100,
        trust_env: bool = True,
    ) -> None:
        if client is not None and not isinstance(client, Client):
            raise ConfigurationError("this backend takes a pyreqwest.client.Client")
        self._options = Connecting(
            client, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )
        check_options(self._options)
        self._client = client
        self._opened: LoopBound[_Opened] = LoopBound(
            self._open, _Opened.aclose, loop=asyncio_loop, given=client is not None
        )

    async def send(self, request: Request) -> Response:
        """Exchange one request for its whole answer."""
        route = self._options.route(request.url)  # refuses one that would make pyreqwest panic
        opened = self._opened.current() or await self._opened.get()
        client = await opened.enter(request.timeout)
        try:
            async with _Cancellable(), opened.clients.built(client, request).build_streamed() as answer:
                headers = received_headers(answer)
                if is_small(answer):
                    content = (await answer.bytes()).to_bytes()
                else:
                    content = await acollect(_chunks(answer), headers)
                return Response(answer.status, headers, content)
        except FAILURES as error:
            opened.clients.notice(error)
            raise route.named(translated(error)) from cause(error, QUOTING)
        finally:
            opened.gate.release()

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncStreamedResponse, None]:
        """Exchange one request for an answer whose body arrives in chunks."""
        route = self._options.route(request.url)  # refuses one that would make pyreqwest panic
        opened = await self._opened.get()
        client = await opened.enter(request.timeout)
        try:
            try:
                sending = opened.clients.built(client, request).streamed_read_buffer_limit(1).build_streamed()
                async with _Cancellable():
                    answer = await sending.__aenter__()
            except FAILURES as error:
                opened.clients.notice(error)
                raise route.named(translated(error)) from cause(error, QUOTING)
            try:
                headers = received_headers(answer)
                async with aclosing(adecoded(_chunks(answer), headers)) as chunks:
                    yield AsyncStreamedResponse(answer.status, headers, chunks)
            finally:
                async with _Cancellable():
                    await sending.__aexit__(None, None, None)
        finally:
            opened.gate.release()

    async def aclose(self) -> None:
        """Close the connections this object opened; a later `send` opens it again."""
        await self._opened.aclose()

    def _open(self) -> _Opened:
        return _Opened(Clients(self._make, self._client), asyncio.Semaphore(self._options.max_connections))

    def _make(self, timeout: Timeout) -> Client:
        client: Client = configured(ClientBuilder(), self._options, timeout).build()
        return client


class _Opened:
    """What was opened: the clients, and the gate before them."""

    __slots__ = ("clients", "gate")

    def __init__(self, clients: Clients[Client], gate: asyncio.Semaphore) -> None:
        self.clients = clients
        self.gate = gate

    async def enter(self, limits: Timeout) -> Client:
        """Wait for a turn and return the client to use."""
        if not self.clients.has(limits):
            await run_aside(partial(self.clients.get, limits))  # making one reads the certificates
        client = self.clients.get(limits)
        await take_turn(self.gate, limits.total)
        return client

    async def aclose(self) -> None:
        clients = self.clients.all()
        for client in clients:
            await client.close()
        if clients:
            await asyncio.sleep(_FAREWELL)


async def _chunks(answer: Answer) -> AsyncGenerator[bytes, None]:
    try:
        while True:
            async with _Cancellable():
                chunk = await answer.body_reader.read_chunk()
            if chunk is None:
                return
            yield chunk.to_bytes()
    except FAILURES as error:
        raise translated(error, answering=True) from cause(error, QUOTING)


class _Cancellable:
    """Makes a cancellation inside the block arrive as it should.

    pyreqwest swallows one that comes as a call ends, and raises others as cancellations of its own making, which
    anyio's scopes do not recognise as theirs.
    """

    __slots__ = ("_before", "_task")
    _task: Any  # Python 3.10, where pyreqwest does not run, counts no cancellations

    async def __aenter__(self) -> None:
        self._task = asyncio.current_task()
        self._before = self._task.cancelling()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
        if cancelled or self._task.cancelling() > self._before:
            await checkpoint_if_cancelled()  # anyio cancels again here, if it was anyio
            if not cancelled:
                raise asyncio.CancelledError
