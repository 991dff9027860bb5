"""Test controls of a gateway: devices, clock, outages, reports and incoming messages."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from smsgate.emulator._phone.inbox import store_received
from smsgate.emulator._phone.phone import Phone
from smsgate.emulator._state.incoming import FOUND_TYPES, INCOMING_TYPES, Attachment, IncomingMessage
from smsgate.emulator._state.reports import apply_locally, apply_report
from smsgate.emulator.outbox import OutboxControls

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from smsgate.emulator._phone.deliveries import DeliveryQueue
    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.messages import Message
    from smsgate.emulator._state.phones import PhoneTimings
    from smsgate.emulator.faults import FaultSource

_DAY = 86_400
_YEAR = 365 * _DAY
_MAX_REASON = 256
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
            device.name, device.active, device.sim_cards = first.name, first.active, deepcopy(first.sim_cards)
            device.failure_rate, device.failure_reason = first.failure_rate, first.failure_reason
            device.latency, device.delivery_reports = first.latency, first.delivery_reports
            device.last_seen = self._state.now()
            self._state.devices.append(device)
            self._state.phones[device.id] = Phone(self._state, device)

    def add_device(self, name: str = "Phone", *, active: bool = True) -> Device:
        """Register another phone.

        Raises:
            ValueError: in local mode, where the server is the phone.
        """
        if self._state.local:
            raise ValueError("A phone's local server is one phone.")
        with self._lock:
            return self._add_device(name, active=active)

    def _add_device(self, name: str, *, active: bool) -> Device:
        device = self._state.add_device(name, active=active)
        self._state.phones[device.id] = Phone(self._state, device)
        return device

    def switch(
        self,
        device_id: str,
        *,
        on: bool | None = None,
        failure_rate: float | None = None,
        failure_reason: str | None = None,
        latency: float | None = None,
        delivery_reports: bool | None = None,
    ) -> None:
        """Switch a phone on or off, or its network's behaviour; None leaves a switch as it is.

        Args:
            device_id: the phone.
            on: switched on, it sends waiting messages.
            failure_rate: probability that sending to a recipient fails, 0 to 1.
            failure_reason: error of such a failure, at most 256 characters.
            latency: seconds before each message, 0 to 86,400.
            delivery_reports: whether the network reports deliveries.

        Raises:
            ValueError: there is no such device, or a value is out of its range.
        """
        _check_switches(failure_rate, failure_reason, latency)
        with self._lock:
            self._state.settle()
            device = self._state.device(device_id)
            if device is None:
                raise ValueError("There is no device with this id.")
            if on and not device.active:
                self._state.phones[device.id].rest_until(self._state.now())
            device.active = device.active if on is None else on
            device.failure_rate = device.failure_rate if failure_rate is None else failure_rate
            device.failure_reason = device.failure_reason if failure_reason is None else failure_reason
            device.latency = device.latency if latency is None else latency
            device.delivery_reports = device.delivery_reports if delivery_reports is None else delivery_reports
            self._state.changes.announce("state")

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
        """
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
            report = {"id": message_id, "state": state, "recipients": fields, "states": reached}
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
    ) -> IncomingMessage:
        """Emulate an incoming text or MMS; a local server lists it under ``/inbox``, and webhooks are called.

        As on a real phone, equal messages of the same millisecond are received once.

        Args:
            sender: a number, a name or a short code.
            text: the text; of data its hex form, of an MMS the subject or text.
            type: ``SMS``, ``DATA_SMS``, ``MMS`` (announced) or ``MMS_DOWNLOADED``.
            attachments: parts of an MMS.
            recipient: the phone's own number.
            sim_number: SIM that received it, counted from 1.
            received_at: the network's time; default is now.
            device_id: the phone that it came to; default is the first one.
            missed: whether the app was not running; webhooks get the event only after ``POST /inbox/refresh``.

        Raises:
            ValueError: for a type that the API does not know or that cannot be missed, or a device that does not exist.
        """
        if type not in INCOMING_TYPES:
            raise ValueError(f"type is one of {', '.join(INCOMING_TYPES)}.")
        if missed and type not in FOUND_TYPES.values():
            raise ValueError(f"A refresh finds {' and '.join(FOUND_TYPES.values())} only.")
        with self._lock:
            self._state.settle()
            time = received_at or self._state.now()
            item = IncomingMessage("", type, sender, text, time, recipient, sim_number, tuple(attachments))
            return store_received(self._state, self._state.some_device(device_id), item, missed=missed)

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


def _check_switches(failure_rate: float | None, failure_reason: str | None, latency: float | None) -> None:
    if failure_rate is not None and not 0 <= failure_rate <= 1:
        raise ValueError("failure_rate is a number from 0 to 1.")
    if failure_reason is not None and not 0 < len(failure_reason) <= _MAX_REASON:
        raise ValueError(f"failure_reason has 1 to {_MAX_REASON} characters.")
    if latency is not None and not 0 <= latency <= _DAY:
        raise ValueError("latency is a number of seconds from 0 to 86,400.")
