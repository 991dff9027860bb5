"""Synchronous backend over httpx.

Every request goes through ``httpx.Client.send``, with redirects and authentication off, so that tracers which patch it
see the request; mocks that patch httpx's transports see it, too. Requests are built by hand, because
``Client.build_request`` takes longer than the exchange.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, cast

import httpcore  # noqa: F401  # pyright: ignore[reportUnusedImport] - httpx imports it late, when others may fork
import httpx

from smsgate._backends.body_deadline import BodyDeadline, shut_down
from smsgate._backends.connection import Cert, ConnectionOptions, add_proxy
from smsgate._backends.decoding import decode
from smsgate._backends.httpx_common import (
    LIBRARY_ERRORS,
    QUOTING_ERRORS,
    NoCookies,
    build_request,
    check_open,
    has_surplus,
    pool_limits,
    proxy_of,
    response_headers,
    tls_context,
    translate,
)
from smsgate._backends.resources import ProcessResource
from smsgate._backends.streaming import StreamingClient
from smsgate._backends.transport_errors import (
    broken_exchange,
    check_deadline,
    deadline_after,
    pool_timeout,
    safe_cause,
)
from smsgate._http import StreamedResponse
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from smsgate._http import Headers, Request, Verify


class HttpxHttpClient(StreamingClient):
    """Synchronous backend over httpx.

    Args:
        client: an `httpx.Client` that you opened and close yourself, and its own options apply.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: concurrent exchanges at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment are used.

    Raises:
        ConfigurationError: for invalid options, or options together with a client.
    """

    def __init__(
        self,
        client: httpx.Client | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
        max_connections: int = 100,
        trust_env: bool = True,
    ) -> None:
        if client is not None and not isinstance(client, httpx.Client):
            raise ConfigurationError("this backend takes an httpx.Client")
        self._client = client
        self._options = ConnectionOptions(
            client, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )
        self._slots = None if client is None else max_connections  # our own transports have this limit in their pool
        self._opened: ProcessResource[_Clients] = ProcessResource(
            lambda: _Clients(self._slots), _Clients.close, given=client is not None
        )

    @contextmanager
    def stream(self, request: Request) -> Generator[StreamedResponse, None, None]:
        """Send one request; the body of the response arrives in chunks."""
        deadline = deadline_after(request.timeout)
        opened = self._enter(request.timeout.total)
        try:
            response = self._begin(request, deadline, opened)
            try:
                headers = response_headers(response)
                yield StreamedResponse(response.status_code, headers, _body(response, headers, deadline))
            finally:
                _close(response)
        finally:
            opened.leave()

    def close(self) -> None:
        """Close the connections that this object opened; a later `send` opens new ones."""
        self._opened.close()

    def _enter(self, seconds: float | None) -> _Clients:
        while not (opened := self._opened.get()).enter():
            pass  # closed by another thread meanwhile: the next one is open
        if opened.slots is not None and not opened.slots.acquire(timeout=-1 if seconds is None else seconds):
            opened.leave(with_slot=False)
            raise pool_timeout()
        return opened

    def _begin(self, request: Request, deadline: float | None, opened: _Clients) -> httpx.Response:
        sending = build_request(request)
        proxy = self._options.proxy_for(request.url)
        try:
            response = self._send(sending, proxy, opened)
        except LIBRARY_ERRORS as error:
            raise add_proxy(translate(error, sent=None), proxy) from safe_cause(error, QUOTING_ERRORS)
        if deadline is not None:  # httpcore reads this limit again before the body
            allowed, left = sending.extensions["timeout"], max(0.001, deadline - time.monotonic())
            allowed["read"] = min(allowed["read"], left)
        return response

    def _send(self, sending: httpx.Request, proxy: str | None, opened: _Clients) -> httpx.Response:
        client = self._client
        if client is not None:
            check_open(client)
        else:
            key = (sending.url.scheme == "https", proxy)
            client = opened.clients.get(key) or opened.clients.setdefault(key, self._open(*key))
        return client.send(sending, stream=True, auth=None, follow_redirects=False)

    def _open(self, secure: bool, proxy: str | None) -> httpx.Client:  # noqa: FBT001 - half of a key
        transport = httpx.HTTPTransport(
            verify=tls_context(self._options, secure=secure, proxy=proxy),
            proxy=proxy_of(self._options, proxy),
            limits=pool_limits(self._options.max_connections),
            trust_env=False,
        )
        return _Client(transport=transport, trust_env=False)


class _Client(httpx.Client):
    """Client that keeps no cookies."""

    cookies = NoCookies()  # type: ignore[override] # pyright: ignore[reportAssignmentType] - it is never set


class _Clients:
    """Our httpx clients and their users, counted: the last user closes them.

    Closing a connection while a thread reads from it would not wake that thread, and the file descriptor might already
    belong to another file.
    """

    def __init__(self, slots: int | None) -> None:
        self.slots = None if slots is None else threading.BoundedSemaphore(slots)
        self.clients: dict[tuple[bool, str | None], httpx.Client] = {}
        self._busy: deque[None] = deque()  # one entry for each exchange under way; deques are thread-safe
        self._closed = False

    def enter(self) -> bool:
        """Count an exchange; False if the clients were closed."""
        self._busy.append(None)
        if self._closed:
            self.leave(with_slot=False)
            return False
        return True

    def leave(self, *, with_slot: bool = True) -> None:
        """End an exchange, and release its slot."""
        if with_slot and self.slots is not None:
            self.slots.release()
        self._busy.pop()
        if self._closed and not self._busy:
            self._close_all()

    def close(self) -> None:
        """Reject further exchanges; the end of the last current one closes the connections."""
        self._closed = True
        if not self._busy:
            self._close_all()

    def _close_all(self) -> None:
        for client in self.clients.values():
            client.close()


def _close(response: httpx.Response) -> None:
    """Close a response, and its connection if more bytes than the response arrived."""
    stream = response.extensions.get("network_stream")
    if stream is not None and has_surplus(response):
        stream.close()
    response.close()


def _body(response: httpx.Response, headers: Headers, deadline: float | None) -> Iterable[bytes]:
    """Return the body, decompressed."""
    if response.is_stream_consumed:  # by a mock, which has decompressed it
        return iter((response.content,))
    return decode(_chunks(response, deadline), headers)


def _chunks(response: httpx.Response, deadline: float | None) -> Generator[bytes, None, None]:
    if response.is_closed:
        raise broken_exchange("its response was closed", sent=True)
    with BodyDeadline(deadline, response.headers, _get_shutdown(response)):
        try:
            for chunk in cast("httpx.SyncByteStream", response.stream):  # ``iter_raw`` takes several times as long
                check_deadline(deadline)
                yield chunk
        except LIBRARY_ERRORS as error:
            raise translate(error, sent=True) from safe_cause(error, QUOTING_ERRORS)


def _get_shutdown(response: httpx.Response) -> Callable[[], object] | None:
    stream = response.extensions.get("network_stream")
    sock = None if stream is None else stream.get_extra_info("socket")
    return None if sock is None else partial(shut_down, sock)
