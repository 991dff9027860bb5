"""Synchronous backend over requests.

Requests are built by hand and go through `requests.Session.send`, where mocks and tracers look for them. Settings,
cookies and redirects of the session stay out of the exchange, so that one session serves many threads.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from functools import lru_cache, partial
from http import HTTPStatus
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
from smsgate._backends.connection import Cert, ConnectionOptions, add_proxy, origin_of
from smsgate._backends.decoding import decode
from smsgate._backends.environment import certificate_variable, proxy_variable
from smsgate._backends.requests_pool import PooledAdapter
from smsgate._backends.resources import ProcessResource
from smsgate._backends.streaming import StreamingClient
from smsgate._backends.transport_errors import (
    broken_exchange,
    check_deadline,
    connect_timeout,
    connection_failed,
    deadline_after,
    exchange_timeout,
    has_invalid_headers,
    invalid_request,
    pool_timeout,
    reason_of,
    safe_cause,
    shorter_limit,
)
from smsgate._http import Headers, StreamedResponse
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator

    from smsgate._http import Request, Verify
    from smsgate.errors import TransportError

_LIBRARY_ERRORS = (requests.RequestException, HTTPError, OSError, ValueError)
_QUOTING_ERRORS = (HTTPException, ValueError)
_UNUSABLE = (exceptions.InvalidProxyURL, exceptions.InvalidSchema)
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_CHUNK = 64 * 1024


class RequestsHttpClient(StreamingClient):
    """Synchronous backend over requests.

    Args:
        session: a `requests.Session` that you opened and close yourself. Its adapters, ``verify``, ``cert``,
            ``proxies`` and ``trust_env`` apply; its headers, cookies and authentication do not.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: concurrent exchanges at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment are used.

    Raises:
        ConfigurationError: for invalid options, or options together with a session.
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
        self._options = ConnectionOptions(
            session,
            verify=verify,
            cert=cert,
            proxy=proxy,
            max_connections=max_connections,
            trust_env=trust_env,
            ca_variables=_CA_VARIABLES,
        )
        self._opened: ProcessResource[_Opened] = ProcessResource(self._open, self._close, given=session is not None)

    @contextmanager
    def stream(self, request: Request) -> Generator[StreamedResponse, None, None]:
        """Send one request; the body of the response arrives in chunks."""
        opened = self._opened.get()
        deadline = deadline_after(request.timeout)
        prepared = _prepare(request)
        if not opened.slots.acquire(timeout=-1 if request.timeout.total is None else request.timeout.total):
            raise pool_timeout()
        try:
            response = self._begin(prepared, request, opened.session)
            if response.status_code < HTTPStatus.OK:
                _hang_up(response.raw)
                raise broken_exchange("an interim response came in the place of the final one", sent=None)
            headers = Headers(response.headers)
            try:
                chunks = decode(_chunks(response, deadline, request.timeout.read), headers)
                yield StreamedResponse(response.status_code, headers, chunks)
            finally:
                if response.raw is not None:  # the response of a mock may have none
                    response.close()
        finally:
            opened.slots.release()

    def close(self) -> None:
        """Close the connections that this object opened; a later `send` opens new ones."""
        self._opened.close()

    def _open(self) -> _Opened:
        return _Opened(self._session or _new_session(self._options), BoundedSemaphore(self._options.max_connections))

    def _close(self, opened: _Opened) -> None:
        if self._session is None:
            opened.session.close()

    def _begin(
        self, prepared: requests.PreparedRequest, request: Request, session: requests.Session
    ) -> requests.Response:
        """Send through the session, with every setting explicit that it would otherwise look up."""
        total = request.timeout.total
        timeout = (shorter_limit(request.timeout.connect, total), shorter_limit(request.timeout.read, total))
        verify, proxy = self._choose_trust_and_proxy(request.url)
        try:
            response: Any = session.send(
                prepared,
                stream=True,
                timeout=timeout,
                allow_redirects=False,
                verify=verify,
                cert=session.cert,
                proxies={} if proxy is None else {"http": proxy, "https": proxy},
            )
        except ConfigurationError:
            raise
        except _UNUSABLE:
            raise ConfigurationError("the session that you gave has no adapter or no usable proxy for this") from None
        except _LIBRARY_ERRORS as error:
            raise add_proxy(_translate(error), proxy) from safe_cause(error, _QUOTING_ERRORS)
        found: requests.Response = getattr(response, "wrapped", response)
        return found

    def _choose_trust_and_proxy(self, url: str) -> tuple[Any, str | None]:
        """Return the trusted certificates and the proxy; our own adapter has the certificates already."""
        session = self._session
        if session is None:
            return True, self._options.proxy_for(url)
        proxy, verify = select_proxy(url, session.proxies), session.verify
        if session.trust_env:
            if proxy is None:
                proxy = proxy_variable(origin_of(url))
            if verify is True and (named := certificate_variable(_CA_VARIABLES)):
                verify = os.environ[named]
        return verify, proxy


class _Opened:
    """A session and the slots of its exchanges."""

    __slots__ = ("session", "slots")

    def __init__(self, session: requests.Session, slots: BoundedSemaphore) -> None:
        self.session = session
        self.slots = slots


def _new_session(options: ConnectionOptions) -> requests.Session:
    session, adapter = requests.Session(), PooledAdapter(options)
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


class _Envelope(requests.Response):
    """A response that hides cookies and redirects from the session, which would keep and follow them."""

    def __init__(self, wrapped: requests.Response) -> None:
        super().__init__()
        self.wrapped = wrapped
        self.status_code, self.reason = wrapped.status_code, wrapped.reason
        self.url, self.request = wrapped.url, wrapped.request


def _wrap(response: requests.Response, *_args: Any, **_kwargs: Any) -> requests.Response:
    return _Envelope(response)


def _prepare(request: Request) -> requests.PreparedRequest:
    _check_writable(request)
    prepared = requests.PreparedRequest()
    prepared.method = request.method
    prepared.url = request.url
    prepared.body = request.content
    headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(request.headers)
    for name in ("Accept-Encoding", "User-Agent"):
        headers.setdefault(name, SKIP_HEADER)
    if request.content is not None or request.method in _WITH_BODY:
        headers.setdefault("Content-Length", str(len(request.content or b"")))
    own_headers: Any = headers
    prepared.headers = own_headers
    prepared.hooks = {"response": [_wrap]}
    return prepared


def _check_writable(request: Request) -> None:
    """Raise if the request cannot be written; later errors of requests may be about the response."""
    try:
        _check_origin(origin_of(request.url))
    except ValueError:
        raise invalid_request() from None
    if has_invalid_headers(request.headers):
        raise invalid_request()


@lru_cache(maxsize=256)
def _check_origin(origin: str) -> None:
    parsed = parse_url(origin)
    if parsed.scheme not in {"http", "https"} or not parsed.host or " " in parsed.host:
        raise ValueError


def _hang_up(raw: Any) -> None:
    """Close a connection that looks reusable: the final response is still to arrive on it."""
    connection = getattr(raw, "connection", None)
    if connection is not None:
        connection.close()


def _chunks(response: requests.Response, deadline: float | None, silence: float | None) -> Generator[bytes, None, None]:
    raw: Any = response.raw
    sock = getattr(getattr(raw, "connection", None), "sock", None)
    shutting_down = getattr(raw, "shutdown", None) if sock is None else partial(shut_down, sock)
    with BodyDeadline(deadline, response.headers, shutting_down):
        try:
            if not isinstance(raw, BaseHTTPResponse):  # from a mock
                yield from response.iter_content(_CHUNK)
                return
            while True:
                _limit_read(sock, deadline, silence)
                chunk = raw.read1(_CHUNK, decode_content=False)
                if not chunk:
                    return
                check_deadline(deadline)
                yield chunk
        except _LIBRARY_ERRORS as error:
            raise _translate(error, has_response=True) from safe_cause(error, _QUOTING_ERRORS)


def _limit_read(sock: Any, deadline: float | None, silence: float | None) -> None:
    """Limit the next read to the time that is left for the exchange."""
    if sock is not None and deadline is not None:
        sock.settimeout(shorter_limit(silence, max(0.001, deadline - time.monotonic())))


def _translate(error: Exception, *, has_response: bool = False) -> TransportError:
    """Translate an exception of requests or urllib3 into ours."""
    inner = error.args[0] if error.args else None
    behind = inner.reason if isinstance(inner, MaxRetryError) else inner
    if isinstance(error, exceptions.ConnectTimeout):
        return connect_timeout()
    if isinstance(behind, NewConnectionError | ConnectTimeoutError | ProxyError) or isinstance(
        error, exceptions.ProxyError
    ):
        return connection_failed(reason_of(error))
    if isinstance(inner, ProtocolError) and isinstance(inner.args[-1], TimeoutError):
        return exchange_timeout(sent=has_response or None)
    if isinstance(error, exceptions.ReadTimeout | ReadTimeoutError | TimeoutError) or isinstance(
        behind, ReadTimeoutError
    ):
        return exchange_timeout(sent=has_response or None)
    if not has_response and isinstance(error, exceptions.SSLError):
        why = reason_of(error)
        return connection_failed(why) if "certificate" in why else broken_exchange(why, sent=None)
    return broken_exchange(reason_of(error), sent=has_response or None)
