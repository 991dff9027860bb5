"""Backends over pyreqwest, the fastest library; the guide on HTTP backends lists its limits."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from anyio.lowlevel import checkpoint_if_cancelled
from pyreqwest.client import Client, ClientBuilder, SyncClient, SyncClientBuilder

from smsgate._backends.adapters import AsyncAdapter, SyncAdapter
from smsgate._backends.pyreqwest_common import Clients, Exchange, PyreqwestAdapter
from smsgate._backends.resources import run_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smsgate._backends.resources import LoopShared
    from smsgate._http import Request

_SHUTDOWN_SECONDS = 0.02
"""Time for pyreqwest's threads to end: one that still runs when the interpreter ends aborts the process."""


class PyreqwestHttpClient(PyreqwestAdapter[SyncClient], SyncAdapter[SyncClient, Clients[SyncClient]]):
    """Synchronous backend over pyreqwest.

    Args:
        client: a `pyreqwest.client.SyncClient` that you opened and close yourself, and its own options apply,
            whether it follows redirects among them.
        verify: True, False, or the path of a file of certificates to trust in addition to the system's.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: concurrent exchanges at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment are used.

    Raises:
        ConfigurationError: for invalid options, or options together with a client.
    """

    client_class: ClassVar[type[Any]] = SyncClient
    builder_class: ClassVar[type[Any]] = SyncClientBuilder

    def _close(self, opened: Clients[SyncClient]) -> None:
        for client in list(opened.opened.values()):
            client.close()

    def _begin(self, request: Request, opened: Clients[SyncClient], proxy: str | None, *, whole: bool) -> Exchange:
        sending = self._build(self._client or opened.get(request.timeout), request, whole=whole)
        return Exchange(sending, sending.__enter__())

    def _chunks(self, raw: Exchange, request: Request, deadline: float | None) -> Iterable[bytes]:
        while (chunk := raw.response.body_reader.read_chunk()) is not None:
            yield chunk.to_bytes()

    def _end(self, raw: Exchange) -> None:
        raw.sending.__exit__(None, None, None)


class PyreqwestAsyncHttpClient(PyreqwestAdapter[Client], AsyncAdapter[Client, Clients[Client]]):
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

    client_class: ClassVar[type[Any]] = Client
    builder_class: ClassVar[type[Any]] = ClientBuilder
    needs_asyncio: ClassVar[bool] = True

    async def _close(self, opened: Clients[Client]) -> None:
        clients = list(opened.opened.values())
        for client in clients:
            await client.close()
        if clients:
            await asyncio.sleep(_SHUTDOWN_SECONDS)

    async def _make_ready(self, request: Request, shared: LoopShared[Clients[Client]], proxy: str | None) -> None:
        if self._client is None and request.timeout not in shared.value.opened:
            await run_in_thread(partial(shared.value.get, request.timeout))  # making one reads the certificates

    def _limit(self, seconds: float | None) -> _Cancellable:
        return _Cancellable()

    async def _begin(self, request: Request, opened: Clients[Client], proxy: str | None, *, whole: bool) -> Exchange:
        sending = self._build(self._client or opened.get(request.timeout), request, whole=whole)
        return Exchange(sending, await sending.__aenter__())

    async def _read(self, raw: Exchange) -> bytes | None:
        chunk = await raw.response.body_reader.read_chunk()
        return None if chunk is None else chunk.to_bytes()

    async def _end(self, raw: Exchange) -> None:
        async with _Cancellable():
            await raw.sending.__aexit__(None, None, None)


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
