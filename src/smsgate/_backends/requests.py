"""Synchronous backend over requests.

Requests are built by hand and go through `requests.Session.send`, where mocks and tracers look for them. Settings,
cookies and redirects of the session stay out of the exchange, so that one session serves many threads.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache, partial
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, ClassVar

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

from smsgate._backends.adapters import SessionAdapter, SyncAdapter
from smsgate._backends.body_deadline import shut_down
from smsgate._backends.connection import ConnectionOptions, cut_origin
from smsgate._backends.environment import certificate_variable, proxy_variable
from smsgate._backends.requests_pool import PooledAdapter
from smsgate._backends.transport_errors import (
    broken_exchange,
    connect_timeout,
    connection_failed,
    exchange_timeout,
    find_reason,
    has_invalid_headers,
    invalid_request,
    shorter_limit,
)
from smsgate._http import Headers
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smsgate._http import Request
    from smsgate.errors import TransportError

_UNUSABLE = (exceptions.InvalidProxyURL, exceptions.InvalidSchema)
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_TIMEOUTS = (exceptions.ReadTimeout, ReadTimeoutError, TimeoutError)
_CHUNK = 64 * 1024


class RequestsHttpClient(SessionAdapter[requests.Session], SyncAdapter[requests.Session, requests.Session]):
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

    client_class: ClassVar[type[Any]] = requests.Session
    library_errors: ClassVar[tuple[type[Exception], ...]] = (requests.RequestException, HTTPError, OSError, ValueError)
    quoting_errors: ClassVar[tuple[type[Exception], ...]] = (HTTPException, ValueError)
    ca_variables: ClassVar[tuple[str, ...]] = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

    def _open(self) -> requests.Session:
        return self._client or _new_session(self._options)

    def _close(self, opened: requests.Session) -> None:
        if self._client is None:
            opened.close()

    def _begin(
        self, request: Request, opened: requests.Session, proxy: str | None, *, whole: bool
    ) -> requests.Response:
        """Send through the session, with every setting explicit that it would otherwise look up."""
        total = request.timeout.total
        timeout = (shorter_limit(request.timeout.connect, total), shorter_limit(request.timeout.read, total))
        try:
            response: Any = opened.send(
                _prepare(request),
                stream=True,
                timeout=timeout,
                allow_redirects=False,
                verify=self._trusted(),
                cert=opened.cert,
                proxies={} if proxy is None else {"http": proxy, "https": proxy},
            )
        except _UNUSABLE:
            raise ConfigurationError("the session that you gave has no adapter or no usable proxy for this") from None
        found: requests.Response = getattr(response, "wrapped", response)
        if found.status_code < HTTPStatus.OK:
            _hang_up(found.raw)
            raise broken_exchange("an interim response came in the place of the final one", sent=None)
        return found

    def _proxy_for(self, url: str) -> str | None:
        session = self._client
        if session is None:
            return self._options.proxy_for(url)
        proxy = select_proxy(url, session.proxies)
        return proxy_variable(cut_origin(url)) if proxy is None and session.trust_env else proxy

    def _trusted(self) -> Any:
        """Return the trusted certificates; our own adapter has them already."""
        session = self._client
        if session is None:
            return True
        if session.trust_env and session.verify is True and (named := certificate_variable(self.ca_variables)):
            return os.environ[named]
        return session.verify

    def _chunks(self, raw: requests.Response, request: Request, deadline: float | None) -> Iterable[bytes]:
        source: Any = raw.raw
        if not isinstance(source, BaseHTTPResponse):  # from a mock
            yield from raw.iter_content(_CHUNK)
            return
        sock = _find_socket(raw)
        while True:
            if sock is not None and deadline is not None:  # limits the next read to the time that is left
                sock.settimeout(shorter_limit(request.timeout.read, max(0.001, deadline - time.monotonic())))
            chunk = source.read1(_CHUNK, decode_content=False)
            if not chunk:
                return
            yield chunk

    def _find_shutdown(self, raw: requests.Response) -> Callable[[], object] | None:
        sock = _find_socket(raw)
        return getattr(raw.raw, "shutdown", None) if sock is None else partial(shut_down, sock)

    def _end(self, raw: requests.Response) -> None:
        if raw.raw is not None:  # the response of a mock may have none
            raw.close()

    def _head(self, raw: requests.Response) -> tuple[int, Headers]:
        return raw.status_code, Headers(raw.headers)

    def _translate(self, error: Exception, *, sent: bool | None) -> TransportError:
        inner = error.args[0] if error.args else None
        behind = inner.reason if isinstance(inner, MaxRetryError) else inner
        if isinstance(error, exceptions.ConnectTimeout):
            return connect_timeout()
        if isinstance(behind, NewConnectionError | ConnectTimeoutError | ProxyError) or isinstance(
            error, exceptions.ProxyError
        ):
            return connection_failed(find_reason(error))
        broken_by = inner.args[-1] if isinstance(inner, ProtocolError) else None
        if any(isinstance(found, _TIMEOUTS) for found in (error, behind, broken_by)):
            return exchange_timeout(sent=sent)
        if not sent and isinstance(error, exceptions.SSLError):
            why = find_reason(error)
            return connection_failed(why) if "certificate" in why else broken_exchange(why, sent=None)
        return broken_exchange(find_reason(error), sent=sent)


def _find_socket(response: requests.Response) -> Any:
    return getattr(getattr(response.raw, "connection", None), "sock", None)


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
        _check_origin(cut_origin(request.url))
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
