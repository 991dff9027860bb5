"""Checks of numbers and flags, and their limits."""

from __future__ import annotations

import math

from smsgate.errors import ConfigurationError, InvalidRequestError

LONGEST_TIMEOUT = 1_000_000.0
"""Seconds, eleven days: sockets store timeouts as milliseconds in 31 bits."""
LONGEST = 100 * 365 * 86_400.0
"""Seconds, a hundred years: longer times overflow dates and the clocks of `sleep`."""
MOST_BYTES = 2**63 - 1
MOST_CONCURRENT = 10_000
"""Concurrent exchanges or messages; systems allow a process fewer threads and sockets."""


def seconds(
    name: str,
    value: object,
    *,
    most: float = LONGEST,
    positive: bool = False,
    endless: bool = False,
    error: type[ConfigurationError | InvalidRequestError] = ConfigurationError,
) -> float:
    """Return a time in seconds as a float.

    Args:
        name: of the argument, for the message.
        value: the argument.
        most: the longest time allowed.
        positive: whether zero is refused.
        endless: whether infinity is allowed, as "without limit".
        error: type of the error.

    Raises:
        ConfigurationError: for what is no number, not a number, negative or too large; or the ``error`` given.
    """
    number = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:  # more digits than a float holds; not endless, either
            number = math.nan
    if endless and number == math.inf:
        return number
    if 0 <= number <= most and (number > 0 or not positive):
        return number
    least = "more than 0" if positive else "from 0"
    raise error(f"{name} takes a number of seconds, {least} to {most:,.0f}{' or infinity' if endless else ''}")


def whole(
    name: str,
    value: object,
    least: int,
    most: int,
    *,
    error: type[ConfigurationError | InvalidRequestError] = ConfigurationError,
) -> int:
    """Return a whole number between two bounds.

    Raises:
        ConfigurationError: for anything else; or the ``error`` given.
    """
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise error(f"{name} takes a whole number from {least} to {most}")


def flag(
    name: str, value: object, *, error: type[ConfigurationError | InvalidRequestError] = ConfigurationError
) -> bool:
    """Return an option that is on or off.

    Raises:
        ConfigurationError: for anything else; or the ``error`` given.
    """
    if isinstance(value, bool):
        return value
    raise error(f"{name} takes True or False")


def cap(number: float) -> float:
    """Return a server's number of seconds, at most `LONGEST`; also for infinity."""
    return min(number, LONGEST)
