"""Order and time in which the app sends its waiting messages: priority, work hours, limit, and pauses."""

from __future__ import annotations

import heapq
from collections import deque
from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from smsgate.phone._settings import LONGEST_PERIOD, PhoneSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from smsgate.phone._outgoing import StoredMessage

URGENT = 100
"""Priority from which a message ignores work hours, and the limit and pauses if the one before it had a lower one."""

_UNCOUNTED = {"Failed", "Cancelled"}
_AFTER_LIMIT = timedelta(seconds=1)


class SendQueue:
    """Queue of the app's only worker.

    `step` carries out one step of the worker at the time that `next_step` names, and returns the message whose turn it
    is; the caller sends it and says so with `record_sent`.

    A run of the worker lasts until nothing is due. A newly pulled message starts the worker anew: the limit is checked
    afresh, and a pause of the app (not the handset's own) is lost.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._settings: PhoneSettings = PhoneSettings()
        self._is_oldest_first: bool = False
        self._coming: list[tuple[datetime, int, bool, StoredMessage]] = []
        self._due: list[tuple[int, float, int, StoredMessage]] = []
        self._sent: deque[tuple[datetime, StoredMessage]] = deque()
        self._at: datetime | None = None
        self._asleep_until: datetime | None = None
        self._paused_until: datetime | None = None
        self._limited_until: datetime | None = None
        self._busy_until: datetime | None = None
        self._last_priority: int | None = None

    def __iter__(self) -> Iterator[StoredMessage]:
        """Iterate over the messages that still have somebody to go to, in no particular order."""
        yield from (item[-1] for item in self._coming if item[-1].pending)
        yield from (item[-1] for item in self._due if item[-1].pending)

    def add(self, stored: StoredMessage, ready: datetime) -> None:
        """Queue a message that may be sent from a time on, or from its own schedule."""
        schedule = stored.message.schedule_at
        is_scheduled = schedule is not None and schedule > ready
        time = schedule if schedule is not None and is_scheduled else ready
        heapq.heappush(self._coming, (time, stored.row, not is_scheduled, stored))

    def clear(self) -> None:
        """Forget all messages."""
        self._coming.clear()
        self._due.clear()

    def rest_until(self, time: datetime) -> None:
        """Send nothing before a time."""
        self._busy_until = max(self._busy_until or time, time)

    def configure(self, settings: PhoneSettings, *, oldest_first: bool, now: datetime) -> None:
        """Follow changed settings from now on."""
        is_same = settings is self._settings or settings == self._settings
        if is_same and oldest_first == self._is_oldest_first:
            return
        self._settings, self._is_oldest_first = settings, oldest_first
        self._due = [self._ranked(item[-1]) for item in self._due]
        heapq.heapify(self._due)
        self._asleep_until = self._limited_until = None
        if self._due:
            self.rest_until(now)

    def next_step(self) -> datetime | None:
        """Return the time of the worker's next step; None while there is nothing to send."""
        arrival = self._coming[0][0] if self._coming else None
        if not self._due:
            time = arrival
        elif self._asleep_until is None:
            time = self._at
        else:
            time = min(self._asleep_until, arrival) if arrival else self._asleep_until
        if time and self._busy_until:
            return max(time, self._busy_until)
        return time

    def step(self, time: datetime) -> StoredMessage | None:
        """Carry out the step of a time, and return the message whose turn it is, if any."""
        if not self._due and (self._paused_until is None or time >= self._paused_until):
            self._last_priority = None
        self._at = time
        self._take_arrivals(time)
        if not self._due:
            return None
        stored = self._due[0][-1]
        wakes = self._wakes_at(stored, time) if stored.pending else None
        if wakes and wakes > time:
            self._asleep_until = wakes
            return None
        self._asleep_until = None
        heapq.heappop(self._due)
        if not stored.pending:
            return None
        self._last_priority = stored.message.priority
        return stored

    def record_sent(self, stored: StoredMessage, time: datetime, *, pause: float, busy: float) -> None:
        """Record that a message was handed over: the app then pauses, and the handset is busy, for some seconds."""
        self._sent.append((time, stored))
        while self._sent[0][0] <= time - LONGEST_PERIOD:
            self._sent.popleft()
        self._paused_until = time + timedelta(seconds=pause) if pause else None
        if busy:
            self.rest_until(time + timedelta(seconds=busy))

    def _take_arrivals(self, time: datetime) -> None:
        while self._coming and self._coming[0][0] <= time:
            _, _, is_new, stored = heapq.heappop(self._coming)
            heapq.heappush(self._due, self._ranked(stored))
            if is_new:
                self._paused_until = self._limited_until = self._last_priority = None

    def _ranked(self, stored: StoredMessage) -> tuple[int, float, int, StoredMessage]:
        sign = 1 if self._is_oldest_first else -1
        created = stored.message.created_at.timestamp()
        return (-stored.message.priority, sign * created, sign * stored.row, stored)

    def _wakes_at(self, stored: StoredMessage, time: datetime) -> datetime | None:
        """Return until when the worker must sleep before this message, if it must."""
        priority = stored.message.priority
        if priority < URGENT:
            opening = self._settings.opening_after(time, self._zone)
            if opening:
                return opening
        elif self._last_priority is None or self._last_priority < priority:
            return None
        if self._paused_until and self._paused_until > time:
            return self._paused_until
        if self._limited_until is None or self._limited_until <= time:
            self._limited_until = self._limit(time)
        return self._limited_until

    def _limit(self, time: datetime) -> datetime | None:
        """Return when to look again at the limit of messages in a period: one period after the last one."""
        limit, period = self._settings.limit_value, self._settings.limit_period
        if not limit or limit < 0 or period is None:
            return None
        recent = takewhile(lambda item: item[0] > time - period, reversed(self._sent))
        counted = [at for at, stored in recent if stored.state not in _UNCOUNTED]
        return counted[0] + period + _AFTER_LIMIT if len(counted) >= limit else None
