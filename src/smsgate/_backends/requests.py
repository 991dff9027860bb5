"""The requests backend.

Requests are built by hand and go through `requests.Session.send`, where mocks and tracers look for them. All that a
session would add by itself is kept out: settings, cookies and redirects. So one session serves many threads.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from functools import lru_cache, partial
from http.client import HTTPException
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

import requests
from requests import exceptions
from requests.structures import CaseInsensitiveDict
from requests.utils import select_proxy
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
)
from urllib3.util import SKIP_HEADER, parse_url

from smsgate._backends.body_deadline import BodyDeadline, shut_down
from smsgate._backends.connection import Cert, Connecting, Route, origin_of
from smsgate._backends.decoding import collect, decoded
from smsgate._backends.environment import certificate_variable, proxy_variable
from smsgate._backends.requests_pool import PooledAdapter
from smsgate._backends.resources import ProcessBound
from smsgate._backends.transport_errors import (
    broken,
    cause,
    check,
    connect_timed_out,
    deadline_of,
    no_turn,
    not_http,
    reason,
    refused,
    shorter,
    timed_out,
    unwritable,
)
from smsgate._http import ClosedOnExit, Headers, Response, StreamedResponse
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from smsgate._http import Request, Verify
    from smsgate.errors import TransportError

__all__ = ["RequestsHttpClient"]

_FAILURES = (requests.RequestException, HTTPError, OSError, ValueError)
_QUOTING = (HTTPException, ValueError)
_UNUSABLE = (exceptions.InvalidProxyURL, exceptions.InvalidSchema)
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_FINAL = 200
_CHUNK = 64 * 1024


class RequestsHttpClient(ClosedOnExit):
    """Synchronous backend over requests.

    Args:
        session: a `requests.Session` of yours to use; it stays yours to close. Its adapters, ``verify``, ``cert``,
            ``proxies`` and ``trust_env`` apply; its headers, cookies and authentication do not.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: exchanges under way at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment count.

    Raises:
        ConfigurationError: for options that cannot be used, or options beside a session.
    """

    def __init__(
        self,
        session: requests.Session | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
        max_connections: int = 100,
        trust_env: bool = True,
    ) -> None:
        if session is not None and not isinstance(session, requests.Session):
            raise ConfigurationError("this backend takes a requests.Session")
        self._session = session
        self._options = Connecting(
            session,
            verify=verify,
            cert=cert,
            proxy=proxy,
            max_connections=max_connections,
            trust_env=trust_env,
            ca_variables=_CA_VARIABLES,
        )
        self._opened: ProcessBound[_Opened] = ProcessBound(self._open, self._close, given=session is not None)

    def send(self, request: Request) -> Response:
        """Exchange one request for its whole answer."""
        with self._exchange(request) as (status, headers, chunks):
            return Response(status, headers, collect(chunks, headers))

    @contextmanager
    def stream(self, request: Request) -> Generator[StreamedResponse, None, None]:
        """Exchange one request for an answer whose body arrives in chunks."""
        with self._exchange(request) as (status, headers, chunks):
            yield StreamedResponse(status, headers, decoded(chunks, headers))

    def close(self) -> None:
        """Close the connections this object opened; a later `send` opens it again."""
        self._opened.close()

    @contextmanager
    def _exchange(self, request: Request) -> Generator[tuple[int, Headers, Iterator[bytes]], None, None]:
        """Open an answer; its body comes as it was sent."""
        opened = self._opened.get()
        deadline = deadline_of(request.timeout)
        prepared = _prepared(request)
        if not opened.gate.acquire(timeout=-1 if request.timeout.total is None else request.timeout.total):
            raise no_turn()
        try:
            answer = self._begin(prepared, request, opened.session)
            if answer.status_code < _FINAL:  # the next exchange would get what follows it
                _hang_up(answer.raw)
                raise broken("an interim answer came in the place of the final one", sent=None)
            try:
                yield answer.status_code, Headers(answer.headers), _chunks(answer, deadline, request.timeout.read)
            finally:
                if answer.raw is not None:  # a mock's may be none
                    answer.close()
        finally:
            opened.gate.release()

    def _open(self) -> _Opened:
        return _Opened(self._session or _new_session(self._options), BoundedSemaphore(self._options.max_connections))

    def _close(self, opened: _Opened) -> None:
        if self._session is None:
            opened.session.close()

    def _begin(
        self, prepared: requests.PreparedRequest, request: Request, session: requests.Session
    ) -> requests.Response:
        """Send through the session, where mocks and tracers look, with all that it would settle by itself settled."""
        total = request.timeout.total
        timeout = (shorter(request.timeout.connect, total), shorter(request.timeout.read, total))
        verify, route = self._settled(request.url)
        try:
            answer: Any = session.send(
                prepared,
                stream=True,
                timeout=timeout,
                allow_redirects=False,
                verify=verify,
                cert=session.cert,
                proxies={} if route.proxy is None else {"http": route.proxy, "https": route.proxy},
            )
        except ConfigurationError:
            raise
        except _UNUSABLE:
            raise ConfigurationError("the session that you gave has no adapter or no usable proxy for this") from None
        except _FAILURES as error:
            raise route.named(_translated(error)) from cause(error, _QUOTING)
        found: requests.Response = getattr(answer, "held", answer)
        return found

    def _settled(self, url: str) -> tuple[Any, Route]:
        """Return whom to trust and the way to take; our own adapter knows the former by itself."""
        session = self._session
        if session is None:
            return True, self._options.route(url)
        proxy, verify = select_proxy(url, session.proxies), session.verify
        if session.trust_env:
            if proxy is None:
                proxy = proxy_variable(origin_of(url))
            if verify is True and (named := certificate_variable(_CA_VARIABLES)):
                verify = os.environ[named]
        return verify, Route(proxy)


class _Opened:
    """What was opened: a session, and the gate before it."""

    __slots__ = ("gate", "session")

    def __init__(self, session: requests.Session, gate: BoundedSemaphore) -> None:
        self.session = session
        self.gate = gate


def _new_session(options: Connecting) -> requests.Session:
    session, adapter = requests.Session(), PooledAdapter(options)
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


class _Held(requests.Response):
    """A response on its way through a session, which would keep its cookies and read the body of a redirect."""

    def __init__(self, held: requests.Response) -> None:
        super().__init__()
        self.held = held
        self.status_code, self.reason = held.status_code, held.reason
        self.url, self.request = held.url, held.request


def _hold(answer: requests.Response, *_args: Any, **_kwargs: Any) -> requests.Response:
    return _Held(answer)


def _prepared(request: Request) -> requests.PreparedRequest:
    _check_writable(request)
    prepared = requests.PreparedRequest()
    prepared.method = request.method
    prepared.url = request.url
    prepared.body = request.content
    headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(request.headers)
    for added_otherwise in ("Accept-Encoding", "User-Agent"):
        headers.setdefault(added_otherwise, SKIP_HEADER)
    if request.content is not None or request.method in _WITH_BODY:
        headers.setdefault("Content-Length", str(len(request.content or b"")))
    own_headers: Any = headers
    prepared.headers = own_headers
    prepared.hooks = {"response": [_hold]}
    return prepared


def _check_writable(request: Request) -> None:
    """Raise for what cannot be written; whatever requests says later may be about the answer."""
    try:
        _check_origin(origin_of(request.url))
    except ValueError:
        raise not_http() from None
    if unwritable(request.headers):
        raise not_http()


@lru_cache(maxsize=256)
def _check_origin(origin: str) -> None:
    parsed = parse_url(origin)
    if parsed.scheme not in {"http", "https"} or not parsed.host or " " in parsed.host:
        raise ValueError


def _hang_up(raw: Any) -> None:
    """Close a connection whose answer may seem to have come to its end."""
    connection = getattr(raw, "connection", None)
    if connection is not None:
        connection.close()


def _chunks(answer: requests.Response, deadline: float | None, silence: float | None) -> Generator[bytes, None, None]:
    raw: Any = answer.raw
    sock = getattr(getattr(raw, "connection", None), "sock", None)
    shutting_down = getattr(raw, "shutdown", None) if sock is None else partial(shut_down, sock)
    with BodyDeadline(deadline, answer.headers, shutting_down):
        try:
            if not isinstance(raw, BaseHTTPResponse):  # a mock's
                yield from answer.iter_content(_CHUNK)
                return
            while True:
                _shorten(sock, deadline, silence)
                chunk = raw.read1(_CHUNK, decode_content=False)
                if not chunk:
                    return
                check(deadline)
                yield chunk
        except _FAILURES as error:
            raise _translated(error, answering=True) from cause(error, _QUOTING)


def _shorten(sock: Any, deadline: float | None, silence: float | None) -> None:
    """Let the next read wait no longer than the exchange may still take."""
    if sock is not None and deadline is not None:
        sock.settimeout(shorter(silence, max(0.001, deadline - time.monotonic())))


def _translated(error: Exception, *, answering: bool = False) -> TransportError:
    """Return the error of ours for one of requests' or urllib3's."""
    inner = error.args[0] if error.args else None
    behind = inner.reason if isinstance(inner, MaxRetryError) else inner
    if isinstance(error, exceptions.ConnectTimeout):
        return connect_timed_out()
    if isinstance(behind, NewConnectionError | ConnectTimeoutError | ProxyError) or isinstance(
        error, exceptions.ProxyError
    ):
        return refused(reason(error))
    if isinstance(inner, ProtocolError) and isinstance(inner.args[-1], TimeoutError):
        return timed_out(sent=answering or None)
    if isinstance(error, exceptions.ReadTimeout | ReadTimeoutError | TimeoutError) or isinstance(
        behind, ReadTimeoutError
    ):
        return timed_out(sent=answering or None)
    if not answering and isinstance(error, exceptions.SSLError):
        why = reason(error)
        return refused(why) if "certificate" in why else broken(why, sent=None)
    return broken(reason(error), sent=answering or None)
