"""Queue of webhook deliveries: one for each matching registration, retried until it succeeds."""

from __future__ import annotations

import heapq
import string
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from smsgate import webhooks
from smsgate.phone._events import APP_VERSION, write_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from random import Random

    from smsgate.phone._outgoing import Event

FIRST_WAIT = 5.0
"""Seconds before the first retry; every further wait is twice as long."""

KEPT_RESPONSE = 4096
"""Bytes of a response that are kept in an `AttemptRecord`."""

_ID_ALPHABET = string.ascii_letters + string.digits + "_-"
_STUCK = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(days=3650)
_LAST_DOUBLING = 30
_KEPT = 10_000
_LAST_SUCCESS = 299
_FIRST_SUCCESS = 200


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt of a delivery.

    Attributes:
        at: when it was settled.
        status: status of the response; None for no response.
        error: why there was no response.
        duration: seconds.
        response_body: its first 4 KiB.
    """

    at: datetime
    status: int | None
    error: str | None = None
    duration: float = 0.0
    request_headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    response_headers: Sequence[tuple[str, str]] = field(default=(), repr=False)
    response_body: bytes = field(default=b"", repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the app takes the delivery for done: any 2xx."""
        return self.status is not None and _FIRST_SUCCESS <= self.status <= _LAST_SUCCESS


@dataclass(slots=True)
class Delivery:
    """Delivery of one event to one webhook.

    Attributes:
        id: the envelope's id, the same in every attempt.
        url: as registered.
        due: time of the next attempt.
        created_at: time of the event.
        attempts: number of attempts so far.
        state: ``waiting``, ``delivered`` or ``dropped``.
        statuses: statuses of the responses; None for no response.
        log: the attempts so far.
    """

    id: str
    webhook_id: str
    event: str
    device_id: str
    url: str
    body: bytes = field(repr=False)
    due: datetime
    attempts: int = 0
    state: str = "waiting"
    statuses: list[int | None] = field(default_factory=list["int | None"])
    created_at: datetime = field(kw_only=True)
    log: list[AttemptRecord] = field(default_factory=list[AttemptRecord], kw_only=True)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Request to be sent by POST, signed when it is built."""

    delivery: Delivery
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(slots=True)
class Misbehaviour:
    """Misbehaviour that real phones have shown.

    Attributes:
        repeat: probability (0 to 1) that a successful delivery is repeated, as after a crash of the app.
        twin: probability that an event is delivered twice, with two envelope ids.
        shuffle: whether due deliveries are sent in random order.
    """

    repeat: float = 0.0
    twin: float = 0.0
    shuffle: bool = False


class DeliveryQueue:
    """Queue of the deliveries of one or several phones.

    Args:
        chance: source of ids and of misbehaviour.
        changed: called with each delivery that is new or has changed.
    """

    def __init__(self, chance: Random, changed: Callable[[Delivery], None]) -> None:
        self._chance = chance
        self._changed = changed
        self.misbehaviour: Misbehaviour = Misbehaviour()
        self._waiting: dict[str, Delivery] = {}
        self._finished: deque[Delivery] = deque(maxlen=_KEPT)
        self._schedule: list[tuple[datetime, int, Delivery]] = []
        self._count = 0

    @property
    def waiting(self) -> Iterable[Delivery]:
        """Deliveries that are neither delivered nor dropped, oldest first."""
        return self._waiting.values()

    @property
    def finished(self) -> Iterable[Delivery]:
        """The last 10,000 deliveries that ended, in the order of their ends."""
        return self._finished

    def emit(self, event: Event, device_id: str, hooks: Iterable[Mapping[str, Any]]) -> None:
        """Queue an event for every webhook that is registered for it, for all devices or for this one.

        Args:
            event: the event.
            device_id: the phone that it happened on.
            hooks: all registrations, in the form of ``GET /webhooks``.
        """
        for hook in hooks:
            if hook["event"] == event.name and hook.get("deviceId") in {None, device_id}:
                for _ in range(2 if self._chance.random() < self.misbehaviour.twin else 1):
                    self._add(event, device_id, hook)

    def _add(self, event: Event, device_id: str, hook: Mapping[str, Any]) -> None:
        identity = "".join(self._chance.choices(_ID_ALPHABET, k=21))
        envelope = {
            "deviceId": device_id,
            "event": event.name,
            "id": identity,
            "payload": event.payload,
            "webhookId": hook["id"],
        }
        content = write_body(envelope)
        item = Delivery(
            identity, hook["id"], event.name, device_id, hook["url"], content, event.at, created_at=event.at
        )
        self._waiting[identity] = item
        self._plan(item, event.at)

    def _plan(self, item: Delivery, due: datetime) -> None:
        item.due = due
        self._count += 1
        heapq.heappush(self._schedule, (due, self._count, item))
        self._changed(item)

    def next_due(self) -> datetime | None:
        """Return the time of the next attempt; None while nothing waits."""
        self._drop_stale()
        return self._schedule[0][0] if self._schedule else None

    def due(self, now: datetime, limit: int, *, may_send: Callable[[Delivery], bool]) -> list[Delivery]:
        """Return at most so many deliveries that are due, in order.

        Args:
            now: the current time.
            limit: most deliveries.
            may_send: whether the phone of a delivery has a network.
        """
        picked: list[tuple[datetime, int, Delivery]] = []
        others: list[tuple[datetime, int, Delivery]] = []
        shuffle = self.misbehaviour.shuffle
        self._drop_stale()
        while self._schedule and self._schedule[0][0] <= now and (shuffle or len(picked) < limit):
            entry = heapq.heappop(self._schedule)
            (picked if may_send(entry[2]) else others).append(entry)
            self._drop_stale()
        if shuffle:
            self._chance.shuffle(picked)
        for entry in [*others, *picked[limit:]]:
            heapq.heappush(self._schedule, entry)
        return [item for _, _, item in picked[:limit]]

    def _drop_stale(self) -> None:
        while self._schedule:
            due, _, item = self._schedule[0]
            if item.state == "waiting" and item.due == due:
                return
            heapq.heappop(self._schedule)

    def attempt(self, item: Delivery, now: datetime, signing_key: str) -> Attempt:
        """Build the request of an attempt; unless `settle` is called, another one follows in five minutes."""
        self._plan(item, now + _STUCK)
        timestamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"me.capcom.smsgateway/{APP_VERSION}",
            "X-Timestamp": timestamp,
            "X-Signature": webhooks.sign(item.body, timestamp, signing_key),
        }
        return Attempt(item, item.url, headers, item.body)

    def settle(self, item: Delivery, record: AttemptRecord, retries: int) -> None:
        """Record the result of an attempt, and plan a retry unless it succeeded or was the last one."""
        item.attempts += 1
        item.statuses.append(record.status)
        item.log.append(record)
        if item.state != "waiting":
            self._changed(item)
        elif record.is_success and self._chance.random() >= self.misbehaviour.repeat:
            self._finish(item, "delivered", record.at)
        elif record.is_success:
            self._plan(item, record.at)
        elif item.attempts > retries:
            self._finish(item, "dropped", record.at)
        else:
            self._plan(item, record.at + _wait(item.attempts))

    def _finish(self, item: Delivery, state: str, now: datetime) -> None:
        item.state, item.due = state, now
        self._waiting.pop(item.id, None)
        self._finished.append(item)
        self._changed(item)

    def find(self, delivery_id: str) -> Delivery | None:
        """Return the delivery with an envelope id."""
        waiting = self._waiting.get(delivery_id)
        return waiting or next((item for item in self._finished if item.id == delivery_id), None)

    def resume(self, item: Delivery) -> None:
        """Put a delivery back that was stored before a restart: its next attempt is at its ``due``, if it waits."""
        if item.state != "waiting":
            self._finished.append(item)
            return
        self._waiting[item.id] = item
        self._plan(item, item.due)

    def redeliver(self, item: Delivery, now: datetime) -> None:
        """Make another attempt of a delivery now, whatever became of it."""
        if item.state != "waiting":
            item.state, item.attempts = "waiting", 0
            self._finished.remove(item)
            self._waiting[item.id] = item
        self._plan(item, now)

    def clear(self) -> None:
        """Forget all deliveries, and the misbehaviour."""
        self.misbehaviour = Misbehaviour()
        self._waiting.clear()
        self._finished.clear()
        self._schedule.clear()


def _wait(attempts: int) -> timedelta:
    """Return the wait after so many attempts: five seconds, doubled each time; the app has no cap below ten years."""
    return min(timedelta(seconds=FIRST_WAIT * 2 ** min(attempts - 1, _LAST_DOUBLING)), _LONGEST_WAIT)
