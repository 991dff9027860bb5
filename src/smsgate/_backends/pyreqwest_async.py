"""Asynchronous backend over pyreqwest, for asyncio; the guide on HTTP backends lists its limits."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio.lowlevel import checkpoint_if_cancelled
from pyreqwest.client import Client, ClientBuilder

from smsgate._backends.concurrency import acquire_slot
from smsgate._backends.connection import Cert, ConnectionOptions, add_proxy
from smsgate._backends.decoding import adecode
from smsgate._backends.pyreqwest_common import (
    LIBRARY_ERRORS,
    QUOTING_ERRORS,
    Clients,
    check_options,
    configure,
    is_small,
    response_headers,
    translate,
)
from smsgate._backends.resources import LoopResource, asyncio_loop
from smsgate._backends.streaming import aread_response
from smsgate._backends.tls import run_in_thread
from smsgate._backends.transport_errors import safe_cause
from smsgate._http import AsyncClosedOnExit, AsyncStreamedResponse, Response
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from pyreqwest.response import Response as LibraryResponse

    from smsgate._http import Request, Timeout, Verify

_SHUTDOWN_SECONDS = 0.02
"""Time for pyreqwest's threads to end: one that still runs when the interpreter ends aborts the process."""


class PyreqwestAsyncHttpClient(AsyncClosedOnExit):
    """Asynchronous backend over pyreqwest, for asyncio.

    Args:
        client: a `pyreqwest.client.Client` that you opened and close yourself, and its own options apply,
            whether it follows redirects among them.
        verify: True, False, or the path of a file of certificates to trust in addition to the system's.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: concurrent exchanges at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment are used.

    Raises:
        ConfigurationError: for invalid options, options together with a client, use under trio, or a given
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
        self._options = ConnectionOptions(
            client, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )
        check_options(self._options)
        self._client = client
        self._opened: LoopResource[_Opened] = LoopResource(
            self._open, _Opened.aclose, loop=asyncio_loop, given=client is not None
        )

    async def send(self, request: Request) -> Response:
        """Send one request and return the response with its whole body."""
        proxy = self._options.proxy_for(request.url)  # rejects a proxy that would make pyreqwest panic
        opened = await self._opened.get()
        client = await opened.enter(request.timeout)
        try:
            async with _Cancellable(), opened.clients.build(client, request).build_streamed() as response:
                headers = response_headers(response)
                if is_small(response, request.max_size):
                    return Response(response.status, headers, (await response.bytes()).to_bytes())
                streamed = AsyncStreamedResponse(response.status, headers, adecode(_chunks(response), headers))
                return await aread_response(streamed, request.max_size)
        except LIBRARY_ERRORS as error:
            opened.clients.notice(error)
            raise add_proxy(translate(error), proxy) from safe_cause(error, QUOTING_ERRORS)
        finally:
            opened.slots.release()

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncStreamedResponse, None]:
        """Send one request; the body of the response arrives in chunks."""
        proxy = self._options.proxy_for(request.url)  # rejects a proxy that would make pyreqwest panic
        opened = await self._opened.get()
        client = await opened.enter(request.timeout)
        try:
            try:
                sending = opened.clients.build(client, request).streamed_read_buffer_limit(1).build_streamed()
                async with _Cancellable():
                    response = await sending.__aenter__()
            except LIBRARY_ERRORS as error:
                opened.clients.notice(error)
                raise add_proxy(translate(error), proxy) from safe_cause(error, QUOTING_ERRORS)
            try:
                headers = response_headers(response)
                async with aclosing(adecode(_chunks(response), headers)) as chunks:
                    yield AsyncStreamedResponse(response.status, headers, chunks)
            finally:
                async with _Cancellable():
                    await sending.__aexit__(None, None, None)
        finally:
            opened.slots.release()

    async def aclose(self) -> None:
        """Close the connections that this object opened; a later `send` opens new ones."""
        await self._opened.aclose()

    def _open(self) -> _Opened:
        return _Opened(Clients(self._make, self._client), asyncio.Semaphore(self._options.max_connections))

    def _make(self, timeout: Timeout) -> Client:
        client: Client = configure(ClientBuilder(), self._options, timeout).build()
        return client


class _Opened:
    """The clients, and the slots of their exchanges."""

    __slots__ = ("clients", "slots")

    def __init__(self, clients: Clients[Client], slots: asyncio.Semaphore) -> None:
        self.clients = clients
        self.slots = slots

    async def enter(self, limits: Timeout) -> Client:
        """Acquire a slot and return the client to use."""
        if not self.clients.has(limits):
            await run_in_thread(partial(self.clients.get, limits))  # making one reads the certificates
        client = self.clients.get(limits)
        await acquire_slot(self.slots, limits.total)
        return client

    async def aclose(self) -> None:
        clients = self.clients.all()
        for client in clients:
            await client.close()
        if clients:
            await asyncio.sleep(_SHUTDOWN_SECONDS)


async def _chunks(response: LibraryResponse) -> AsyncGenerator[bytes, None]:
    try:
        while True:
            async with _Cancellable():
                chunk = await response.body_reader.read_chunk()
            if chunk is None:
                return
            yield chunk.to_bytes()
    except LIBRARY_ERRORS as error:
        raise translate(error, has_response=True) from safe_cause(error, QUOTING_ERRORS)


class _Cancellable:
    """Context manager that delivers a cancellation inside its block.

    pyreqwest swallows a cancellation that comes as a call ends, and raises others as new exceptions, which anyio's
    scopes do not recognise as theirs.
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
