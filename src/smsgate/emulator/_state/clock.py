"""Clock of a gateway: a base clock and an offset that tests advance."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smsgate.emulator._http.timestamps import Clock

_MAX_OFFSET = timedelta(days=36_525)


class AdvancingClock:
    """Time of a base clock plus an offset."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self.offset: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        """Return the time."""
        return self._base() + self.offset

    def advance(self, seconds: float) -> None:
        """Increase the offset.

        Raises:
            ValueError: for negative seconds, or an offset over 100 years.
        """
        if not 0 <= seconds <= _MAX_OFFSET.total_seconds():
            raise ValueError("A clock advances by a number of seconds, from 0 to 100 years.")
        offset = self.offset + timedelta(seconds=seconds)
        if offset > _MAX_OFFSET:
            raise ValueError("A clock can be 100 years ahead at most.")
        self.offset = offset
