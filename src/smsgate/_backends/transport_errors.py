"""Transport errors of all backends, in one wording and without URLs, headers or bodies in their texts."""

from __future__ import annotations

import re
import ssl
import time
from typing import TYPE_CHECKING

from smsgate.errors import ConnectError, RequestTimeoutError, TransportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from smsgate._http import Timeout


_WRITABLE = re.compile(r"(?:[!-9;-~]+:[^\0\r\n\u0100-\U0010ffff]*\n)*")


def connection_failed(why: str) -> ConnectError:
    """Return the error of a connection that was not made: nothing was sent."""
    return ConnectError(f"no connection: {why}", sent=False)


def connect_timeout() -> RequestTimeoutError:
    """Return the error of a connection that was not made in time: nothing was sent."""
    return RequestTimeoutError("no connection within the time allowed", sent=False)


def pool_timeout() -> RequestTimeoutError:
    """Return the error of a wait for a free connection: nothing was sent."""
    return RequestTimeoutError("no free connection within the time allowed", sent=False)


def invalid_request() -> TransportError:
    """Return the error of a request that cannot be written: nothing was sent."""
    return TransportError("the request cannot be written as HTTP: its URL or a header is malformed", sent=False)


def exchange_timeout(*, sent: bool | None) -> RequestTimeoutError:
    """Return the error of an exchange, or of a silence in it, that took too long."""
    return RequestTimeoutError("the response took longer than the time allowed", sent=sent)


def broken_exchange(why: str, *, sent: bool | None) -> TransportError:
    """Return the error of a connection that failed or received something other than HTTP."""
    return TransportError(f"the exchange broke off: {why}", sent=sent)


def find_reason(error: BaseException) -> str:
    """Return the operating system's or TLS's reason behind an exception, else the name of its type.

    Texts of HTTP libraries are not used: many of them quote the URL or a header.
    """
    found = (_own_reason(link) for link in _chain(error))
    return next((why for why in found if why is not None), type(error).__name__)


def safe_cause(error: Exception, quoting: tuple[type[BaseException], ...]) -> Exception | None:
    """Return an exception as the cause of a `TransportError`, or None if its text may quote a request or response.

    Args:
        error: an exception of an HTTP library.
        quoting: the library's exception classes whose texts quote requests or responses.
    """
    return None if any(_quotes(link, quoting) for link in _chain(error)) else error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes, contexts and arguments, the nearest first."""
    pending = [error]
    seen: set[int] = set()
    while pending:
        current = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        pending += [found for found in inner if isinstance(found, BaseException)]


def _quotes(error: BaseException, quoting: tuple[type[BaseException], ...]) -> bool:
    if isinstance(error, ssl.SSLError | ConnectionError):  # some of them are ValueErrors or HTTPExceptions too
        return False
    return isinstance(error, quoting) or str(error).startswith(
        "Tunnel connection failed"
    )  # followed by the proxy's response


def _own_reason(error: BaseException) -> str | None:
    """Return the text of the system or TLS; HTTP libraries derive from its exceptions and may leave it empty."""
    if isinstance(error, ssl.SSLCertVerificationError):
        detail = getattr(error, "verify_message", None)
        return f"the certificate was not accepted, {detail}" if detail else None
    if isinstance(error, ssl.SSLError):
        detail = getattr(error, "reason", None)
        return f"TLS failed, {detail}" if isinstance(detail, str) else None
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return error.strerror
    return None


def has_invalid_headers(headers: Mapping[str, str]) -> bool:
    """Tell whether headers cannot be written as HTTP."""
    lines = [f"{name}:{value}\n" for name, value in headers.items()]
    return _WRITABLE.fullmatch("".join(lines)) is None


def deadline_after(timeout: Timeout) -> float | None:
    """Return the end of the whole exchange on the monotonic clock, None for no limit."""
    return None if timeout.total is None else time.monotonic() + timeout.total


def time_left(deadline: float | None) -> float | None:
    """Return the seconds until a deadline, None for no limit."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def check_deadline(deadline: float | None) -> None:
    """Raise if the deadline of a response that has begun is over."""
    if deadline is not None and time.monotonic() > deadline:
        raise exchange_timeout(sent=True)


def shorter_limit(first: float | None, second: float | None) -> float | None:
    """Return the shorter of two limits; None is no limit."""
    limits = [limit for limit in (first, second) if limit is not None]
    return min(limits, default=None)
