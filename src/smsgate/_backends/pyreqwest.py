"""Synchronous backend over pyreqwest: the fastest one; the guide on HTTP backends lists its limits."""

from __future__ import annotations

from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from pyreqwest.client import SyncClient, SyncClientBuilder

from smsgate._backends.connection import Cert, ConnectionOptions, add_proxy
from smsgate._backends.decoding import decode
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
from smsgate._backends.resources import ProcessResource
from smsgate._backends.streaming import read_response
from smsgate._backends.transport_errors import broken_exchange, pool_timeout, safe_cause
from smsgate._http import ClosedOnExit, Response, StreamedResponse
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator

    from pyreqwest.response import SyncResponse

    from smsgate._http import Request, Timeout, Verify


class PyreqwestHttpClient(ClosedOnExit):
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
        self._options = ConnectionOptions(
            client, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )
        check_options(self._options)
        self._client = client
        self._opened: ProcessResource[_Opened] = ProcessResource(self._open, _Opened.close, given=client is not None)

    def send(self, request: Request) -> Response:
        """Send one request and return the response with its whole body."""
        proxy = self._options.proxy_for(request.url)  # rejects a proxy that would make pyreqwest panic
        opened = self._opened.get()
        client = opened.enter(request.timeout)
        try:
            with opened.clients.build(client, request).build_streamed() as response:
                headers = response_headers(response)
                if is_small(response, request.max_size):
                    return Response(response.status, headers, response.bytes().to_bytes())
                streamed = StreamedResponse(response.status, headers, decode(_chunks(response), headers))
                return read_response(streamed, request.max_size)
        except LIBRARY_ERRORS as error:
            opened.clients.notice(error)
            raise add_proxy(translate(error), proxy) from safe_cause(error, QUOTING_ERRORS)
        finally:
            opened.slots.put(None)

    @contextmanager
    def stream(self, request: Request) -> Generator[StreamedResponse, None, None]:
        """Send one request; the body of the response arrives in chunks."""
        proxy = self._options.proxy_for(request.url)  # rejects a proxy that would make pyreqwest panic
        opened = self._opened.get()
        client = opened.enter(request.timeout)
        try:
            try:
                sending = opened.clients.build(client, request).streamed_read_buffer_limit(1).build_streamed()
                response = sending.__enter__()
            except LIBRARY_ERRORS as error:
                opened.clients.notice(error)
                raise add_proxy(translate(error), proxy) from safe_cause(error, QUOTING_ERRORS)
            try:
                headers = response_headers(response)
                yield StreamedResponse(response.status, headers, decode(_chunks(response), headers))
            finally:
                sending.__exit__(None, None, None)
        finally:
            opened.slots.put(None)

    def close(self) -> None:
        """Close the connections that this object opened; a later `send` opens new ones."""
        self._opened.close()

    def _open(self) -> _Opened:
        return _Opened(Clients(self._make, self._client), self._options.max_connections)

    def _make(self, timeout: Timeout) -> SyncClient:
        client: SyncClient = configure(SyncClientBuilder(), self._options, timeout).build()
        return client


class _Opened:
    """The clients, and the slots of their exchanges: a queue, which is faster than a semaphore."""

    __slots__ = ("clients", "slots")

    def __init__(self, clients: Clients[SyncClient], slots: int) -> None:
        self.clients = clients
        self.slots: SimpleQueue[None] = SimpleQueue()
        for _ in range(slots):
            self.slots.put(None)

    def enter(self, limits: Timeout) -> SyncClient:
        """Acquire a slot and return the client to use."""
        client = self.clients.get(limits)
        try:
            self.slots.get(timeout=limits.total)
        except Empty:
            raise pool_timeout() from None
        return client

    def close(self) -> None:
        for client in self.clients.all():
            client.close()


def _chunks(response: SyncResponse) -> Generator[bytes, None, None]:
    try:
        while (chunk := response.body_reader.read_chunk()) is not None:
            yield chunk.to_bytes()
    except LIBRARY_ERRORS as error:
        raise translate(error, has_response=True) from safe_cause(error, QUOTING_ERRORS)
    except RuntimeError as error:
        raise broken_exchange("its response was closed", sent=True) from error
