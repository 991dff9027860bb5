"""Requests, responses and errors of httpx, for both of its backends."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import httpx

from smsgate._backends.adapters import Adapter
from smsgate._backends.connection import KEEPALIVE_SECONDS
from smsgate._backends.decoding import decode_headers
from smsgate._backends.transport_errors import (
    broken_exchange,
    connect_timeout,
    connection_failed,
    exchange_timeout,
    find_reason,
    invalid_request,
    pool_timeout,
    shorter_limit,
)
from smsgate._http import Headers
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smsgate._backends.connection import ConnectionOptions
    from smsgate._http import Request
    from smsgate.errors import TransportError

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Made by the import, for which a fork waits: OpenSSL's locks must not be held in the child."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_LAST_PORT = 65_535
_Client = TypeVar("_Client")
_NOT_CONNECTED = (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)


def build_request(request: Request) -> httpx.Request:
    """Build the httpx request by hand: `httpx.Client.build_request` takes ten times as long.

    Raises:
        TransportError: the request cannot be written as HTTP.
    """
    content = request.content
    try:
        url = _parse_url(request.url)
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers.items()]
    except (httpx.InvalidURL, UnicodeError, AttributeError, TypeError):
        raise invalid_request() from None
    names = {name.lower() for name, _ in headers}
    if b"host" not in names:
        headers.insert(0, (b"Host", url.netloc))
    if b"content-length" not in names and (content is not None or request.method in _WITH_BODY):
        headers.append((b"Content-Length", b"%d" % len(content or b"")))
    limits = request.timeout
    silence = shorter_limit(limits.read, limits.total)
    timeout = {
        "connect": shorter_limit(limits.connect, limits.total),
        "read": silence,
        "write": silence,
        "pool": limits.total,
    }
    return httpx.Request(
        request.method, url, headers=headers, stream=_Body(content or b""), extensions={"timeout": timeout}
    )


@lru_cache(maxsize=256)  # parsing takes as long as the rest of a request
def _parse_url(url: str) -> httpx.URL:
    parsed = httpx.URL(url)
    if not 0 <= (parsed.port or 0) <= _LAST_PORT:
        raise httpx.InvalidURL("no such port")
    return parsed


def check_open(client: httpx.Client | httpx.AsyncClient) -> None:
    """Reject a closed client of the user.

    Raises:
        ConfigurationError: the client is closed.
    """
    if client.is_closed:
        raise ConfigurationError("the httpx client that you gave is closed")


def has_surplus(response: httpx.Response) -> bool:
    """Tell whether more bytes than the response arrived: the next response would begin with them."""
    stream: Any = response.stream
    while stream is not None and not hasattr(stream, "_connection"):
        stream = getattr(stream, "_stream", None) or getattr(stream, "_httpcore_stream", None)
    data: Any = getattr(getattr(getattr(stream, "_connection", None), "_h11_state", None), "trailing_data", None)
    return bool(data) and bool(data[0])


class HttpxAdapter(Adapter[_Client]):
    """Errors and headers of httpx, for both adapters."""

    library_errors: ClassVar[tuple[type[Exception], ...]] = (
        httpx.HTTPError,
        httpx.StreamError,
        httpx.InvalidURL,
        OSError,
        UnicodeError,
    )
    """OSError comes from ssl and is not always wrapped, UnicodeError from hosts that DNS cannot express."""
    quoting_errors: ClassVar[tuple[type[Exception], ...]] = (
        httpx.ProtocolError,
        httpx.ProxyError,
        httpx.InvalidURL,
        UnicodeError,
    )

    def _translate(self, error: Exception, *, sent: bool | None) -> TransportError:
        if isinstance(error, httpx.ConnectTimeout):
            return connect_timeout()
        if isinstance(error, httpx.PoolTimeout):
            return pool_timeout()
        if isinstance(error, httpx.TimeoutException | TimeoutError):
            return exchange_timeout(sent=sent)
        if isinstance(error, _NOT_CONNECTED):
            return connection_failed(find_reason(error))
        if isinstance(error, httpx.LocalProtocolError | httpx.InvalidURL | UnicodeError):
            return invalid_request()
        return broken_exchange(find_reason(error), sent=sent)


def head(response: httpx.Response) -> tuple[int, Headers]:
    """Return status and headers of a response."""
    return response.status_code, Headers(partial(decode_headers, response.headers.raw))


def transport_options(
    options: ConnectionOptions, *, secure: bool, proxy: str | None, single: bool = False
) -> dict[str, Any]:
    """Return the options of an httpx transport; without TLS it gets an empty context, as loading certificates is slow.

    Args:
        options: the backend's options.
        secure: whether the URLs begin with https.
        proxy: the proxy.
        single: whether it opens one connection only.
    """
    limit = 1 if single else options.max_connections
    to_proxy_over_tls = proxy is not None and proxy.startswith("https")
    context = options.ssl_context() if secure or to_proxy_over_tls else _NO_TLS
    return {
        "verify": context,
        "proxy": None if proxy is None else httpx.Proxy(proxy, ssl_context=context if to_proxy_over_tls else None),
        "limits": httpx.Limits(
            max_connections=limit, max_keepalive_connections=limit, keepalive_expiry=KEEPALIVE_SECONDS
        ),
        "trust_env": False,
    }


class NoCookies(httpx.Cookies):
    """A cookie jar that keeps nothing."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep nothing."""


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A request body without httpx's generators: trio warns of a generator that a failure leaves open."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        return iter((self._content,))

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Once(self._content)


class _Once(AsyncIterator[bytes]):
    def __init__(self, content: bytes) -> None:
        self._content: bytes | None = content

    async def __anext__(self) -> bytes:
        content, self._content = self._content, None
        if content is None:
            raise StopAsyncIteration
        return content
