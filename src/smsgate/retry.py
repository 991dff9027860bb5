"""Retry policy and backoff."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from smsgate._core.hooks import check_hook
from smsgate._core.limits import cap, seconds, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from smsgate.errors import SMSGateError

__all__ = ["RetryEvent", "RetryPolicy", "decide", "retry_after_seconds"]

_DOUBLINGS = 64
_MOST_RETRIES = 1_000_000
RETRIED_STATUSES = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


@dataclass(frozen=True, slots=True)
class RetryEvent:
    """A failed attempt before its retry.

    Attributes:
        operation: name of the operation, such as ``get_message``.
        attempt: number of the attempt that failed, from 1.
        error: the error of the attempt.
        wait: seconds until the next attempt.
    """

    operation: str
    attempt: int
    error: SMSGateError
    wait: float


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Number of retries, and the waits between them.

    Exponential backoff with full jitter: the bound doubles from ``base_delay`` up to ``max_delay``, and each wait is
    random between zero and the bound.

    Args:
        max_retries: attempts after the first one, up to 1,000,000.
        base_delay: bound of the first wait, seconds.
        max_delay: bound of every wait, seconds.
        max_elapsed: seconds after the first attempt in which retries may start; a send or cancel with an unclear
            outcome is still looked up once after it. ``float("inf")`` for no limit.
        max_retry_after: longest ``Retry-After`` in seconds that is waited for; a longer one ends the call.
            ``float("inf")`` for no limit.
        on_retry: called with a `RetryEvent` before each wait; an exception ends the call.

    Raises:
        ConfigurationError: for a number out of range, and for an ``on_retry`` that cannot be called.
    """

    max_retries: int = 3
    base_delay: float = 0.5
    max_delay: float = 8.0
    max_elapsed: float = 60.0
    max_retry_after: float = 60.0
    on_retry: Callable[[RetryEvent], object] | None = None

    def __post_init__(self) -> None:
        whole("max_retries", self.max_retries, 0, _MOST_RETRIES)
        for name in ("base_delay", "max_delay", "max_elapsed", "max_retry_after"):
            limit = seconds(name, getattr(self, name), endless=name in {"max_elapsed", "max_retry_after"})
            object.__setattr__(self, name, limit)
        check_hook("on_retry", self.on_retry)

    @classmethod
    def none(cls) -> RetryPolicy:
        """Return a policy without retries."""
        return cls(max_retries=0)


def decide(
    policy: RetryPolicy,
    repeat: Literal["safe", "settle", "never"],
    *,
    status: int | None,
    sent: bool | None,
    retry_after: float | None,
    attempt: int,
    elapsed: float,
    draw: float,
    time_left: float = math.inf,
) -> float | None:
    """Return the seconds to wait before the next attempt, None when there is none.

    Args:
        policy: the retry policy.
        repeat: the operation's rule for retries; "settle" allows them only after an attempt without effect.
        status: HTTP status of the failed attempt, None when no response came.
        sent: False when the attempt certainly had no effect.
        retry_after: seconds that the server asked to wait, or None.
        attempt: number of attempts made, from 1.
        elapsed: seconds since the first attempt began.
        draw: a random number from 0 to 1.
        time_left: seconds until the deadline of the call; no attempt begins at or after it.
    """
    if repeat == "never" or (repeat == "settle" and sent is not False):
        return None
    if status is not None and status not in RETRIED_STATUSES:
        return None
    if attempt > policy.max_retries or (retry_after is not None and retry_after > policy.max_retry_after):
        return None
    bound = min(policy.max_delay, policy.base_delay * 2.0 ** min(attempt - 1, _DOUBLINGS))
    wait = retry_after if retry_after is not None else bound * draw
    return wait if elapsed + wait <= policy.max_elapsed and wait < time_left else None


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds of a ``Retry-After`` header, 0 to a hundred years; None when absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return cap(float(value))
    if not value:
        return None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - a date is rare, and this import is slow

    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:  # the zone was "-0000"
            date = date.replace(tzinfo=timezone.utc)
        return cap(max(0.0, (date - now).total_seconds()))
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
