"""Defaults and limits of a receiver's options."""

from __future__ import annotations

import math
from datetime import timedelta

from smsgate.errors import ConfigurationError

MAX_BODY = 20 * 1024 * 1024
"""Bytes; an MMS comes with its attachments inside."""
MAX_UNVERIFIED = 1024 * 1024
"""Bytes of a body for which a function looks keys up, while anybody may have sent it."""
TOLERANCE = timedelta(minutes=5)
WINDOW = timedelta(days=3)
MAX_ATTEMPTS = 16
CONCURRENCY = 16
DRAIN = 10.0
"""Seconds to wait for handlers at the end."""

MAX_CONCURRENCY = 10_000
"""Handlers at once; systems allow a process fewer threads."""
MAX_NUMBER = 2**63 - 1
_MAX_SECONDS = 3_153_600_000.0  # a hundred years; longer times overflow clocks


def check_whole(name: str, value: object, most: int = MAX_NUMBER) -> int:
    """Return a whole number from 1 on.

    Raises:
        ConfigurationError: it is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
        return value
    raise ConfigurationError(f"{name} takes a whole number from 1 to {most}")


def check_seconds(name: str, value: object) -> float:
    """Return a time in seconds.

    Raises:
        ConfigurationError: it is no number, negative or too long.
    """
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if 0 <= number <= _MAX_SECONDS:
        return float(number)
    raise ConfigurationError(f"{name} takes a number of seconds, from 0 to {_MAX_SECONDS:,.0f}")


def check_window(window: object) -> timedelta:
    """Return the time for which deduplication keys are remembered.

    Raises:
        ConfigurationError: it is no `timedelta`, or negative.
    """
    if not isinstance(window, timedelta) or window < timedelta():
        raise ConfigurationError("a window is a timedelta of zero or more")
    return window
