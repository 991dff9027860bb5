"""The part of requests that connects, fitted to what a backend must be able to say about a failure."""

from __future__ import annotations

import time
from functools import partial
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util import parse_url

from smsgate._backends.connection import KEEPALIVE_SECONDS, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from urllib3 import BaseHTTPResponse
    from urllib3.poolmanager import PoolManager

    from smsgate._backends.connection import Connecting

__all__ = ["PooledAdapter"]


_SWITCHING, _OK = 101, 200  # plain numbers: an answer's way is short


class _Answer(HTTPResponse):
    """The final answer: interim ones are passed over, where the standard library does so for 100 only.

    It also refuses several lengths in one header before urllib3 does, which would leave the socket open.
    """

    def begin(self) -> None:
        super().begin()
        while _SWITCHING < self.status < _OK:
            again: Any = self
            again.headers = again.msg = None  # what makes the standard library read a head
            super().begin()
        if self.length is None and "," in self.headers.get("Content-Length", ""):
            raise HTTPException("several lengths in one header")


class _PlainPool(HTTPConnectionPool):
    """Connections of urllib3's own class, or of whatever a mock has put in its place."""

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.response_class = _Answer
        return connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        now = time.monotonic()
        if now - getattr(connection, "idle_since", now) > KEEPALIVE_SECONDS:
            connection.close()  # it connects again
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)


class _TlsPool(_PlainPool, HTTPSConnectionPool):
    """Reports a failed or slow handshake as a failed or slow connection, which it is: nothing has been sent."""

    def _validate_conn(self, conn: Any) -> None:
        if conn.is_closed:  # all that urllib3 does besides is to warn who said verify=False, for each request
            _connect(conn, conn.connect)

    def _prepare_proxy(self, conn: Any) -> None:
        _connect(conn, partial(super()._prepare_proxy, conn))


def _connect(connection: Any, connect: Callable[[], object]) -> None:
    try:
        connect()
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, "TLS handshake took too long") from error
    except HTTPError:
        raise
    except OSError as error:
        raise NewConnectionError(connection, "TLS handshake failed") from error


class PooledAdapter(HTTPAdapter):
    """Keeps the connections of one backend; knows proxies and TLS by itself, not by arguments of each request."""

    def __init__(self, options: Connecting) -> None:
        self._options = options
        self._pools: dict[tuple[str, str | None], HTTPConnectionPool] = {}
        super().__init__(pool_connections=256, pool_maxsize=options.max_connections)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Exchange a request for the head of its answer."""
        proxy = self._options.proxy_for(request.url or "")
        if proxy is not None:
            kwargs["proxies"] = {"http": proxy, "https": proxy}
        return super().send(request, *args, **kwargs)

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any
    ) -> HTTPConnectionPool:
        """Return the connections to a request's host; requests would parse the URL and hash all options each time."""
        url = request.url or ""
        proxy = self._options.proxy_for(url)
        key = (origin_of(url), proxy)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = self._open(url, proxy)
        return pool

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Do nothing: the ssl context says it all."""

    def build_response(self, req: requests.PreparedRequest, resp: BaseHTTPResponse) -> requests.Response:
        """Return what is needed of an answer; requests would also collect its cookies."""
        answer = requests.Response()
        answer.request = req
        answer.status_code = resp.status
        answer.headers = CaseInsensitiveDict(resp.headers)
        answer.reason = resp.reason or ""
        answer.url = req.url or ""
        answer.raw = resp
        return answer

    def close(self) -> None:
        """Close all connections."""
        for pool in list(self._pools.values()):
            pool.close()  # clearing alone leaves sockets open as long as an error holds its pool
        self._pools.clear()
        super().close()

    def _open(self, url: str, proxy: str | None) -> HTTPConnectionPool:
        parsed = parse_url(url)
        to_proxy_over_tls = proxy is not None and proxy.startswith("https")
        # urllib3 before 2.8 looks here for the context of a proxy that forwards plain requests, too
        over_tls = parsed.scheme == "https" or to_proxy_over_tls
        kwargs = {"ssl_context": self._options.ssl_context()} if over_tls else None
        if proxy is None:
            manager: PoolManager = self.poolmanager
        else:
            proxy_kwargs: dict[str, Any] = (
                {"proxy_ssl_context": self._options.ssl_context()} if to_proxy_over_tls else {}
            )
            manager = self.proxy_manager_for(proxy, **proxy_kwargs)
        classes: dict[str, Any] = {"http": _PlainPool, "https": _TlsPool}
        manager.pool_classes_by_scheme = classes
        return manager.connection_from_host(parsed.host, parsed.port, parsed.scheme, pool_kwargs=kwargs)
