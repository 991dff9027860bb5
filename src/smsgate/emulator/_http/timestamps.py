"""Timestamps as the real servers read and write them.

The cloud server uses Go's RFC 3339 (a zone is required, the fraction loses its trailing zeros), the phone's local
server always writes three fraction digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

Clock = Callable[[], datetime]

LAYOUT = "2006-01-02T15:04:05Z07:00"
_PARTS = (
    (r"\d{4}", "2006"),
    ("-", "-"),
    (r"\d\d", "01"),
    ("-", "-"),
    (r"\d\d", "02"),
    ("T", "T"),
    (r"\d\d", "15"),
    (":", ":"),
    (r"\d\d", "04"),
    (":", ":"),
    (r"\d\d", "05"),
    (r"(?:[.,]\d+)?", ""),
    (r"Z|[+-]\d\d:\d\d", "Z07:00"),
)
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?(?:Z|[+-]\d\d:?\d\d)")


class TimeFormatError(ValueError):
    """Invalid time; the message is that of Go."""


def system_clock() -> datetime:
    """Return the system's time in UTC."""
    return datetime.now(timezone.utc)


class ManualClock:
    """Manual clock, which only `advance` moves.

    Example:
        >>> clock = ManualClock(datetime(2026, 1, 1, tzinfo=timezone.utc))
        >>> clock.advance(60)
        >>> clock().minute
        1
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
        if self._now.tzinfo is None:
            raise ValueError("A clock needs an aware datetime to start from.")

    def __call__(self) -> datetime:
        """Return the clock's time."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the time forward by a number of seconds.

        Raises:
            ValueError: for negative seconds.
        """
        if not seconds >= 0:
            raise ValueError("A clock advances by a number of seconds from 0 on.")
        self._now += timedelta(seconds=seconds)


def milliseconds(time: datetime) -> datetime:
    """Truncate a time to milliseconds in UTC, like a database column."""
    utc = time.astimezone(timezone.utc)
    rest = utc.microsecond % 1000
    return utc - timedelta(microseconds=rest) if rest else utc


def go_text(time: datetime, extra_nanoseconds: int = 0) -> str:
    """Write a time as Go does: its own zone, ``Z`` for UTC, no trailing zeros in the fraction."""
    fraction = f"{time.microsecond:06d}{extra_nanoseconds:03d}".rstrip("0")
    offset = time.isoformat()[-6:] if time.utcoffset() else "Z"
    return time.isoformat(timespec="seconds")[:19] + (f".{fraction}" if fraction else "") + offset


def local_text(time: datetime) -> str:
    """Write a time as a phone's local server does: three fraction digits, here always in UTC."""
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds")[:23] + "Z"


def parse_go(text: str) -> datetime:
    """Read RFC 3339 with a zone; digits beyond microseconds are dropped.

    Raises:
        TimeFormatError: invalid time, with the message of Go.
    """
    rest = text
    for pattern, name in _PARTS:
        found = re.match(pattern, rest)
        if found is None:
            raise TimeFormatError(f'parsing time "{text}" as "{LAYOUT}": cannot parse "{rest}" as "{name}"')
        rest = rest[found.end() :]
    if rest:
        raise TimeFormatError(f'parsing time "{text}": extra text: "{rest}"')
    seconds, fraction, zone = _split(text)
    try:
        time = datetime.fromisoformat(f"{seconds}.{fraction}{zone}")
        time.astimezone(timezone.utc)  # years 1 and 9999 may fall off the calendar in another zone
    except (ValueError, OverflowError):
        raise TimeFormatError(f'parsing time "{text}": value out of range') from None
    return time


def parse_local(text: str) -> datetime | None:
    """Read a query time of a phone's local server: no fraction or three digits, with a zone; anything else is None."""
    if not _LOCAL.fullmatch(text):
        return None
    if text[-3] != ":" and text[-1] != "Z":
        text = f"{text[:-2]}:{text[-2:]}"
    try:
        return parse_go(text)
    except TimeFormatError:
        return None


def parse_local_body(text: str) -> datetime:
    """Read a time in a body of a phone's local server, which takes all fraction digits for milliseconds.

    Raises:
        TimeFormatError: not a time with a zone.
    """
    time = parse_go(text)
    return time.replace(microsecond=0) + timedelta(milliseconds=int(_fraction(text)[:9] or "0"))


def _split(text: str) -> tuple[str, str, str]:
    zone = "+00:00" if text.endswith("Z") else text[-6:]
    return text[:19], f"{_fraction(text):0<6}"[:6], zone


def _fraction(text: str) -> str:
    return text[20 : -1 if text.endswith("Z") else -6]
