"""The transport errors of all backends: one wording, and texts without URLs, headers or bodies."""

from __future__ import annotations

import re
import ssl
import time
from typing import TYPE_CHECKING

from smsgate.errors import ConnectError, RequestTimeoutError, TransportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from smsgate._http import Timeout

__all__ = [
    "broken",
    "cause",
    "check",
    "connect_timed_out",
    "deadline_of",
    "no_turn",
    "not_http",
    "reason",
    "refused",
    "shorter",
    "timed_out",
    "unwritable",
]


_WRITABLE = re.compile(r"(?:[!-9;-~]+:[^\0\r\n\u0100-\U0010ffff]*\n)*")


def refused(why: str) -> ConnectError:
    """No connection came about: nothing was sent."""
    return ConnectError(f"no connection: {why}", sent=False)


def connect_timed_out() -> RequestTimeoutError:
    """No connection came about in time: nothing was sent."""
    return RequestTimeoutError("no connection within the time allowed", sent=False)


def no_turn() -> RequestTimeoutError:
    """All connections were busy for too long: nothing was sent."""
    return RequestTimeoutError("no free connection within the time allowed", sent=False)


def not_http() -> TransportError:
    """The request cannot be written: nothing was sent."""
    return TransportError("the request cannot be written as HTTP: its URL or a header is malformed", sent=False)


def timed_out(*, sent: bool | None) -> RequestTimeoutError:
    """The exchange, or a silence in it, took too long."""
    return RequestTimeoutError("the answer took longer than the time allowed", sent=sent)


def broken(why: str, *, sent: bool | None) -> TransportError:
    """The connection failed or what came over it is no HTTP."""
    return TransportError(f"the exchange broke off: {why}", sent=sent)


def reason(error: BaseException) -> str:
    """Name the operating system's or TLS's reason behind an exception, else the exception's type.

    Texts of HTTP libraries are not used: many of them quote the URL or a header.
    """
    found = (_own_reason(link) for link in _chain(error))
    return next((why for why in found if why is not None), type(error).__name__)


def cause(error: Exception, quoting: tuple[type[BaseException], ...]) -> Exception | None:
    """Return an exception as the cause of ours, or None if a traceback would quote a request or an answer with it.

    Args:
        error: an HTTP library's.
        quoting: the classes of that library whose texts quote.
    """
    return None if any(_quotes(link, quoting) for link in _chain(error)) else error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Go through an exception and all those behind it, the nearest first."""
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
    return isinstance(error, quoting) or str(error).startswith("Tunnel connection failed")  # and then a proxy's words


def _own_reason(error: BaseException) -> str | None:
    """Return what the system or TLS says; HTTP libraries derive from its exceptions without filling them in."""
    if isinstance(error, ssl.SSLCertVerificationError):
        detail = getattr(error, "verify_message", None)
        return f"the certificate was not accepted, {detail}" if detail else None
    if isinstance(error, ssl.SSLError):
        detail = getattr(error, "reason", None)
        return f"TLS failed, {detail}" if isinstance(detail, str) else None
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return error.strerror
    return None


def unwritable(headers: Mapping[str, str]) -> bool:
    """Tell whether headers cannot be written as HTTP."""
    lines = [f"{name}:{value}\n" for name, value in headers.items()]
    return _WRITABLE.fullmatch("".join(lines)) is None


def deadline_of(timeout: Timeout) -> float | None:
    """Return the moment, on the monotonic clock, at which the whole exchange must have ended."""
    return None if timeout.total is None else time.monotonic() + timeout.total


def check(deadline: float | None) -> None:
    """Raise when an answer that has begun takes longer than the total time allowed."""
    if deadline is not None and time.monotonic() > deadline:
        raise timed_out(sent=True)


def shorter(first: float | None, second: float | None) -> float | None:
    """Return the shorter of two limits; None is no limit."""
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)
