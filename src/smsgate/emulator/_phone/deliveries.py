"""Test controls of the webhook deliveries: they are due by the gateway's clock, and `WebhookSender` sends them.

A test may send by itself::

    for attempt in gateway.deliveries.due():
        response = client.post(attempt.url, content=attempt.body, headers=attempt.headers)
        gateway.deliveries.settle(attempt, response.status_code)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smsgate.phone import Attempt, AttemptRecord, Delivery, DeliveryQueue, Misbehaviour, PhoneSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smsgate.emulator._state.state import GatewayState
    from smsgate.runtime.locks import ForkSafeLock


class Deliveries:
    """Webhook deliveries of all phones, as `Gateway.deliveries`."""

    def __init__(self, queue: DeliveryQueue, state: GatewayState, lock: ForkSafeLock) -> None:
        self._queue = queue
        self._state = state
        self._lock = lock

    def __repr__(self) -> str:
        return f"Deliveries(waiting={len(self.waiting)})"

    @property
    def misbehaviour(self) -> Misbehaviour:
        """Misbehaviour of the phones: change its fields."""
        with self._lock:
            self._state.settle()  # before the caller changes a field
            return self._queue.misbehaviour

    @property
    def all(self) -> list[Delivery]:
        """Copies of all deliveries, the finished ones (the last 10,000) first, after everything due has happened."""
        with self._lock:
            self._state.settle()
            return _copies([*self._queue.finished, *self._queue.waiting])

    @property
    def waiting(self) -> list[Delivery]:
        """Copies of the deliveries that are neither delivered nor dropped."""
        with self._lock:
            self._state.settle()
            return _copies(self._queue.waiting)

    def find(self, delivery_id: str) -> Delivery | None:
        """Return a copy of the delivery with an envelope id."""
        with self._lock:
            self._state.settle()
            item = self._queue.find(delivery_id)
            return None if item is None else _copies([item])[0]

    def due(self, limit: int = 20) -> list[Attempt]:
        """Return the due attempts of phones with a network, up to a limit; call `settle` for each."""
        with self._lock:
            is_told = any(phone.knows_webhooks for phone in self._state.phones.values())
            if self._queue.next_due() is None and not is_told:
                return []  # whatever the phones do
            self._state.settle()
            now = self._state.now()
            found = self._queue.due(now, limit, may_send=self._may_send)
            return [self._queue.attempt(item, now, self._state.signing_key(item.device_id)) for item in found]

    def settle(
        self,
        attempt: Attempt,
        status: int | None,
        *,
        error: str | None = None,
        duration: float = 0.0,
        response_headers: Sequence[tuple[str, str]] = (),
        response_body: bytes = b"",
    ) -> None:
        """Record the result of an attempt: 200 to 299 is success, anything else and None (no response) is not.

        Args:
            attempt: as `due` returned it.
            status: status of the response.
            error: why there was no response.
            duration: seconds that it took.
            response_headers: headers of the response, for `Delivery.log`.
            response_body: beginning of its body, for `Delivery.log`.
        """
        with self._lock:
            record = AttemptRecord(
                self._state.now(), status, error, duration, attempt.headers, response_headers, response_body
            )
            phone = self._state.phones.get(attempt.delivery.device_id)
            retries = phone.retry_count if phone else PhoneSettings().retry_count
            self._queue.settle(attempt.delivery, record, retries)

    def redeliver(self, delivery_id: str) -> None:
        """Make a delivery due now, whatever became of it; its retries start anew.

        Raises:
            ValueError: there is no such delivery.
        """
        with self._lock:
            item = self._queue.find(delivery_id)
            if item is None:
                raise ValueError("There is no delivery with this id.")
            self._queue.redeliver(item, self._state.now())

    def ping(self, device_id: str | None = None) -> None:
        """Make a phone send ``system:ping``, by default the first one."""
        with self._lock:
            self._state.settle()
            self._state.phones[self._state.some_device(device_id).id].ping()

    def app_started(self, device_id: str | None = None) -> None:
        """Make a phone start its app anew, by default the first one: ``app:started``, and pings if they are set."""
        with self._lock:
            self._state.settle()
            self._state.phones[self._state.some_device(device_id).id].start()

    def _may_send(self, item: Delivery) -> bool:
        phone = self._state.phones.get(item.device_id)
        return phone is None or phone.can_deliver


def _copies(items: Iterable[Delivery]) -> list[Delivery]:
    return [replace(item, statuses=list(item.statuses), log=list(item.log)) for item in items]
