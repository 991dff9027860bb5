"""The requests backend.

Requests go to an adapter, hand-built: `requests.Session.send` would merge settings, cookies and redirects that are not
wanted here, and no session's cookies are ever touched, so one session serves many threads.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import lru_cache
from http.client import HTTPException
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

import requests
from requests import exceptions
from requests.structures import CaseInsensitiveDict
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

from smsgate._backends.connecting import Cert, Connecting, Verify, origin_of
from smsgate._backends.content import collect, decoded
from smsgate._backends.failures import (
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
from smsgate._backends.lifetime import ProcessBound
from smsgate._backends.requests_pool import PooledAdapter
from smsgate.errors import ConfigurationError
from smsgate.http import Headers, Response, StreamedResponse

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from requests.adapters import HTTPAdapter

    from smsgate.errors import TransportError
    from smsgate.http import Request

__all__ = ["RequestsHttpClient"]

_FAILURES = (requests.RequestException, HTTPError, OSError, ValueError)
_QUOTING = (HTTPException, ValueError)
_UNUSABLE = (exceptions.InvalidProxyURL, exceptions.InvalidSchema)
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_FINAL = 200
_CHUNK = 64 * 1024


class RequestsHttpClient:
    """Synchronous backend over requests.

    Args:
        session: a `requests.Session` of yours to use; it stays yours to close. Its adapters, ``verify``, ``cert`` and
            ``proxies`` apply; its headers, cookies and authentication do not.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: exchanges under way at most; further ones wait.
        trust_env: whether the proxy variables of the environment count.

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
        trust_env: bool = False,
    ) -> None:
        if session is not None and not isinstance(session, requests.Session):
            raise ConfigurationError("this backend takes a requests.Session")
        self._session = session
        self._options = Connecting(
            session, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )
        self._opened: ProcessBound[_Opened] = ProcessBound(self._open, _Opened.close, given=session is not None)

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
            answer = self._begin(prepared, request, opened.adapter)
            raw = answer.raw
            if answer.status_code < _FINAL:  # the next exchange would get what follows it
                _hang_up(raw)
                raise broken("an interim answer came in the place of the final one", sent=None)
            try:
                yield answer.status_code, Headers(raw.headers.items()), _chunks(raw, deadline, request.timeout.read)
            finally:
                if not raw.closed:
                    raw.close()
                raw.release_conn()
        finally:
            opened.gate.release()

    def _open(self) -> _Opened:
        adapter = PooledAdapter(self._options) if self._session is None else None
        return _Opened(adapter, BoundedSemaphore(self._options.max_connections))

    def _begin(
        self, prepared: requests.PreparedRequest, request: Request, adapter: PooledAdapter | None
    ) -> requests.Response:
        total = request.timeout.total
        timeout: Any = (shorter(request.timeout.connect, total), shorter(request.timeout.read, total))
        session: Any = self._session
        try:
            if adapter is not None:
                return adapter.send(prepared, stream=True, timeout=timeout)
            own: HTTPAdapter = session.get_adapter(request.url)
            options = {"verify": session.verify, "cert": session.cert, "proxies": session.proxies}
            return own.send(prepared, stream=True, timeout=timeout, **options)
        except ConfigurationError:
            raise
        except _UNUSABLE:
            raise ConfigurationError("the session that you gave has no adapter or no usable proxy for this") from None
        except _FAILURES as error:
            raise _translated(error) from cause(error, _QUOTING)


class _Opened:
    """What was opened: the connections, unless they are the user's, and the gate before them."""

    __slots__ = ("adapter", "gate")

    def __init__(self, adapter: PooledAdapter | None, gate: BoundedSemaphore) -> None:
        self.adapter = adapter
        self.gate = gate

    def close(self) -> None:
        if self.adapter is not None:
            self.adapter.close()


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
    if raw.connection is not None:
        raw.connection.close()
    raw.close()
    raw.release_conn()


def _chunks(raw: Any, deadline: float | None, silence: float | None) -> Generator[bytes, None, None]:
    try:
        while True:
            if deadline is not None:
                _shorten(raw, deadline, silence)
            chunk = raw.read1(_CHUNK, decode_content=False)
            if not chunk:
                return
            check(deadline)
            yield chunk
    except _FAILURES as error:
        raise _translated(error, answering=True) from cause(error, _QUOTING)


def _shorten(raw: Any, deadline: float, silence: float | None) -> None:
    """Let the next read wait no longer than the exchange may still take."""
    sock = getattr(raw.connection, "sock", None)
    if sock is not None:
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
