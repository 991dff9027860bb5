"""The app on one phone: facts and times in, effects out, without threads, a clock or a network."""

from __future__ import annotations

import heapq
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from smsgate.phone import _events as events
from smsgate.phone._handset import radio_result
from smsgate.phone._incoming import Inbox
from smsgate.phone._outgoing import (
    PENDING,
    Effect,
    Event,
    OutgoingMessage,
    RecipientState,
    StateReport,
    StoredMessage,
    Transmission,
)
from smsgate.phone._queue import SendQueue
from smsgate.phone._sending import MessageError, Sender
from smsgate.phone._settings import PhoneSettings, import_settings
from smsgate.phone._sms import count_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from smsgate.phone._handset import PhoneConfig

REPORT_RETRIES = 10
"""How often a failed report of one change is tried again."""

_FIRST_REPORT_WAIT = 10.0
_LONGEST_PAUSE = 10 * 365 * 86_400.0
_CAUGHT_UP = timedelta(days=1)
_HOUR = timedelta(hours=1)

Changes = list[tuple[str, RecipientState]]
"""Recipients and the states that they reach."""


class Phone:
    """The app on one phone.

    Facts go in by methods with the time ``now``, which never goes back; what the phone wants done comes out as effects
    in the order of time. `act` catches up with everything that is due, `next_action` says when that is next.

    Attributes:
        settings: as imported so far.
        inbox: received messages.
    """

    def __init__(self, config: PhoneConfig) -> None:
        self._config = config
        self._handset = config.handset
        self._sender = Sender(config)
        self._queue = SendQueue(config.zone)
        self.settings: PhoneSettings = PhoneSettings()
        self.inbox: Inbox = Inbox(config)
        self._messages: dict[str, StoredMessage] = {}
        self._rows = 0
        self._results: list[tuple[datetime, int, StoredMessage, Changes]] = []
        self._report_retries: list[tuple[datetime, int, str]] = []
        self._tries: dict[str, int] = {}
        self._unreported: dict[str, None] = {}
        self._count = 0
        self._failures: deque[datetime] = deque()
        self._ping_interval: int | None = None
        self._next_ping: datetime | None = None
        self._is_connected = True

    def __repr__(self) -> str:
        return f"Phone({self._config.device_id!r}, messages={len(self._messages)})"

    # -- messages from the server --------------------------------------------------------------------------------

    def accept(self, message: OutgoingMessage, now: datetime) -> list[Effect]:
        """Take a pulled message: store a new one, and report a known one again, whatever became of it.

        A known message that still waits is thereby reported as ``Pending``, which the server stores as ``Processed``:
        from then on it cannot be cancelled. A message that the server is cancelling is cancelled, see `cancel`; an
        unknown one is reported as ``Cancelled`` without an event. A message without content or recipients, or with one
        of them twice, is ignored.
        """
        stored = self._messages.get(message.id)
        if message.is_cancelling:
            if stored is None:
                return self._reject(message, now)
            return self.cancel(message.id, now, at_once=True)
        if stored is not None:
            return list(self._report(stored, stored.state, now))
        if (message.text is None and message.data is None) or not message.numbers:
            return []
        if len(set(message.numbers)) < len(message.numbers):
            return []
        stored = self._store(message)
        stored.states["Pending"] = message.created_at
        self._queue.add(stored, now + self._reaction())
        return []

    def _store(self, message: OutgoingMessage) -> StoredMessage:
        self._rows += 1
        recipients = dict.fromkeys(message.numbers, PENDING)
        parts = 1 if message.is_encrypted or message.text is None else count_parts(message.text)
        stored = StoredMessage(message, self._rows, recipients, {}, message.sim_number, parts)
        self._messages[message.id] = stored
        return stored

    def _reject(self, message: OutgoingMessage, now: datetime) -> list[Effect]:
        stored = self._store(message)
        stored.recipients = dict.fromkeys(message.numbers, ("Cancelled", None))
        stored.record_state(now)
        return list(self._report(stored, stored.state, now))

    def cancel(self, message_id: str, now: datetime, *, at_once: bool = False) -> list[Effect]:
        """Cancel a message that waits; nothing happens to any other.

        Args:
            message_id: the message.
            now: the current time.
            at_once: whether its states change now, instead of after the phone's usual reaction time.
        """
        stored = self._messages.get(message_id)
        if stored is None or not stored.is_waiting:
            return []
        cancelled: Changes = [(number, ("Cancelled", None)) for number in stored.recipients]
        if at_once:
            return list(self._change(stored, cancelled, now))
        stored.recipients = dict.fromkeys(stored.recipients, ("Cancelling", None))
        self._later(now + self._reaction(), stored, cancelled)
        return []

    def resume(
        self,
        message: OutgoingMessage,
        recipients: Mapping[str, RecipientState],
        states: Mapping[str, datetime],
        now: datetime,
    ) -> None:
        """Resume a message that was stored before a restart, with the states that it and its recipients had reached.

        Pending recipients are sent to like those of a new message, the results of the others come from now on.
        """
        stored = self._store(message)
        stored.recipients.update(recipients)
        stored.states.update(states)
        stored.has_failed = stored.state == "Failed"
        if stored.pending:
            self._queue.add(stored, now + self._reaction())
        numbers = {number: number for number, (state, _) in stored.recipients.items() if state in {"Processed", "Sent"}}
        self._plan_results(stored, numbers, now)

    def forget(self, message_id: str) -> None:
        """Forget a message: a later one with its id is new."""
        self._messages.pop(message_id, None)

    def clear(self) -> None:
        """Forget all messages and stop: the device was removed from its account."""
        self._messages.clear()
        self._results.clear()
        self._report_retries.clear()
        self._queue.clear()
        self._next_ping = None

    def has(self, message_id: str) -> bool:
        """Tell whether the phone has stored a message."""
        return message_id in self._messages

    def waiting(self) -> list[OutgoingMessage]:
        """Return the messages to which nothing has happened yet."""
        return [stored.message for stored in self._queue if stored.is_waiting]

    def set_states(self, message_id: str, changes: Changes, now: datetime) -> list[Event]:
        """Follow states that something else reported for this phone; return the events of those that are new."""
        stored = self._messages[message_id]
        found: list[Event] = []
        for number, reached in changes:
            if stored.recipients.get(number) == reached:
                continue
            if number in stored.recipients:
                stored.recipients[number] = reached
            found += self._events(stored, number, reached, now)
        return found

    # -- what the app is told ------------------------------------------------------------------------------------

    def apply_settings(self, tree: Mapping[str, Any], now: datetime, *, new_key: Callable[[], str]) -> None:
        """Import settings, see `import_settings`; the app follows them from now on, pings from `start`.

        Raises:
            SettingsError: for a value that the app does not know; what comes before it is imported.
        """
        self.settings = import_settings(self.settings, tree, new_key)
        self._configure(now)

    def _configure(self, now: datetime) -> None:
        order = self.settings.processing_order or self._handset.processing_order
        self._queue.configure(self.settings, oldest_first=order == "FIFO", now=now)

    def connect(self, now: datetime, *, connected: bool) -> list[Effect]:
        """Notify the app whether there is a network. Reports wait for it, and then hold the states of that time."""
        self._is_connected = connected
        if not connected:
            return []
        waiting, self._unreported = self._unreported, {}
        known = (self._messages[message_id] for message_id in waiting if message_id in self._messages)
        return [effect for stored in known for effect in self._report(stored, stored.state, now)]

    def report_failed(self, message_id: str, now: datetime) -> None:
        """Retry a report that did not reach the server: after ten seconds, doubled each time, at most ten times."""
        tries = self._tries.get(message_id, 0)
        if tries < REPORT_RETRIES:
            self._tries[message_id] = tries + 1
            self._count += 1
            wait = timedelta(seconds=_FIRST_REPORT_WAIT * 2**tries)
            heapq.heappush(self._report_retries, (now + wait, self._count, message_id))

    def rest_until(self, time: datetime) -> None:
        """Send no messages before a time."""
        self._queue.rest_until(time)

    def start(self, now: datetime) -> Event:
        """Start the app: return ``app:started``, and plan pings from now on if they are set."""
        self._ping_interval = self.settings.ping_interval
        self._next_ping = now if self._ping_interval else None
        return Event("app:started", events.started_payload(self._handset), now)

    def ping(self, now: datetime) -> Event:
        """Return a ping."""
        self._drop_old_failures(now)
        return Event("system:ping", events.ping_payload(len(self._failures), connected=self._is_connected), now)

    # -- time ----------------------------------------------------------------------------------------------------

    def next_action(self) -> datetime | None:
        """Return when `act` has something to do next; None if nothing is planned."""
        soonest = self._queue.next_step()
        first_result = self._results[0][0] if self._results else None
        first_retry = self._report_retries[0][0] if self._report_retries else None
        for time in (first_result, first_retry, self._next_ping):
            if time is not None and (soonest is None or time < soonest):
                soonest = time
        return soonest

    def act(self, now: datetime) -> Iterator[Effect]:
        """Execute everything that is due, and yield its effects; the caller consumes them all."""
        self._configure(now)
        if self._next_ping is not None:
            self._next_ping = max(self._next_ping, now - _CAUGHT_UP)
        while (time := self.next_action()) is not None and time <= now:
            if self._results and self._results[0][0] == time:
                _, _, stored, changes = heapq.heappop(self._results)
                yield from self._change(stored, changes, time)
            elif self._next_ping == time:
                self._next_ping = time + timedelta(seconds=min(self._ping_interval or 1, _LONGEST_PAUSE))
                yield self.ping(time)
            elif self._report_retries and self._report_retries[0][0] == time:
                message_id = heapq.heappop(self._report_retries)[2]
                retried = self._messages.get(message_id)
                if retried is not None:
                    yield from self._report(retried, retried.state, time)
            else:
                turn = self._queue.step(time)
                if turn is not None:
                    yield from self._send(turn, time)

    def _send(self, stored: StoredMessage, time: datetime) -> Iterator[Effect]:
        try:
            content = self._sender.prepare(stored, self.settings, time)
        except MessageError as error:
            failed: RecipientState = ("Failed", str(error))
            yield from self._change(stored, [(number, failed) for number in stored.pending], time)
            return
        numbers, errors = self._sender.dial(stored, self.settings)
        for number in numbers.values():
            yield Transmission(
                stored.message.id, self._config.device_id, number, time, content.text, content.data, stored.parts,
                stored.sim_number,
            )  # fmt: skip
        changes: Changes = [(number, ("Processed", None)) for number in numbers]
        changes += [(number, ("Failed", error)) for number, error in errors.items()]
        if numbers:
            pause = self._sender.draw_pause(self.settings)
            self._queue.record_sent(stored, time, pause=pause, busy=self._config.timings.pace)
        yield from self._change(stored, changes, time)
        self._plan_results(stored, numbers, time)

    def _plan_results(self, stored: StoredMessage, numbers: Mapping[str, str], time: datetime) -> None:
        """Plan what the radio makes of the recipients that were handed over: their numbers by pulled number."""
        sent: Changes = []
        delivered: Changes = []
        for pulled, number in numbers.items():
            with_report = stored.message.with_delivery_report
            result = radio_result(self._handset, number, self._config.chance, with_report=with_report)
            if stored.recipients[pulled][0] != "Sent":
                sent.append((pulled, ("Failed", result.error) if result.error else ("Sent", None)))
            if result.delivery and not result.error:
                delivered.append((pulled, result.delivery))
        timings = self._config.timings
        self._later(time + timedelta(seconds=max(0, timings.sent - timings.processed)), stored, sent)
        self._later(time + timedelta(seconds=max(0, timings.delivered - timings.processed)), stored, delivered)

    def _later(self, time: datetime, stored: StoredMessage, changes: Changes) -> None:
        if changes:
            self._count += 1
            heapq.heappush(self._results, (time, self._count, stored, changes))

    def _reaction(self) -> timedelta:
        return timedelta(seconds=self._config.timings.processed + self._handset.latency)

    # -- changes -------------------------------------------------------------------------------------------------

    def _change(self, stored: StoredMessage, changes: Changes, time: datetime) -> Iterator[Effect]:
        for number, reached in changes:
            if stored.update(number, reached):
                yield from self._events(stored, number, reached, time)
        had_failed = stored.has_failed
        state = stored.record_state(time)
        if state == "Failed" and not had_failed:
            self._drop_old_failures(time)
            self._failures.append(time)
        self._tries.pop(stored.message.id, None)
        yield from self._report(stored, state, time)

    def _drop_old_failures(self, now: datetime) -> None:
        while self._failures and self._failures[0] <= now - _HOUR:
            self._failures.popleft()

    def _events(self, stored: StoredMessage, number: str, reached: RecipientState, time: datetime) -> Iterator[Event]:
        name = events.STATUS_EVENTS.get(reached[0])
        if name is None or not self._config.has_webhook(name):
            return
        at = events.time_text(time, self._config.zone)
        payload = events.status_payload(self._handset, stored, number, reached, at)
        for _ in range(stored.parts if reached[0] == "Delivered" else 1):
            yield Event(name, payload, time)

    def _report(self, stored: StoredMessage, state: str, time: datetime) -> Iterator[StateReport]:
        if not self._is_connected:
            self._unreported[stored.message.id] = None
            return
        yield StateReport(stored.message.id, state, dict(stored.recipients), dict(stored.states), time)
