"""Queue of webhook deliveries: one for each matching webhook, retried until it succeeds.

The queue decides what is due by the gateway's clock, and `WebhookSender` sends it. A test may send by itself::

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
from smsgate.emulator._phone import events
from smsgate.emulator._state.messages import count_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.messages import Message
    from smsgate.emulator._state.phones import Change
    from smsgate.emulator._state.state import GatewayState
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
    """Delivery of one event to one webhook.

    Attributes:
        id: the envelope's id, the same in every attempt.
        url: as registered.
        due: time of the next attempt.
        attempts: number of attempts so far.
        state: ``waiting``, ``delivered`` or ``dropped``.
        statuses: statuses of the responses; None for no response.
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
    """Queue of deliveries. It is not thread-safe; the gateway holds its lock around every use."""

    def __init__(self, state: GatewayState) -> None:
        self._state = state
        self.misbehaviour: Misbehaviour = Misbehaviour()
        self.waiting: list[Delivery] = []
        self.finished: deque[Delivery] = deque(maxlen=_KEPT)

    def emit(self, event: str, device: Device, payload: dict[str, Any]) -> None:
        """Queue an event for every webhook that is registered for it."""
        for hook in self._state.webhooks.values():
            if hook["event"] == event and hook.get("deviceId") in {None, device.id}:
                for _ in range(2 if self._state.chance.random() < self.misbehaviour.twin else 1):
                    self._add(event, device, hook, payload)

    def _add(self, event: str, device: Device, hook: dict[str, Any], payload: dict[str, Any]) -> None:
        identity = self._state.new_delivery_id()
        envelope = {
            "deviceId": device.id,
            "event": event,
            "id": identity,
            "payload": payload,
            "webhookId": hook["id"],
        }
        content = events.body(envelope)
        self.waiting.append(Delivery(identity, hook["id"], event, device.id, hook["url"], content, self._state.now()))

    def status_changed(self, device: Device, message: Message, change: Change, time: datetime) -> None:
        """Report the state of a message for one recipient; a delivery is reported once for each part."""
        state = change[1]
        event = events.STATUS_EVENTS.get(state)
        if event is None:
            return
        payload = events.status_payload(device, message, change, time)
        for _ in range(count_parts(message) if state == "Delivered" else 1):
            self.emit(event, device, payload)

    def due(self, now: datetime) -> list[Delivery]:
        """Return the attempts that are due, in order."""
        found = [item for item in self.waiting if item.due <= now]
        if self.misbehaviour.shuffle:
            self._state.chance.shuffle(found)
        else:
            found.sort(key=lambda item: item.due)
        return found

    def attempt(self, item: Delivery, now: datetime) -> Attempt:
        """Build the request of an attempt; unless `settle` is called, another one follows in five minutes."""
        item.due = now + _STUCK
        device = self._state.device(item.device_id)
        timestamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"me.capcom.smsgateway/{events.APP_VERSION}",
            "X-Timestamp": timestamp,
            "X-Signature": webhooks.sign(item.body, timestamp, self._state.signing_key(device)),
        }
        return Attempt(item, item.url, headers, item.body)

    def settle(self, item: Delivery, status: int | None, now: datetime) -> None:
        """Record the result of an attempt."""
        item.attempts += 1
        item.statuses.append(status)
        if status is not None and _FIRST_SUCCESS <= status <= _LAST_SUCCESS:
            forgotten = self._state.chance.random() < self.misbehaviour.repeat
            item.state, item.due = ("waiting" if forgotten else "delivered"), now
        elif item.attempts > self._retries():
            item.state = "dropped"
        else:
            item.due = now + timedelta(seconds=FIRST_WAIT * 2 ** (item.attempts - 1))
        if item.state != "waiting" and item in self.waiting:
            self.waiting.remove(item)
            self.finished.append(item)

    def clear(self) -> None:
        """Forget all deliveries, also the misbehaviour."""
        self.misbehaviour = Misbehaviour()
        self.waiting.clear()
        self.finished.clear()

    def _retries(self) -> int:
        settings: dict[str, Any] = self._state.settings.get("webhooks") or {}
        wanted = settings.get("retry_count")
        return max(wanted, 1) if isinstance(wanted, int) else RETRIES


class Deliveries:
    """Test controls of the deliveries, as `Gateway.deliveries`."""

    def __init__(self, queue: DeliveryQueue, state: GatewayState, lock: ForkSafeLock) -> None:
        self._queue = queue
        self._state = state
        self._lock = lock

    def __repr__(self) -> str:
        return f"Deliveries(waiting={len(self.waiting)})"

    @property
    def misbehaviour(self) -> Misbehaviour:
        """Misbehaviour of the phones: change its fields."""
        return self._queue.misbehaviour

    @property
    def all(self) -> list[Delivery]:
        """Copies of all deliveries, the finished ones (the last 10,000) first, after everything due has happened."""
        with self._lock:
            self._state.settle()
            items = [*self._queue.finished, *self._queue.waiting]
            return [replace(item, statuses=list(item.statuses)) for item in items]

    @property
    def waiting(self) -> list[Delivery]:
        """Copies of the deliveries that are neither delivered nor dropped."""
        return [item for item in self.all if item.state == "waiting"]

    def due(self, limit: int = 20) -> list[Attempt]:
        """Return the due attempts up to a limit; call `settle` for each."""
        with self._lock:
            self._state.settle()
            now = self._state.now()
            return [self._queue.attempt(item, now) for item in self._queue.due(now)[:limit]]

    def settle(self, attempt: Attempt, status: int | None) -> None:
        """Record the status of an attempt: 200 to 299 is success, anything else and None (no response) is not."""
        with self._lock:
            self._queue.settle(attempt.delivery, status, self._state.now())

    def ping(self, device_id: str | None = None) -> None:
        """Make a phone send ``system:ping``, by default the first one."""
        with self._lock:
            self._queue.emit("system:ping", self._device(device_id), events.ping_payload())

    def app_started(self, device_id: str | None = None) -> None:
        """Make a phone send ``app:started``, by default the first one."""
        with self._lock:
            device = self._device(device_id)
            self._queue.emit("app:started", device, events.started_payload(device))

    def _device(self, device_id: str | None) -> Device:
        return self._state.some_device(device_id)
