"""The synchronous httpx backend.

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
from smsgate._backends.connection import Cert, Connecting
from smsgate._backends.decoding import collect, decoded
from smsgate._backends.httpx_common import (
    FAILURES,
    QUOTING,
    NoCookies,
    check_open,
    has_surplus,
    limits,
    new_preparing,
    outgoing,
    proxy_of,
    received_headers,
    translated,
    verification,
)
from smsgate._backends.resources import ProcessBound
from smsgate._backends.transport_errors import broken, cause, deadline_of, no_turn, timed_out
from smsgate._http import ClosedOnExit, Response, StreamedResponse
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from smsgate._http import Request, Verify

__all__ = ["HttpxHttpClient"]


class HttpxHttpClient(ClosedOnExit):
    """Synchronous backend over httpx.

    Args:
        client: an `httpx.Client` of yours to use; it stays yours to close, and its own options apply.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: exchanges under way at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment count.

    Raises:
        ConfigurationError: for options that cannot be used, or options beside a client.
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
        self._preparing = new_preparing()
        self._options = Connecting(
            client, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )
        self._turns = None if client is None else max_connections  # httpx's own transports count by themselves
        self._opened: ProcessBound[_Opened] = ProcessBound(
            lambda: _Opened(self._turns), _Opened.close, given=client is not None
        )

    def send(self, request: Request) -> Response:
        """Exchange one request for its whole answer."""
        deadline = deadline_of(request.timeout)
        opened = self._enter(request.timeout.total)
        try:
            answer = self._begin(request, deadline, opened)
            try:
                headers, is_coded = received_headers(answer)
                if answer.is_stream_consumed:  # a mocked one, whose content is there already
                    return Response(answer.status_code, headers, answer.content)
                return Response(
                    answer.status_code, headers, collect(_chunks(answer, deadline), headers if is_coded else None)
                )
            finally:
                _close(answer)
        finally:
            opened.leave()

    @contextmanager
    def stream(self, request: Request) -> Generator[StreamedResponse, None, None]:
        """Exchange one request for an answer whose body arrives in chunks."""
        deadline = deadline_of(request.timeout)
        opened = self._enter(request.timeout.total)
        try:
            answer = self._begin(request, deadline, opened)
            try:
                headers, _ = received_headers(answer)
                chunks: Iterable[bytes] = decoded(_chunks(answer, deadline), headers)
                if answer.is_stream_consumed:
                    chunks = answer.iter_bytes()
                yield StreamedResponse(answer.status_code, headers, chunks)
            finally:
                _close(answer)
        finally:
            opened.leave()

    def close(self) -> None:
        """Close the connections this object opened; a later `send` opens it again."""
        self._preparing.cache_clear()
        self._opened.close()

    def _enter(self, seconds: float | None) -> _Opened:
        while not (opened := self._opened.get()).enter():
            pass  # closed since then: the next one is open
        if opened.gate is not None and not opened.gate.acquire(timeout=-1 if seconds is None else seconds):
            opened.leave(turn=False)
            raise no_turn()
        return opened

    def _begin(self, request: Request, deadline: float | None, opened: _Opened) -> httpx.Response:
        sending = outgoing(request, self._preparing)
        route = self._options.route(request.url)
        try:
            answer = self._through(sending, route.proxy, opened)
        except FAILURES as error:
            raise route.named(translated(error, sent=None)) from cause(error, QUOTING)
        if deadline is not None:  # the connection reads its limit once more before the body
            allowed, left = sending.extensions["timeout"], max(0.001, deadline - time.monotonic())
            allowed["read"] = min(allowed["read"], left)
        return answer

    def _through(self, sending: httpx.Request, proxy: str | None, opened: _Opened) -> httpx.Response:
        client = self._client
        if client is not None:
            check_open(client)
        else:
            key = (sending.url.scheme == "https", proxy)
            client = opened.clients.get(key) or opened.clients.setdefault(key, self._open(*key))
        return client.send(sending, stream=True, auth=None, follow_redirects=False)

    def _open(self, secure: bool, proxy: str | None) -> httpx.Client:  # noqa: FBT001 - half of a key
        transport = httpx.HTTPTransport(
            verify=verification(self._options, secure=secure, proxy=proxy),
            proxy=proxy_of(self._options, proxy),
            limits=limits(self._options.max_connections),
            trust_env=False,
        )
        return _Client(transport=transport, trust_env=False)


class _Client(httpx.Client):
    """Client that keeps no cookies."""

    cookies = NoCookies()  # type: ignore[override] # pyright: ignore[reportAssignmentType] - it is never set


class _Opened:
    """The httpx clients of one opening, closed when nobody asks through them any more.

    Closing a connection under a thread that reads from it would not wake that thread, and its file descriptor might
    belong to somebody else by then.
    """

    def __init__(self, turns: int | None) -> None:
        self.gate = None if turns is None else threading.BoundedSemaphore(turns)
        self.clients: dict[tuple[bool, str | None], httpx.Client] = {}
        self._busy: deque[None] = deque()  # as many as there are exchanges under way
        self._closed = False

    def enter(self) -> bool:
        """Begin an exchange; False when this opening was closed."""
        self._busy.append(None)
        if self._closed:
            self.leave(turn=False)
            return False
        return True

    def leave(self, *, turn: bool = True) -> None:
        """End an exchange, or give up waiting for its turn."""
        if turn and self.gate is not None:
            self.gate.release()
        self._busy.pop()
        if self._closed and not self._busy:
            self._end()

    def close(self) -> None:
        """Let no exchange begin any more; the last one under way closes the connections."""
        self._closed = True
        if not self._busy:
            self._end()

    def _end(self) -> None:
        for client in self.clients.values():
            client.close()


def _close(answer: httpx.Response) -> None:
    """Close an answer; its connection is not used again if more came than the answer."""
    stream = answer.extensions.get("network_stream")
    if stream is not None and has_surplus(answer):
        stream.close()
    answer.close()


def _chunks(answer: httpx.Response, deadline: float | None) -> Generator[bytes, None, None]:
    if answer.is_closed:
        raise broken("its answer was closed", sent=True)
    with BodyDeadline(deadline, answer.headers, _shutting_down(answer)):
        try:
            for chunk in cast("httpx.SyncByteStream", answer.stream):  # ``iter_raw`` takes several times as long
                if deadline is not None and time.monotonic() > deadline:
                    raise timed_out(sent=True)
                yield chunk
        except FAILURES as error:
            raise translated(error, sent=True) from cause(error, QUOTING)


def _shutting_down(answer: httpx.Response) -> Callable[[], object] | None:
    stream = answer.extensions.get("network_stream")
    sock = None if stream is None else stream.get_extra_info("socket")
    return None if sock is None else partial(shut_down, sock)
