"""Requests, answers and errors in httpx's form, for both of its backends."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import httpx

from smsgate._backends.connection import KEEPALIVE_SECONDS
from smsgate._backends.decoding import decoded_headers
from smsgate._backends.transport_errors import (
    broken,
    connect_timed_out,
    no_turn,
    not_http,
    reason,
    refused,
    shorter,
    timed_out,
)
from smsgate._http import Headers
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smsgate._backends.connection import Connecting
    from smsgate._http import Request
    from smsgate.errors import TransportError

__all__ = [
    "FAILURES",
    "QUOTING",
    "NoCookies",
    "check_open",
    "has_surplus",
    "limits",
    "new_preparing",
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


Prepared: TypeAlias = tuple[httpx.URL, httpx.Headers, dict[str, "float | None"]]
Limits: TypeAlias = tuple["float | None", "float | None", "float | None"]


class Preparing(Protocol):
    """`prepared` with a memory."""

    def __call__(
        self, url: str, items: tuple[tuple[str, str], ...], length: int | None, limits: Limits, /
    ) -> Prepared: ...

    def cache_clear(self) -> None:
        """Forget all, credentials in headers among it."""


def new_preparing() -> Preparing:
    """Return a memory of its holder's own."""
    return lru_cache(maxsize=64)(prepared)


def prepared(url: str, items: tuple[tuple[str, str], ...], length: int | None, limits: Limits) -> Prepared:
    """Return URL, headers (with the host and the length of the body if they lack them) and limits in httpx's form."""
    parsed = httpx.URL(url)
    if not 0 <= (parsed.port or 0) < 65536:  # noqa: PLR2004 - the ports that there are
        raise httpx.InvalidURL("no such port")
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in items]
    names = {name.lower() for name, _ in items}
    if "host" not in names:
        headers.insert(0, (b"Host", parsed.netloc))
    if "content-length" not in names and length is not None:
        headers.append((b"Content-Length", b"%d" % length))
    connect, read, total = limits
    silence = shorter(read, total)
    timeout = {"connect": shorter(connect, total), "read": silence, "write": silence, "pool": total}
    return parsed, httpx.Headers(headers), timeout


def outgoing(request: Request, preparing: Preparing) -> httpx.Request:
    """Build the httpx request by hand: a tenth of the time of `httpx.Client.build_request`.

    Raises:
        TransportError: the request cannot be written as HTTP.
    """
    content, wait = request.content, request.timeout
    length = len(content or b"") if content is not None or request.method in _WITH_BODY else None
    try:
        items = tuple(request.headers.items())
        url, headers, timeout = preparing(request.url, items, length, (wait.connect, wait.read, wait.total))
    except (httpx.InvalidURL, UnicodeError, AttributeError, TypeError):
        raise not_http() from None
    body = _Body(content or b"")
    return httpx.Request(request.method, url, headers=headers, stream=body, extensions={"timeout": timeout.copy()})


def check_open(client: httpx.Client | httpx.AsyncClient) -> None:
    """Refuse a client of the user's that is closed.

    Raises:
        ConfigurationError: it is.
    """
    if client.is_closed:
        raise ConfigurationError("the httpx client that you gave is closed")


def has_surplus(answer: httpx.Response) -> bool:
    """Tell whether bytes came behind an answer that was read to its end: the next one would begin with them."""
    stream: Any = answer.stream
    while stream is not None and not hasattr(stream, "_connection"):
        stream = getattr(stream, "_stream", None) or getattr(stream, "_httpcore_stream", None)
    data: Any = getattr(getattr(getattr(stream, "_connection", None), "_h11_state", None), "trailing_data", None)
    return bool(data) and bool(data[0])


def received_headers(answer: httpx.Response) -> tuple[Headers, bool]:
    """Return the headers of an answer, and whether they say that its body is coded, without looking at others."""
    raw = answer.headers.raw
    return Headers(partial(decoded_headers, raw)), b"content-encoding" in [name.lower() for name, _ in raw]


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


class NoCookies(httpx.Cookies):
    """Cookies that are never kept, so nothing has to look for them."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep nothing."""


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
