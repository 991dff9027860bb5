"""Emulated phone: sends due messages over an emulated radio and reports their states.

It needs no thread: `Phone.act` catches up with everything that is due by a time, in the order of time.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from smsgate.emulator._phone.events import ZONE
from smsgate.emulator._phone.phone_numbers import send_error
from smsgate.emulator._state.messages import CANONICAL_STATES
from smsgate.emulator._state.phones import Change, Transmission
from smsgate.emulator._state.reports import apply_locally, apply_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.messages import Message
    from smsgate.emulator._state.state import GatewayState

FAILING_NUMBERS = {
    "9901": "Send result: RESULT_ERROR_NO_SERVICE (Failed because service is currently unavailable)",
    "9902": "Send result: RESULT_ERROR_GENERIC_FAILURE (Generic failure cause)",
}
"""Numbers that end like this fail instead of being sent, with this error."""

UNDELIVERED_ENDING = "9903"
"""Numbers that end like this are sent, and no delivery report ever comes."""

REJECTED_ENDING = "9904"
"""Numbers that end like this are sent, and then the network reports that it could not deliver."""

REJECTED_ERROR = "Delivery result: 64"


@dataclass(slots=True)
class _PhoneMessage:
    """The phone's own copy of a message: numbers as pulled, states as it reported them."""

    message: Message
    recipients: dict[str, tuple[str, str | None]]
    states: dict[str, datetime]
    cancelled: bool = False


def state_of(states: Iterable[str]) -> str:
    """Return a message's state from its recipients' states, as the app computes it."""
    found = set(states)
    for state in ("Pending", "Cancelling", "Cancelled", "Processed"):
        if state in found:
            return state
    return found.pop() if found in ({"Failed"}, {"Delivered"}) else "Sent"


@dataclass(slots=True)
class Phone:
    """One emulated phone. Due messages go by priority, then newest first (LIFO)."""

    state: GatewayState
    device: Device
    _coming: list[tuple[datetime, int, _PhoneMessage]] = field(
        default_factory=list[tuple[datetime, int, _PhoneMessage]]
    )
    _due: list[tuple[int, int, _PhoneMessage]] = field(default_factory=list[tuple[int, int, _PhoneMessage]])
    _results: list[tuple[datetime, int, _PhoneMessage, list[Change]]] = field(
        default_factory=list[tuple[datetime, int, _PhoneMessage, list[Change]]]
    )
    _held: dict[int, _PhoneMessage] = field(default_factory=dict[int, _PhoneMessage])
    _free_at: datetime | None = None
    _count: int = 0

    def __repr__(self) -> str:
        return f"Phone({self.device.id!r})"

    def notice(self, message: Message) -> None:
        """Queue a new message."""
        known = {} if self.state.local else {"Pending": message.created_at}
        entry = _PhoneMessage(message, dict.fromkeys(message.numbers, ("Pending", None)), known)
        ready = message.created_at + timedelta(seconds=self.state.timings.processed)
        if message.schedule_at:
            ready = max(ready, message.schedule_at)
        self._held[message.serial] = entry
        heapq.heappush(self._coming, (ready, message.serial, entry))

    def notice_cancel(self, message: Message, time: datetime) -> None:
        """Cancel a waiting message."""
        entry = self._held[message.serial]
        entry.cancelled = True
        changes: list[Change] = [(number, "Cancelled", None) for number in entry.recipients]
        self._later(time + timedelta(seconds=self.state.timings.processed), entry, changes)

    def report(self, message: Message, reports: Sequence[Mapping[str, Any]], time: datetime) -> None:
        """Call webhooks about states that a test reports for this phone, once for each state."""
        known = self._held[message.serial].recipients
        for item in reports:
            number: str = item["phoneNumber"]
            reported: str = item["state"]
            state = CANONICAL_STATES.get(reported.lower(), reported)
            error: str | None = item.get("error")
            if known.get(number) == (state, error):
                continue
            if number in known:
                known[number] = (state, error)
            self.state.events.status_changed(self.device, message, (number, state, error), time)

    def forget(self) -> None:
        """Stop permanently: the device was removed from the account."""
        self._coming.clear()
        self._due.clear()
        self._results.clear()
        self._held.clear()

    def rest_until(self, time: datetime) -> None:
        """Send no messages before this time."""
        self._free_at = max(self._free_at or time, time)

    def act(self, now: datetime) -> None:
        """Execute everything that is due, unless the device is switched off."""
        if not self.device.active:
            return
        self.device.last_seen = max(
            self.device.last_seen, now.astimezone(timezone.utc).replace(second=0, microsecond=0)
        )
        while True:
            pick_at = self._next_pick()
            result_at = self._results[0][0] if self._results else None
            if result_at and result_at <= now and (pick_at is None or result_at <= pick_at):
                time, _, entry, changes = heapq.heappop(self._results)
                self._change(entry, changes, time)
            elif pick_at and pick_at <= now:
                self._pick(pick_at)
            else:
                return

    def _next_pick(self) -> datetime | None:
        if self._due:
            return self._free_at
        if not self._coming:
            return None
        ready = self._coming[0][0]
        return max(ready, self._free_at) if self._free_at else ready

    def _pick(self, time: datetime) -> None:
        self._free_at = time
        while self._coming and self._coming[0][0] <= time:
            _, serial, entry = heapq.heappop(self._coming)
            order = serial if self._oldest_first() else -serial
            heapq.heappush(self._due, (-entry.message.priority, order, entry))
        entry = heapq.heappop(self._due)[2]
        if entry.cancelled or entry.message.state != "Pending" or entry.message not in self.state.store:
            return
        self._send(entry, time)
        self._free_at = time + timedelta(seconds=self.state.timings.pace)

    def _oldest_first(self) -> bool:
        messages: dict[str, Any] = self.state.settings.get("messages") or {}
        return self.state.local and messages.get("processing_order") == "FIFO"

    def _send(self, entry: _PhoneMessage, time: datetime) -> None:
        message = entry.message
        if message.valid_until and message.valid_until <= time:
            self._fail(entry, "TTL expired", time)
            return
        if not self.device.has_sim(message.sim_number):
            self._fail(entry, f"Can't send message: SIM {message.sim_number} not found", time)
            return
        errors = {number: self._send_error(message, number) for number in entry.recipients}
        handed = [number for number, error in errors.items() if error is None]
        for number in handed:
            self.state.radio.append(Transmission(message.id, self.device.id, number, time))
        changes: list[Change] = [(number, "Processed", None) for number in handed]
        changes += [(number, "Failed", error) for number, error in errors.items() if error]
        self._change(entry, changes, time)
        self._schedule_results(entry, handed, time)

    def _schedule_results(self, entry: _PhoneMessage, numbers: list[str], time: datetime) -> None:
        timings = self.state.timings
        sent: list[Change] = []
        delivered: list[Change] = []
        for number in numbers:
            error = FAILING_NUMBERS.get(number[-4:])
            sent.append((number, "Failed", error) if error else (number, "Sent", None))
            if error or not entry.message.with_delivery_report or number.endswith(UNDELIVERED_ENDING):
                continue
            rejected = number.endswith(REJECTED_ENDING)
            delivered.append((number, "Failed", REJECTED_ERROR) if rejected else (number, "Delivered", None))
        self._later(time + timedelta(seconds=timings.sent - timings.processed), entry, sent)
        self._later(time + timedelta(seconds=timings.delivered - timings.processed), entry, delivered)

    def _send_error(self, message: Message, number: str) -> str | None:
        checked = self.state.local and not message.skip_phone_validation and not message.is_encrypted
        return send_error(number) if checked else None

    def _fail(self, entry: _PhoneMessage, error: str, time: datetime) -> None:
        self._change(entry, [(number, "Failed", error) for number in entry.recipients], time)

    def _later(self, time: datetime, entry: _PhoneMessage, changes: list[Change]) -> None:
        if changes:
            self._count += 1
            heapq.heappush(self._results, (time, self._count, entry, changes))

    def _change(self, entry: _PhoneMessage, changes: list[Change], time: datetime) -> None:
        for change in changes:
            number, reached, error = change
            entry.recipients[number] = (reached, error)
            self.state.events.status_changed(self.device, entry.message, change, time)
        state = state_of(state for state, _ in entry.recipients.values())
        entry.states.setdefault(state, time)
        if self.state.local:
            apply_locally(self.state, entry.message, entry.recipients, state, entry.states)
            return
        report = {
            "id": entry.message.id,
            "state": state,
            "recipients": [
                {"phoneNumber": number, "state": reached, **({"error": error} if error else {})}
                for number, (reached, error) in entry.recipients.items()
            ],
            "states": {name: _on_the_phone(at) for name, at in entry.states.items()},
        }
        apply_report(self.state, self.device, report, time)


def _on_the_phone(time: datetime) -> datetime:
    local = time.astimezone(ZONE)
    return local.replace(microsecond=local.microsecond // 1000 * 1000)
