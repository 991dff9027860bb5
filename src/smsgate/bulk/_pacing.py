"""Pacing of a campaign: rates, quiet hours, backoff, and the share of failures at which it stops."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from smsgate.errors import ConfigurationError

_MINUTE = 60.0
_MOST_CONCURRENT = 1000
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_LONGEST_RETRY_AFTER = 3600.0
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of the day in which nothing is sent, by the clock of a time zone.

    Args:
        start: begin; inclusive.
        end: end; exclusive. Earlier than ``start`` means the next day.
        zone: name of the time zone, such as ``Europe/Berlin``.

    Raises:
        ConfigurationError: no such zone, or no time between begin and end.

    Example:
        >>> QuietHours.parse("21:00-08:00", "Europe/Berlin").start
        datetime.time(21, 0)
    """

    start: time
    end: time
    zone: str
    _info: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.start, time) or not isinstance(self.end, time) or self.start == self.end:
            raise ConfigurationError("quiet hours take two different times of the day")
        if self.start.tzinfo or self.end.tzinfo:
            raise ConfigurationError("quiet hours take times without a time zone, and the zone's name")
        try:
            info = ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            raise ConfigurationError(f"{self.zone!r} is no time zone such as 'Europe/Berlin'") from None
        object.__setattr__(self, "_info", info)

    @classmethod
    def parse(cls, text: str, zone: str) -> QuietHours:
        """Read hours such as ``21:00-08:00``.

        Raises:
            ConfigurationError: for another text or zone.
        """
        try:
            start, end = (time.fromisoformat(part.strip()) for part in text.split("-"))
        except (AttributeError, ValueError):
            raise ConfigurationError("quiet hours are written like 21:00-08:00") from None
        return cls(start, end, zone)

    def end_after(self, now: datetime) -> datetime | None:
        """Return when the quiet hours end, in UTC; None outside of them.

        Args:
            now: aware.
        """
        today = now.astimezone(self._info).date()
        for day in (today, today - _DAY):
            begin = min(self._times(day, self.start))
            end = max(self._times(day if self.start < self.end else day + _DAY, self.end))
            if begin <= now < end:
                return end
        return None

    def _times(self, day: date, clock: time) -> list[datetime]:
        """Return when a clock shows a time: two times where it goes back, the times around it where it goes forward."""
        local = datetime.combine(day, clock, self._info)
        return [local.replace(fold=fold).astimezone(timezone.utc) for fold in (0, 1)]


@dataclass(frozen=True, slots=True)
class Pacing:
    """Speed of a campaign.

    Args:
        per_minute: rows a minute in all; None for no limit but the gateway's and the phones' own.
        per_device: rows a minute for each phone.
        quiet: hours in which no row is sent.
        concurrency: rows that are sent at once, 1 to 1,000.
        max_failures: share of refused rows, 0 to 1, at which the campaign stops (from 20 rows on); 1 never stops it.
        give_up_after: seconds after which the campaign ends when the gateway cannot be reached.

    Raises:
        ConfigurationError: for values that could never work.
    """

    per_minute: float | None = None
    per_device: float | None = None
    quiet: QuietHours | None = None
    concurrency: int = 8
    max_failures: float = 0.1
    give_up_after: float = 300.0

    def __post_init__(self) -> None:
        for name in ("per_minute", "per_device"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value > 0):
                raise ConfigurationError(f"{name} takes a number of rows a minute, above 0")
        if self.quiet is not None and not isinstance(self.quiet, QuietHours):
            raise ConfigurationError("quiet takes QuietHours")
        whole = isinstance(self.concurrency, int) and not isinstance(self.concurrency, bool)
        if not whole or not 1 <= self.concurrency <= _MOST_CONCURRENT:
            raise ConfigurationError(f"concurrency takes a whole number from 1 to {_MOST_CONCURRENT}")
        if not _is_number(self.max_failures) or not 0 <= self.max_failures <= 1:
            raise ConfigurationError("max_failures takes a share from 0 to 1")
        if not _is_number(self.give_up_after) or self.give_up_after < 0:
            raise ConfigurationError("give_up_after takes a number of seconds")

    @property
    def has_limits(self) -> bool:
        """Whether rows have to wait for their time."""
        return self.per_minute is not None or self.per_device is not None


class RateLimit:
    """Even rate of starts: a token bucket that holds one token.

    A start that was late by less than an interval does not delay those after it.

    Args:
        per_minute: starts a minute; None for no limit.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._interval = 0.0 if per_minute is None else _MINUTE / per_minute
        self._next = -math.inf

    def wait(self, now: float) -> float:
        """Return the seconds until the next start."""
        return max(0.0, self._next - now)

    def start(self, now: float) -> None:
        """Note a start."""
        late = now - self._next
        self._next = (self._next if late < self._interval else now) + self._interval


class Backoff:
    """Growing pauses after failures in succession.

    Args:
        tolerated: failures in succession that cause no pause.

    Attributes:
        until: end of the pause.
        since: the first of the failures; None after a success.
    """

    def __init__(self, tolerated: int = 0) -> None:
        self.until = -math.inf
        self.since: float | None = None
        self._tolerated = tolerated
        self._failures = 0
        self._pauses = 0
        self._is_probing = False

    def wait(self, now: float) -> float:
        """Return the seconds until the pause is over."""
        return max(0.0, self.until - now)

    def fail(self, now: float, retry_after: float | None = None) -> None:
        """Note a failure; those of attempts that began before a pause do not lengthen it."""
        if self.since is None:
            self.since = now
        if self._is_probing:
            self._is_probing, self.until = False, now
        self._failures += 1
        if self._failures > self._tolerated and now >= self.until:
            self.until = now + growing_pause(self._pauses)
            self._pauses += 1
        if retry_after is not None and retry_after >= 0:
            self.until = max(self.until, now + min(retry_after, _LONGEST_RETRY_AFTER))

    def succeed(self) -> None:
        """Note a success: the next pause is short again."""
        self.since = None
        self._failures = self._pauses = 0
        if self._is_probing:
            self._is_probing, self.until = False, -math.inf

    def start(self, now: float) -> None:
        """Note an attempt: the first one after a pause goes ahead of the others, which wait a second for its result."""
        if self._pauses:
            self._is_probing, self.until = True, now + _FIRST_PAUSE


class Pacer:
    """Times at which rows may start.

    Args:
        pacing: the limits.

    Attributes:
        limited: pauses after responses that tell to send slower.
        trouble: pauses while the gateway cannot be reached or fails.
    """

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing
        self._all = RateLimit(pacing.per_minute)
        self._devices: dict[str | None, RateLimit] = {}
        self._full: dict[str | None, Backoff] = {}
        self.limited = Backoff()
        self.trouble = Backoff(pacing.concurrency)

    def wait_of_all(self, now: float, wall: datetime) -> float:
        """Return the seconds in which no row may start.

        Args:
            now: on a clock that never jumps.
            wall: the time of day, aware.
        """
        quiet_until = self.quiet_until(wall)
        quiet = 0.0 if quiet_until is None else (quiet_until - wall).total_seconds()
        return max(quiet, self._all.wait(now), self.pause(now))

    def pause(self, now: float) -> float:
        """Return the seconds for which the gateway is left alone."""
        return max(self.limited.wait(now), self.trouble.wait(now))

    def quiet_until(self, wall: datetime) -> datetime | None:
        """Return the end of the quiet hours, None outside of them."""
        return self._pacing.quiet.end_after(wall) if self._pacing.quiet else None

    def wait_of(self, device: str | None, now: float) -> float:
        """Return the seconds in which no row of a phone may start."""
        return max(self._limit(device).wait(now), self.full(device).wait(now))

    def start(self, device: str | None, now: float) -> None:
        """Note that a row of a phone starts."""
        self._all.start(now)
        self._limit(device).start(now)

    def attempt(self, device: str | None, now: float) -> None:
        """Note that a row of a phone is attempted."""
        for backoff in (self.limited, self.trouble, self.full(device)):
            backoff.start(now)

    def full(self, device: str | None) -> Backoff:
        """Return the pauses of a phone whose queue is full."""
        return self._full.setdefault(device, Backoff())

    def _limit(self, device: str | None) -> RateLimit:
        if device not in self._devices:
            self._devices[device] = RateLimit(self._pacing.per_device)
        return self._devices[device]


def growing_pause(count: int) -> float:
    """Return the seconds to pause after a number of pauses in succession: 1, 2, 4 … 60."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(count, 10))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
