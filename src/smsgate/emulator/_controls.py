"""Test controls of a gateway: devices, clock, outages, reports and incoming messages."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from smsgate.emulator._arguments import check_incoming, check_time, check_types
from smsgate.emulator._phone.phone import Phone
from smsgate.emulator._phone.switches import check_switches, sim_cards
from smsgate.emulator._state.reports import Report, apply_locally, apply_report
from smsgate.emulator.outbox import OutboxControls
from smsgate.phone import FOUND_TYPES, INCOMING_TYPES, Attachment, IncomingMessage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from smsgate.emulator._state.devices import Device, ProcessingOrder
    from smsgate.emulator._state.messages import Message
    from smsgate.emulator.faults import FaultSource
    from smsgate.phone import DeliveryQueue, PhoneTimings

_YEAR = 365 * 86_400
_SWITCHES = (
    "name", "active", "sim_cards", "failure_rate", "failure_reason", "failing_numbers", "latency", "delivery_reports",
    "connected", "passphrase", "processing_order", "confirms_waiting",
)  # fmt: skip
"""Fields of a device that a reset restores."""

Kept = Literal["webhooks", "settings"]


class GatewayControls(OutboxControls):
    """Controls of the state for tests, part of `Gateway`."""

    _queue: DeliveryQueue
    _first_devices: list[Device]
    _first_timings: PhoneTimings
    faults: FaultSource | None

    def advance(self, seconds: float = 0) -> None:
        """Move the gateway's time forward, and execute everything that is due; every request does the latter first.

        Args:
            seconds: how far, added to the gateway's clock whatever it is.

        Raises:
            ValueError: for negative seconds, or more than 100 years in all.
        """
        with self._lock:
            self._state.clock.advance(seconds)
            self._state.settle()
            if seconds:
                self._state.changes.announce("state")

    def reset(self, *, keep: Collection[Kept] = ()) -> None:
        """Return to the state at the start: no messages, deliveries, webhooks, settings, faults, outage, time offset.

        The account, its tokens, the first devices and timings stay or return.

        Args:
            keep: what else stays: ``"webhooks"``, ``"settings"``.

        Raises:
            ValueError: for another name.
        """
        if not set(keep) <= {"webhooks", "settings"}:
            raise ValueError('keep names "webhooks" and "settings" only.')
        with self._lock:
            self._state.reset(webhooks="webhooks" not in keep, settings="settings" not in keep)
            self._state.timings = replace(self._first_timings)
            self._queue.clear()
            self._restore_devices()
            self.faults = None
            self._state.changes.announce("reset")

    def _restore_devices(self) -> None:
        present = {device.id: device for device in self._state.devices}
        self._state.devices = []
        self._state.phones = {}
        for first in self._first_devices:
            device = present.get(first.id) or replace(first)
            for name in _SWITCHES:
                setattr(device, name, deepcopy(getattr(first, name)))
            device.last_seen = self._state.now()
            self._state.devices.append(device)
            self._state.phones[device.id] = Phone(self._state, device)

    def _set_devices(self, devices: list[Device]) -> None:
        """Replace the devices by stored ones, to which a reset returns."""
        self._first_devices = [replace(device) for device in devices]
        self._state.devices = devices
        self._state.phones = {device.id: Phone(self._state, device) for device in devices}

    def add_device(self, name: str = "Phone", *, active: bool = True) -> Device:
        """Register another phone.

        Raises:
            ValueError: in local mode, where the server is the phone.
        """
        if self._state.local:
            raise ValueError("A phone's local server is one phone.")
        with self._lock:
            return self._add_device(name, active=active)

    def remove_device(self, device_id: str) -> None:
        """Remove a phone from the account, with its messages and webhooks; the first phones return with `reset`.

        Raises:
            ValueError: there is no such device, or in local mode, where the server is the phone.
        """
        if self._state.local:
            raise ValueError("A phone's local server is one phone.")
        with self._lock:
            self._state.settle()
            self._state.remove_device(self._state.some_device(device_id))

    def _add_device(self, name: str, *, active: bool) -> Device:
        device = self._state.add_device(name, active=active)
        self._state.phones[device.id] = Phone(self._state, device)
        return device

    def switch(
        self,
        device_id: str,
        *,
        on: bool | None = None,
        connected: bool | None = None,
        failure_rate: float | None = None,
        failure_reason: str | None = None,
        failing_numbers: Mapping[str, str] | None = None,
        latency: float | None = None,
        delivery_reports: bool | None = None,
        passphrase: str | None = None,
        processing_order: ProcessingOrder | None = None,
        confirms_waiting: bool | None = None,
        sims: int | None = None,
    ) -> None:
        """Switch a phone on or off, or change what it and its network do; None leaves a switch as it is.

        Args:
            device_id: the phone.
            on: switched on, its app starts (``app:started``) and sends waiting messages.
            connected: whether it has a network. Without, it hears and reports nothing and sends no webhooks, but goes
                on sending what it has; connected again, it catches up.
            failure_rate: probability that sending to a recipient fails, 0 to 1.
            failure_reason: error of such a failure, 1 to 256 characters, or the name of one of Android's results.
            failing_numbers: endings of further numbers that always fail, and their reasons.
            latency: seconds before each message, 0 to 86,400.
            delivery_reports: whether the network reports deliveries.
            passphrase: decrypts encrypted messages, and those that it does not fit fail; empty is none set, so that all
                fail. While it was never given, encrypted messages are sent without being read.
            processing_order: which of equally urgent messages goes first, the newest (LIFO) or the oldest (FIFO).
            confirms_waiting: whether the phone reports waiting messages at each pull, as the app does: for a new
                message, at a ping and every 15 minutes. That makes them ``Processed``, which cannot be cancelled.
            sims: number of SIM cards with made-up numbers, 0 to 8; with 0 the phone does not look at SIM numbers.

        Raises:
            ValueError: there is no such device, or a value is out of its range.
        """
        changes: dict[str, Any] = {
            "connected": connected,
            "failure_rate": failure_rate,
            "failure_reason": failure_reason,
            "failing_numbers": failing_numbers,
            "latency": latency,
            "delivery_reports": delivery_reports,
            "passphrase": passphrase,
            "processing_order": processing_order,
            "confirms_waiting": confirms_waiting,
        }
        check_switches({**changes, "sims": sims, "on": on})
        with self._lock:
            self._state.settle()
            device = self._state.device(device_id)
            if device is None:
                raise ValueError("There is no device with this id.")
            for name, value in changes.items():
                if value is not None:
                    setattr(device, name, copy(value))
            if sims is not None:
                device.sim_cards = sim_cards(sims, self._state.devices.index(device))
            self._switch(device, on)
            self._state.settle()
            self._state.changes.announce("state")

    def _switch(self, device: Device, on: bool | None) -> None:  # noqa: FBT001 - as its caller was given it
        was_on, device.active = device.active, device.active if on is None else on
        if device.active and not was_on:
            self._state.phones[device.id].rest_until(self._state.now())
            self._state.phones[device.id].start()

    def outage(self, down: bool = True, *, seconds: float | None = None) -> None:  # noqa: FBT001, FBT002 - outage(True) and outage(False) read well
        """Take the server's database down, or bring it back.

        Correct credentials then get 401 unless the login is cached, and most other requests 500 (api-facts §12);
        phones neither get messages nor report.

        Args:
            down: whether it is down.
            seconds: after how long it comes back on its own, on the gateway's clock; never without.

        Raises:
            ValueError: in local mode, which has no such database, or for seconds outside 0 to one year.
        """
        if self._state.local:
            raise ValueError("A phone's local server has no database server to lose.")
        if seconds is not None and not 0 <= seconds <= _YEAR:
            raise ValueError("An outage takes a number of seconds, from 0 to one year.")
        with self._lock:
            self._state.settle()
            if down:
                self._state.begin_outage(seconds)
            else:
                self._state.end_outage(self._state.now())

    def hash_now(self) -> None:
        """Hash the reported messages now instead of at the next interval."""
        with self._lock:
            self._state.settle()
            self._state.hash_reported()

    def report(
        self,
        message_id: str,
        state: str,
        *,
        recipients: Sequence[Mapping[str, Any]] | None = None,
        states: Mapping[str, datetime] | None = None,
        error: str | None = None,
        device_id: str | None = None,
    ) -> bool:
        """Report a message's state as its phone would, with the same semantics, and to webhooks.

        Args:
            message_id: the message.
            state: its new state; the server turns ``Pending`` into ``Processed``.
            recipients: items of ``phoneNumber``, ``state``, maybe ``error``; default is every recipient in ``state``.
            states: when which state was reached; default is ``state`` now.
            error: the default recipients' error.
            device_id: whose report it is; default is the first device that has the message.

        Returns:
            Whether the server took it: unknown ids and state names and errors over 256 characters are dropped.

        Raises:
            TypeError: a state or time of another type.
            ValueError: a time without a zone.
        """
        check_types(state=state)
        for name, at in (states or {}).items():
            check_time(name, at)
        with self._lock:
            self._state.settle()
            rows = [row for row in self._state.store.find(message_id) if device_id in {None, row.device_id}]
            if not rows:
                return False
            fields = list(recipients or self._all_recipients(rows[0], state, error))
            reached = dict(states or {state: self._state.now()})
            phone = self._state.phones.get(rows[0].device_id)
            if phone:
                phone.report(rows[0], fields, self._state.now())
            if self._state.local:
                changes = {item["phoneNumber"]: (item["state"], item.get("error")) for item in fields}
                apply_locally(self._state, rows[0], changes, state, reached)
                return True
            shown = [(item["phoneNumber"], item["state"], item.get("error")) for item in fields]
            report = Report(message_id, state, shown, reached)
            device = self._state.device(rows[0].device_id)
            return device is not None and apply_report(self._state, device, report, self._state.now())

    def receive(
        self,
        sender: str,
        text: str = "",
        *,
        type: str = "SMS",  # noqa: A002 - the API's own word
        attachments: Sequence[Attachment] = (),
        recipient: str | None = None,
        sim_number: int | None = None,
        received_at: datetime | None = None,
        device_id: str | None = None,
        missed: bool = False,
        subject: str | None = None,
    ) -> IncomingMessage:
        """Emulate an incoming text or MMS; a local server lists it under ``/inbox``, and webhooks are called.

        As on a real phone, equal messages of the same millisecond are received once.

        Args:
            sender: a number, a name or a short code.
            text: the text; of data its hex form, of an announced MMS the subject, of a downloaded one the body.
            type: ``SMS``, ``DATA_SMS``, ``MMS`` (announced) or ``MMS_DOWNLOADED``.
            attachments: parts of an MMS.
            recipient: the phone's own number.
            sim_number: SIM that received it, counted from 1.
            received_at: the network's time; default is now.
            device_id: the phone that it came to; default is the first one.
            missed: whether the app was not running; webhooks get the event only after ``POST /inbox/refresh``.
            subject: subject of an MMS.

        Raises:
            TypeError: an argument of another type.
            ValueError: for a type that the API does not know or that cannot be missed, a device that does not exist, no
                sender, or a time without a zone or in the first or last year of the calendar.
        """
        if type not in INCOMING_TYPES:
            raise ValueError(f"type is one of {', '.join(INCOMING_TYPES)}.")
        if missed and type not in FOUND_TYPES.values():
            raise ValueError(f"A refresh finds {' and '.join(FOUND_TYPES.values())} only.")
        parts = tuple(attachments)
        check_incoming(
            sender, text, parts, received_at, sim_number, recipient=recipient, subject=subject, missed=missed
        )
        with self._lock:
            self._state.settle()
            time = received_at or self._state.now()
            item = IncomingMessage("", type, sender, text, time, recipient, sim_number, parts, subject=subject)
            return self._state.phones[self._state.some_device(device_id).id].receive(item, missed=missed)

    def log(
        self, message: str, *, priority: str = "INFO", module: str = "emulator", context: dict[str, Any] | None = None
    ) -> None:
        """Write an entry into the phone's log, which a local server shows under ``/logs``."""
        with self._lock:
            entry: dict[str, Any] = {"priority": priority, "module": module, "message": message}
            entry["id"] = len(self._state.log) + 1
            if context is not None:
                entry["context"] = context
            self._state.log.append({**entry, "createdAt": self._state.now()})

    @staticmethod
    def _all_recipients(row: Message, state: str, error: str | None) -> list[dict[str, Any]]:
        shown: dict[str, Any] = {"state": state} if error is None else {"state": state, "error": error}
        return [{"phoneNumber": number, **shown} for number in row.numbers]
