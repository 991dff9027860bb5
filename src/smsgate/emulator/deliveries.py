"""What the phones have to tell receivers: one delivery for each matching webhook, tried until it succeeds.

The queue only knows what is due by the gateway's clock; `Deliverer` is what really sends. A test may do that itself::

    for attempt in gateway.deliveries.due():
        response = client.post(attempt.url, content=attempt.body, headers=attempt.headers)
        gateway.deliveries.settle(attempt, response.status_code)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from smsgate import webhooks
from smsgate.emulator import events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smsgate.emulator.books import Books
    from smsgate.emulator.devices import Device
    from smsgate.emulator.messages import Message
    from smsgate.runtime.locks import ForkSafeLock

FIRST_WAIT = 5.0
"""Seconds before the first repetition; every further wait is twice as long."""

RETRIES = 15
"""How often the app repeats a delivery unless its settings say otherwise."""

_STUCK = timedelta(minutes=5)
_KEPT = 10_000
_LAST_SUCCESS = 299
_FIRST_SUCCESS = 200


@dataclass(slots=True)
class Delivery:
    """One event on its way to one webhook.

    Attributes:
        id: the envelope's id, the same in every attempt.
        url: as registered.
        due: when the next attempt may be made.
        attempts: made so far.
        state: ``waiting``, ``delivered`` or ``dropped``.
        statuses: how the attempts were answered; None for no answer.
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


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to be sent by POST, signed at the moment of its making."""

    delivery: Delivery
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(slots=True)
class Habits:
    """How badly the phones behave; all of it was seen in the wild.

    Attributes:
        repeat: chance (0 to 1) that a delivery goes out again though it succeeded, as after a crash of the app.
        twin: chance that an event is delivered twice, under two envelope ids.
        shuffle: whether what is due goes out in any order.
    """

    repeat: float = 0.0
    twin: float = 0.0
    shuffle: bool = False


class DeliveryQueue:
    """The queue itself; not thread-safe, the gateway's lock is held around every use."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.habits = Habits()
        self.waiting: list[Delivery] = []
        self.finished: deque[Delivery] = deque(maxlen=_KEPT)

    def emit(self, event: str, device: Device, payload: dict[str, Any]) -> None:
        """Queue an event for every webhook that asks for it."""
        for hook in self._books.webhooks.values():
            if hook["event"] == event and hook.get("deviceId") in {None, device.id}:
                for _ in range(2 if self._books.chance.random() < self.habits.twin else 1):
                    self._add(event, device, hook, payload)

    def _add(self, event: str, device: Device, hook: dict[str, Any], payload: dict[str, Any]) -> None:
        identity = self._books.new_delivery_id()
        envelope = {
            "deviceId": device.id,
            "event": event,
            "id": identity,
            "payload": payload,
            "webhookId": hook["id"],
        }
        content = events.body(envelope)
        self.waiting.append(Delivery(identity, hook["id"], event, device.id, hook["url"], content, self._books.now()))

    def status_changed(self, device: Device, message: Message, change: events.Change, moment: datetime) -> None:
        """Report what became of a message for one recipient; delivery comes once for each of its parts."""
        state = change[1]
        event = events.STATUS_EVENTS.get(state)
        if event is None:
            return
        payload = events.status_payload(device, message, change, moment)
        for _ in range(events.parts_of(message) if state == "Delivered" else 1):
            self.emit(event, device, payload)

    def due(self, now: datetime) -> list[Delivery]:
        """Return what is to be sent now, in order."""
        found = [item for item in self.waiting if item.due <= now]
        if self.habits.shuffle:
            self._books.chance.shuffle(found)
        else:
            found.sort(key=lambda item: item.due)
        return found

    def attempt(self, item: Delivery, now: datetime) -> Attempt:
        """Make the request of an attempt; unless it is settled, another one follows in five minutes."""
        item.due = now + _STUCK
        device = self._books.device(item.device_id)
        timestamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"me.capcom.smsgateway/{events.APP_VERSION}",
            "X-Timestamp": timestamp,
            "X-Signature": webhooks.sign(item.body, timestamp, self._books.signing_key(device)),
        }
        return Attempt(item, item.url, headers, item.body)

    def settle(self, item: Delivery, status: int | None, now: datetime) -> None:
        """Note how an attempt went."""
        item.attempts += 1
        item.statuses.append(status)
        if status is not None and _FIRST_SUCCESS <= status <= _LAST_SUCCESS:
            forgotten = self._books.chance.random() < self.habits.repeat
            item.state, item.due = ("waiting" if forgotten else "delivered"), now
        elif item.attempts > self._retries():
            item.state = "dropped"
        else:
            item.due = now + timedelta(seconds=FIRST_WAIT * 2 ** (item.attempts - 1))
        if item.state != "waiting" and item in self.waiting:
            self.waiting.remove(item)
            self.finished.append(item)

    def _retries(self) -> int:
        settings: dict[str, Any] = self._books.settings.get("webhooks") or {}
        wanted = settings.get("retry_count")
        return max(wanted, 1) if isinstance(wanted, int) else RETRIES


class Deliveries:
    """`Gateway.deliveries`: what is on its way, and handles for tests to turn."""

    def __init__(self, books: Books, lock: ForkSafeLock) -> None:
        self._books = books
        self._lock = lock

    def __repr__(self) -> str:
        return f"Deliveries(waiting={len(self.waiting)})"

    @property
    def habits(self) -> Habits:
        """How badly the phones behave: change its fields."""
        return self._books.deliveries.habits

    @property
    def all(self) -> list[Delivery]:
        """Copies of all deliveries, the finished ones (the last 10,000) first, after everything due has happened."""
        with self._lock:
            self._books.settle()
            items = [*self._books.deliveries.finished, *self._books.deliveries.waiting]
            return [replace(item, statuses=list(item.statuses)) for item in items]

    @property
    def waiting(self) -> list[Delivery]:
        """Copies of those that are neither delivered nor dropped."""
        return [item for item in self.all if item.state == "waiting"]

    def due(self, limit: int = 20) -> list[Attempt]:
        """Return the attempts to be made now, at most so many; `settle` each of them."""
        with self._lock:
            self._books.settle()
            now = self._books.now()
            return [self._books.deliveries.attempt(item, now) for item in self._books.deliveries.due(now)[:limit]]

    def settle(self, attempt: Attempt, status: int | None) -> None:
        """Say how an attempt was answered: 200 to 299 is success, anything else and None (no answer) is not."""
        with self._lock:
            self._books.deliveries.settle(attempt.delivery, status, self._books.now())

    def ping(self, device_id: str | None = None) -> None:
        """Let a phone send ``system:ping``, the first one unless told otherwise."""
        with self._lock:
            self._books.deliveries.emit("system:ping", self._device(device_id), events.ping_payload())

    def app_started(self, device_id: str | None = None) -> None:
        """Let a phone send ``app:started``, the first one unless told otherwise."""
        with self._lock:
            device = self._device(device_id)
            self._books.deliveries.emit("app:started", device, events.started_payload(device))

    def _device(self, device_id: str | None) -> Device:
        return self._books.some_device(device_id)
