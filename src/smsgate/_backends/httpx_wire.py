"""Requests, answers and errors in httpx's form, for both of its backends."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import httpx

from smsgate._backends.connecting import KEEPALIVE_SECONDS
from smsgate._backends.content import decoded_headers
from smsgate._backends.failures import broken, connect_timed_out, no_turn, not_http, reason, refused, shorter, timed_out
from smsgate.errors import ConfigurationError
from smsgate.http import Headers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smsgate._backends.connecting import Connecting
    from smsgate.errors import TransportError
    from smsgate.http import Request

__all__ = [
    "FAILURES",
    "QUOTING",
    "check_open",
    "is_secure",
    "limits",
    "outgoing",
    "proxy_of",
    "received_headers",
    "translated",
    "verification",
]

FAILURES = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, UnicodeError)
"""OSError: ssl's own, not always wrapped. UnicodeError: of hosts that cannot be written for DNS."""
QUOTING = (httpx.ProtocolError, httpx.ProxyError, httpx.InvalidURL, UnicodeError)
"""What quotes a request or an answer in its text."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_NOT_CONNECTED = (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)


def outgoing(request: Request) -> httpx.Request:
    """Build the httpx request by hand: a tenth of the time of `httpx.Client.build_request`.

    Raises:
        TransportError: the request cannot be written as HTTP.
    """
    content = request.content
    try:
        url = _parsed(request.url)
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers.items()]
    except (httpx.InvalidURL, UnicodeError, AttributeError):
        raise not_http() from None
    names = {name.lower() for name, _ in headers}
    if b"host" not in names:
        headers.insert(0, (b"Host", url.netloc))
    if b"content-length" not in names and (content is not None or request.method in _WITH_BODY):
        headers.append((b"Content-Length", str(len(content or b"")).encode("ascii")))
    total = request.timeout.total
    read = shorter(request.timeout.read, total)
    timeout = {"connect": shorter(request.timeout.connect, total), "read": read, "write": read, "pool": total}
    return httpx.Request(
        request.method, url, headers=headers, stream=_Body(content or b""), extensions={"timeout": timeout}
    )


def check_open(client: httpx.Client | httpx.AsyncClient) -> None:
    """Refuse a client of the user's that is closed.

    Raises:
        ConfigurationError: it is.
    """
    if client.is_closed:
        raise ConfigurationError("the httpx client that you gave is closed")


def received_headers(answer: httpx.Response) -> Headers:
    """Return the headers of an answer."""
    return Headers(partial(decoded_headers, answer.headers.raw))


def translated(error: Exception, *, sent: bool | None) -> TransportError:
    """Return the error of ours for one of httpx's.

    Args:
        error: httpx's.
        sent: whether the request has left, where the error does not tell.
    """
    if isinstance(error, httpx.ConnectTimeout):
        return connect_timed_out()
    if isinstance(error, httpx.PoolTimeout):
        return no_turn()
    if isinstance(error, httpx.TimeoutException):
        return timed_out(sent=sent)
    if isinstance(error, _NOT_CONNECTED):
        return refused(reason(error))
    if isinstance(error, httpx.LocalProtocolError | httpx.InvalidURL | UnicodeError):
        return not_http()
    return broken(reason(error), sent=sent)


def limits(connections: int) -> httpx.Limits:
    """Return httpx's form of a connection limit."""
    return httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEPALIVE_SECONDS
    )


def is_secure(request: httpx.Request) -> bool:
    """Tell whether a request goes over TLS."""
    return request.url.scheme == "https"


def verification(options: Connecting, *, secure: bool, proxy: str | None) -> ssl.SSLContext:
    """Return the TLS context of a transport; an empty one where it will see no TLS, since loading takes time."""
    if secure or (proxy or "").startswith("https"):
        return options.ssl_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def proxy_of(options: Connecting, proxy: str | None) -> httpx.Proxy | None:
    """Return httpx's form of a proxy."""
    if proxy is None:
        return None
    return httpx.Proxy(proxy, ssl_context=options.ssl_context() if proxy.startswith("https") else None)


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    parsed = httpx.URL(url)
    if not 0 <= (parsed.port or 0) < 65536:  # noqa: PLR2004 - the ports that there are
        raise httpx.InvalidURL("no such port")
    return parsed


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a request, without httpx's generators: trio warns of one that a failure leaves behind."""

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
