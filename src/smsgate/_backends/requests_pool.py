"""Connection pool for requests, with the errors that a backend must tell apart."""

from __future__ import annotations

import time
from functools import partial
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util import parse_url

from smsgate._backends.connection import KEEPALIVE_SECONDS, cut_origin

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests
    from urllib3.poolmanager import PoolManager

    from smsgate._backends.connection import ConnectionOptions


class _FinalResponse(HTTPResponse):
    """The final response; skips interim ones, of which the standard library skips 100 only.

    It also rejects several lengths in one header: urllib3 does so later and leaves the socket open.
    """

    def begin(self) -> None:
        super().begin()
        while HTTPStatus.SWITCHING_PROTOCOLS < self.status < HTTPStatus.OK:
            again: Any = self
            again.headers = again.msg = None  # makes the standard library read the next head
            super().begin()
        if self.length is None and "," in self.headers.get("Content-Length", ""):
            raise HTTPException("several lengths in one header")


class _Idle(LifoQueue[Any]):
    """The connections that no request uses, the latest first; in the place of the queue of urllib3's pool.

    Every change is one call of C code. The standard library's queue has locks of Python code, which Ctrl-C can leave
    locked, so that the next request waits for them without a limit. Nobody has to wait here: the backend lets no more
    exchanges begin than the pool has places.
    """

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002 - as there
        """Give a connection back; None, which stands for an empty place, is not kept."""
        if item is not None:
            self.queue.append(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002
        """Take the latest connection; raises `queue.Empty` when there is none, and urllib3 opens another."""
        try:
            return self.queue.pop()
        except IndexError:
            raise Empty from None


class _PlainPool(HTTPConnectionPool):
    """Connections of urllib3's class, or of the class that a mock has put in its place."""

    QueueCls: Any = _Idle

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.response_class = _FinalResponse
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
    """Reports a failed or slow handshake as a failed or slow connection, because nothing was sent."""

    def _validate_conn(self, conn: Any) -> None:
        if conn.is_closed:  # urllib3 would also warn of verify=False for each request
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
    """Adapter of a session with the connections, proxies and TLS options of one backend."""

    def __init__(self, options: ConnectionOptions) -> None:
        self._options = options
        self._pools: dict[tuple[str, str | None], HTTPConnectionPool] = {}
        super().__init__(pool_connections=256, pool_maxsize=options.max_connections)

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any
    ) -> HTTPConnectionPool:
        """Return the connections to a host from a cache; requests would parse the URL each time."""
        url = request.url or ""
        proxy = self._options.proxy_for(url)
        key = (cut_origin(url), proxy)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = self._open(url, proxy)
        return pool

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Do nothing: the ssl context holds the certificates."""

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
