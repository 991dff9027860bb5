"""The pretend phone: it takes due messages, hands them to a pretend radio and reports what became of them.

It needs no thread: `Phone.act` catches up with everything that is due by a moment, in the order of time.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from smsgate.emulator.events import ZONE, Change
from smsgate.emulator.messages import CANONICAL_STATES
from smsgate.emulator.phone_numbers import send_error
from smsgate.emulator.reports import apply_locally, apply_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smsgate.emulator.books import Books
    from smsgate.emulator.devices import Device
    from smsgate.emulator.messages import Message

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
class PhoneTimings:
    """How fast the phone is, in seconds after a message was accepted (or its scheduled time came).

    ``processed``, ``sent``, ``delivered``: when these states are reached. ``pace``: pause after each message.
    """

    processed: float = 0.2
    sent: float = 0.5
    delivered: float = 1.0
    pace: float = 0.0


@dataclass(frozen=True, slots=True)
class Transmission:
    """One text that a phone handed to its radio."""

    message_id: str
    device_id: str
    phone_number: str
    at: datetime

    def __repr__(self) -> str:
        return f"Transmission(message_id={self.message_id!r})"


@dataclass(slots=True)
class _Held:
    """The phone's own copy of a message: numbers as pulled, states as it knows them."""

    message: Message
    recipients: dict[str, tuple[str, str | None]]
    states: dict[str, datetime]
    cancelled: bool = False


def state_of(states: Iterable[str]) -> str:
    """A message's state from its recipients' states, as the app computes it."""
    found = set(states)
    for state in ("Pending", "Cancelling", "Cancelled", "Processed"):
        if state in found:
            return state
    return found.pop() if found in ({"Failed"}, {"Delivered"}) else "Sent"


@dataclass(slots=True)
class Phone:
    """One device at work. Due messages go by priority, then newest first (LIFO)."""

    books: Books
    device: Device
    _coming: list[tuple[datetime, int, _Held]] = field(default_factory=list[tuple[datetime, int, _Held]])
    _due: list[tuple[int, int, _Held]] = field(default_factory=list[tuple[int, int, _Held]])
    _results: list[tuple[datetime, int, _Held, list[Change]]] = field(
        default_factory=list[tuple[datetime, int, _Held, list[Change]]]
    )
    _held: dict[int, _Held] = field(default_factory=dict[int, _Held])
    _free_at: datetime | None = None
    _count: int = 0

    def __repr__(self) -> str:
        return f"Phone({self.device.id!r})"

    def notice(self, message: Message) -> None:
        """Take note of a new message."""
        known = {} if self.books.local else {"Pending": message.created_at}
        held = _Held(message, dict.fromkeys(message.numbers, ("Pending", None)), known)
        ready = message.created_at + timedelta(seconds=self.books.timings.processed)
        if message.schedule_at:
            ready = max(ready, message.schedule_at)
        self._held[message.serial] = held
        heapq.heappush(self._coming, (ready, message.serial, held))

    def notice_cancel(self, message: Message, moment: datetime) -> None:
        """Take note that a waiting message is no longer wanted."""
        held = self._held[message.serial]
        held.cancelled = True
        changes: list[Change] = [(number, "Cancelled", None) for number in held.recipients]
        self._later(moment + timedelta(seconds=self.books.timings.processed), held, changes)

    def tell(self, message: Message, told: Sequence[Mapping[str, Any]], moment: datetime) -> None:
        """Let webhooks hear what a test makes this phone report; what it told already is not told again."""
        known = self._held[message.serial].recipients
        for item in told:
            number: str = item["phoneNumber"]
            reported: str = item["state"]
            state = CANONICAL_STATES.get(reported.lower(), reported)
            error: str | None = item.get("error")
            if known.get(number) == (state, error):
                continue
            if number in known:
                known[number] = (state, error)
            self.books.deliveries.status_changed(self.device, message, (number, state, error), moment)

    def forget(self) -> None:
        """Stop for good: the device was removed from the account."""
        self._coming.clear()
        self._due.clear()
        self._results.clear()
        self._held.clear()

    def rest_until(self, moment: datetime) -> None:
        """Do not take up messages before this moment."""
        self._free_at = max(self._free_at or moment, moment)

    def act(self, now: datetime) -> None:
        """Do everything that is due by now, unless the device is switched off."""
        if not self.device.active:
            return
        self.device.last_seen = max(
            self.device.last_seen, now.astimezone(timezone.utc).replace(second=0, microsecond=0)
        )
        while True:
            pick_at = self._next_pick()
            result_at = self._results[0][0] if self._results else None
            if result_at and result_at <= now and (pick_at is None or result_at <= pick_at):
                moment, _, held, changes = heapq.heappop(self._results)
                self._change(held, changes, moment)
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

    def _pick(self, moment: datetime) -> None:
        self._free_at = moment
        while self._coming and self._coming[0][0] <= moment:
            _, serial, held = heapq.heappop(self._coming)
            order = serial if self._oldest_first() else -serial
            heapq.heappush(self._due, (-held.message.priority, order, held))
        held = heapq.heappop(self._due)[2]
        if held.cancelled or held.message.state != "Pending" or held.message not in self.books.store:
            return
        self._send(held, moment)
        self._free_at = moment + timedelta(seconds=self.books.timings.pace)

    def _oldest_first(self) -> bool:
        messages: dict[str, Any] = self.books.settings.get("messages") or {}
        return self.books.local and messages.get("processing_order") == "FIFO"

    def _send(self, held: _Held, moment: datetime) -> None:
        message = held.message
        if message.valid_until and message.valid_until <= moment:
            self._fail(held, "TTL expired", moment)
            return
        if not self.device.has_sim(message.sim_number):
            self._fail(held, f"Can't send message: SIM {message.sim_number} not found", moment)
            return
        errors = {number: self._send_error(message, number) for number in held.recipients}
        handed = [number for number, error in errors.items() if error is None]
        for number in handed:
            self.books.radio.append(Transmission(message.id, self.device.id, number, moment))
        changes: list[Change] = [(number, "Processed", None) for number in handed]
        changes += [(number, "Failed", error) for number, error in errors.items() if error]
        self._change(held, changes, moment)
        self._schedule_results(held, handed, moment)

    def _schedule_results(self, held: _Held, numbers: list[str], moment: datetime) -> None:
        timings = self.books.timings
        sent: list[Change] = []
        delivered: list[Change] = []
        for number in numbers:
            error = FAILING_NUMBERS.get(number[-4:])
            sent.append((number, "Failed", error) if error else (number, "Sent", None))
            if error or not held.message.with_delivery_report or number.endswith(UNDELIVERED_ENDING):
                continue
            rejected = number.endswith(REJECTED_ENDING)
            delivered.append((number, "Failed", REJECTED_ERROR) if rejected else (number, "Delivered", None))
        self._later(moment + timedelta(seconds=timings.sent - timings.processed), held, sent)
        self._later(moment + timedelta(seconds=timings.delivered - timings.processed), held, delivered)

    def _send_error(self, message: Message, number: str) -> str | None:
        checked = self.books.local and not message.skip_phone_validation and not message.is_encrypted
        return send_error(number) if checked else None

    def _fail(self, held: _Held, error: str, moment: datetime) -> None:
        self._change(held, [(number, "Failed", error) for number in held.recipients], moment)

    def _later(self, moment: datetime, held: _Held, changes: list[Change]) -> None:
        if changes:
            self._count += 1
            heapq.heappush(self._results, (moment, self._count, held, changes))

    def _change(self, held: _Held, changes: list[Change], moment: datetime) -> None:
        for change in changes:
            number, reached, error = change
            held.recipients[number] = (reached, error)
            self.books.deliveries.status_changed(self.device, held.message, change, moment)
        state = state_of(state for state, _ in held.recipients.values())
        held.states.setdefault(state, moment)
        if self.books.local:
            apply_locally(held.message, held.recipients, state, held.states)
            return
        report = {
            "id": held.message.id,
            "state": state,
            "recipients": [
                {"phoneNumber": number, "state": reached, **({"error": error} if error else {})}
                for number, (reached, error) in held.recipients.items()
            ],
            "states": {name: _on_the_phone(at) for name, at in held.states.items()},
        }
        apply_report(self.books, self.device, report, moment)


def _on_the_phone(moment: datetime) -> datetime:
    local = moment.astimezone(ZONE)
    return local.replace(microsecond=local.microsecond // 1000 * 1000)
