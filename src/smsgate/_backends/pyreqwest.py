"""The synchronous pyreqwest backend: the fastest, with limits that the guide on HTTP backends lists."""

from __future__ import annotations

from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from pyreqwest.client import SyncClient, SyncClientBuilder

from smsgate._backends.connection import Cert, Connecting
from smsgate._backends.decoding import collect, decoded
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
from smsgate._backends.resources import ProcessBound
from smsgate._backends.transport_errors import broken, cause, no_turn
from smsgate._http import ClosedOnExit, Response, StreamedResponse
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator

    from pyreqwest.response import SyncResponse

    from smsgate._http import Request, Timeout, Verify

__all__ = ["PyreqwestHttpClient"]


class PyreqwestHttpClient(ClosedOnExit):
    """Synchronous backend over pyreqwest.

    Args:
        client: a `pyreqwest.client.SyncClient` of yours to use; it stays yours to close, and its own options apply,
            whether it follows redirects among them.
        verify: True, False, or the path of a file of certificates to trust beside the system's.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: exchanges under way at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment count.

    Raises:
        ConfigurationError: for options that cannot be used, or options beside a client.
    """

    def __init__(
        self,
        client: SyncClient | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
        max_connections: int = 100,
        trust_env: bool = True,
    ) -> None:
        if client is not None and not isinstance(client, SyncClient):
            raise ConfigurationError("this backend takes a pyreqwest.client.SyncClient")
        self._options = Connecting(
            client, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )
        check_options(self._options)
        self._client = client
        self._opened: ProcessBound[_Opened] = ProcessBound(self._open, _Opened.close, given=client is not None)

    def send(self, request: Request) -> Response:
        """Exchange one request for its whole answer."""
        route = self._options.route(request.url)  # refuses one that would make pyreqwest panic
        opened = self._opened.get()
        client = opened.enter(request.timeout)
        try:
            with opened.clients.built(client, request).build_streamed() as answer:
                headers = received_headers(answer)
                content = answer.bytes().to_bytes() if is_small(answer) else collect(_chunks(answer), headers)
                return Response(answer.status, headers, content)
        except FAILURES as error:
            opened.clients.notice(error)
            raise route.named(translated(error)) from cause(error, QUOTING)
        finally:
            opened.gate.put(None)

    @contextmanager
    def stream(self, request: Request) -> Generator[StreamedResponse, None, None]:
        """Exchange one request for an answer whose body arrives in chunks."""
        route = self._options.route(request.url)  # refuses one that would make pyreqwest panic
        opened = self._opened.get()
        client = opened.enter(request.timeout)
        try:
            try:
                sending = opened.clients.built(client, request).streamed_read_buffer_limit(1).build_streamed()
                answer = sending.__enter__()
            except FAILURES as error:
                opened.clients.notice(error)
                raise route.named(translated(error)) from cause(error, QUOTING)
            try:
                headers = received_headers(answer)
                yield StreamedResponse(answer.status, headers, decoded(_chunks(answer), headers))
            finally:
                sending.__exit__(None, None, None)
        finally:
            opened.gate.put(None)

    def close(self) -> None:
        """Close the connections this object opened; a later `send` opens it again."""
        self._opened.close()

    def _open(self) -> _Opened:
        return _Opened(Clients(self._make, self._client), self._options.max_connections)

    def _make(self, timeout: Timeout) -> SyncClient:
        client: SyncClient = configured(SyncClientBuilder(), self._options, timeout).build()
        return client


class _Opened:
    """What was opened: the clients, and the gate before them: a queue of turns, faster than a semaphore."""

    __slots__ = ("clients", "gate")

    def __init__(self, clients: Clients[SyncClient], turns: int) -> None:
        self.clients = clients
        self.gate: SimpleQueue[None] = SimpleQueue()
        for _ in range(turns):
            self.gate.put(None)

    def enter(self, limits: Timeout) -> SyncClient:
        """Wait for a turn and return the client to use."""
        client = self.clients.get(limits)
        try:
            self.gate.get(timeout=limits.total)
        except Empty:
            raise no_turn() from None
        return client

    def close(self) -> None:
        for client in self.clients.all():
            client.close()


def _chunks(answer: SyncResponse) -> Generator[bytes, None, None]:
    try:
        while (chunk := answer.body_reader.read_chunk()) is not None:
            yield chunk.to_bytes()
    except FAILURES as error:
        raise translated(error, answering=True) from cause(error, QUOTING)
    except RuntimeError as error:
        raise broken("its answer was closed", sent=True) from error
