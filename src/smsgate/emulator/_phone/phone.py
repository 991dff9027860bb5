"""Emulated phone: drives the app's behaviour with the gateway's messages, settings and clock.

It needs no thread: `Phone.act` catches up with everything that is due by a time, in the order of time.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from smsgate.emulator._phone.phone_numbers import send_error
from smsgate.emulator._state.messages import (
    CANONICAL_STATES,
    WAITING,
    Recipient,
    distinct_numbers,
    hashed_number,
)
from smsgate.emulator._state.reports import Report, apply_locally, apply_report
from smsgate.phone import (
    IncomingMessage,
    OutgoingMessage,
    Phone as App,
    PhoneConfig,
    SettingsError,
    StateReport,
    Transmission,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.messages import Message
    from smsgate.emulator._state.state import GatewayState
    from smsgate.phone import Effect, Refresh

ZONE = timezone(timedelta(hours=3))
"""The phones' own time zone: they report times with this offset."""


_POLLS_EVERY = timedelta(minutes=15)
_CAUGHT_UP = timedelta(days=1)


class Phone:
    """One emulated phone."""

    def __init__(self, state: GatewayState, device: Device) -> None:
        self._state = state
        self._device = device
        self._chance = random.Random(f"{state.seed} {state.started_at} {device.id}")  # noqa: S311 - repeatable
        config = PhoneConfig(device.id, device, self._chance, ZONE, state.timings, send_error, self._has_webhook)
        self._app = App(config)
        self._is_online = True
        self._acted_until = state.now()
        self._hooks: list[dict[str, Any]] = []
        self.notice_settings(state.settings)

    def __repr__(self) -> str:
        return f"Phone({self._device.id!r})"

    # -- what the server says ------------------------------------------------------------------------------------

    def notice(self, message: Message) -> None:
        """Take a new message, unless the phone has no network."""
        now = self._state.now()
        self._app.forget(message.id)  # an id that the server has given anew
        if not self._follow_network(now):
            return
        self._confirm_waiting(now)
        if not self._app.has(message.id):  # a phone that just got its network back has pulled it
            self._pull(now, [message])

    def _confirm_waiting(self, now: datetime) -> None:
        """Report waiting messages once more, as the app does at each pull, if the phone is set to do so."""
        if self._device.confirms_waiting:
            self._pull(now, [row for row in map(self._row, self._app.waiting()) if row is not None])

    def notice_cancel(self, message: Message, time: datetime) -> None:
        """Cancel a waiting message: at once on the phone's own server, else after its usual time to react."""
        if self._follow_network(time):
            self._apply(self._app.cancel(message.id, time, at_once=self._state.local))

    def notice_settings(self, tree: Mapping[str, Any]) -> None:
        """Import settings; values that the app does not know, and what follows them, are skipped."""
        if not self._is_online:
            return
        try:
            self._app.apply_settings(tree, self._state.now(), new_key=self._new_key)
        except SettingsError as error:
            self._app.settings = error.imported

    def _new_key(self) -> str:
        return self._state.draw_key(self._chance)

    def _pull(self, now: datetime, rows: Iterable[Message]) -> None:
        for row in rows:
            if row.state in WAITING:
                self._apply(self._app.accept(self._pulled(row), now))

    def _pulled(self, row: Message) -> OutgoingMessage:
        return OutgoingMessage(
            id=row.id,
            numbers=self._distinct(row),
            created_at=row.created_at,
            text=row.text,
            data=row.data,
            is_encrypted=row.is_encrypted,
            priority=row.priority,
            sim_number=row.sim_number,
            with_delivery_report=row.with_delivery_report,
            valid_until=row.valid_until,
            schedule_at=row.schedule_at,
            is_cancelling=row.state == "Cancelling",
            checks_numbers=self._state.local and not row.skip_phone_validation,
        )

    def _distinct(self, row: Message) -> tuple[str, ...]:
        """Return the numbers that the server's database distinguishes, in its order."""
        return tuple(row.numbers) if self._state.local else tuple(sorted(distinct_numbers(row.numbers)))

    def _row(self, message: OutgoingMessage) -> Message | None:
        return self._state.store.on_device(message.id, self._device.id)

    def _follow_network(self, now: datetime) -> bool:
        """Notify the app of changes of the network; it then reports, and pulls what the server has for it."""
        online = self._state.local or self._device.connected
        if online == self._is_online:
            return online
        self._is_online = online
        if online:
            self._hooks = []
            self.notice_settings(self._state.settings)
        else:
            self._hooks = list(self._state.webhooks.values())
        self._apply(self._app.connect(now, connected=online))
        if online:
            rows = [row for row in self._state.store if row.device_id == self._device.id and row.state in WAITING]
            confirmed = self._device.confirms_waiting
            self._pull(now, [r for r in rows if confirmed or r.state == "Cancelling" or not self._app.has(r.id)])
        return online

    # -- what happens on the phone -------------------------------------------------------------------------------

    @property
    def missed(self) -> list[IncomingMessage]:
        """Received messages that the app has not seen."""
        return self._app.inbox.missed

    def receive(self, item: IncomingMessage, *, missed: bool) -> IncomingMessage:
        """Receive a message; one that is missed waits for a refresh."""
        received = self._app.inbox.receive(item, self._state.now(), missed=missed)
        if received.is_new:
            self._state.add_incoming(received.message)
            if not missed:
                self._state.inbox.append(received.message)
        self._apply(received.events)
        return received.message

    def refresh(self, refresh: Refresh) -> None:
        """Find missed messages, unless the phone is off or has no network."""
        now = self._state.now()
        if not self._follow_network(now) or not (self._device.active or self._state.local):
            return
        found, events = self._app.inbox.refresh(refresh, now)
        self._state.inbox += found
        for item in found:
            self._state.changes.announce("incoming", item.id)
        self._apply(events)

    def start(self) -> None:
        """Start the app: ``app:started``, and pings if they are set."""
        self._apply([self._app.start(self._state.now())])

    def ping(self) -> None:
        """Send a ping to webhooks."""
        self._apply([self._app.ping(self._state.now())])

    def report(self, message: Message, reports: Sequence[Mapping[str, Any]], time: datetime) -> None:
        """Call webhooks about states that a test reports for this phone, once for each state."""
        if not self._app.has(message.id):
            self._apply(self._app.accept(self._pulled(message), time))
        changes: list[tuple[str, tuple[str, str | None]]] = []
        for item in reports:
            name: str = item["state"]
            changes.append((item["phoneNumber"], (CANONICAL_STATES.get(name.lower(), name), item.get("error"))))
        self._apply(self._app.set_states(message.id, changes, time))

    def resume(self, message: Message) -> None:
        """Resume a message that was stored before a restart, in the state that it had reached."""
        now = self._state.now()
        rows = {row.phone_number: row for row in message.recipients}
        recipients: dict[str, tuple[str, str | None]] = {}
        for number in self._distinct(message):
            row = rows.get(number) or rows.get(hashed_number(number)) or Recipient(number)
            # the server loses the states of numbers without a plus sign
            is_lost = row.state == "Pending" and message.state not in WAITING
            recipients[number] = (message.state if is_lost else row.state, row.error)
        self._app.resume(self._pulled(message), recipients, message.states, now)
        if message.state == "Cancelling":
            self._apply(self._app.accept(self._pulled(message), now))

    def resume_incoming(self, item: IncomingMessage, *, missed: bool = False) -> None:
        """Resume a message that was received before a restart."""
        self._app.inbox.resume(item, missed=missed)

    def forget(self) -> None:
        """Stop permanently: the device was removed from the account."""
        self._app.clear()

    def rest_until(self, time: datetime) -> None:
        """Send no messages before this time, and pull none."""
        self._acted_until = max(self._acted_until, time)
        self._app.rest_until(time)

    def act(self, now: datetime) -> None:
        """Execute everything that is due, unless the device is switched off."""
        if not self._device.active:
            return
        since = max(self._acted_until, now - _CAUGHT_UP)
        self._acted_until = max(self._acted_until, now)
        if self._follow_network(now):
            self._poll(since, now)
            minute = now.astimezone(timezone.utc).replace(second=0, microsecond=0)
            self._device.last_seen = max(self._device.last_seen, minute)
        self._apply(self._app.act(now))

    def _poll(self, since: datetime, now: datetime) -> None:
        """Pull at the app's regular times in a period; nothing but the confirmation of waiting messages comes of it."""
        if not self._device.confirms_waiting or self._state.local:
            return
        start = self._state.started_at
        time = start + ((since - start) // _POLLS_EVERY + 1) * _POLLS_EVERY
        while time <= now:
            self._apply(self._app.act(time))
            self._confirm_waiting(time)
            time += _POLLS_EVERY

    # -- webhooks ------------------------------------------------------------------------------------------------

    @property
    def retry_count(self) -> int:
        """Retries of a webhook delivery."""
        return self._app.settings.retry_count

    @property
    def signing_key(self) -> str:
        """Key that signs its deliveries: the imported one, else the device's own."""
        return self._app.settings.signing_key or self._device.signing_key

    @property
    def knows_webhooks(self) -> bool:
        """Whether an event of the phone may become a delivery."""
        return bool(self._state.webhooks or self._hooks)

    @property
    def can_deliver(self) -> bool:
        """Whether the phone may send webhook deliveries now."""
        return self._device.connected or not self._app.settings.internet_required

    def _known_hooks(self) -> Collection[dict[str, Any]]:
        return self._state.webhooks.values() if self._is_online else self._hooks

    def _has_webhook(self, event: str) -> bool:
        return any(hook["event"] == event for hook in self._known_hooks())

    # -- effects -------------------------------------------------------------------------------------------------

    def _apply(self, effects: Iterable[Effect]) -> None:
        reports: dict[str, list[StateReport]] = {}
        try:
            for effect in effects:
                self._apply_one(effect, reports)
        finally:
            self._report_all(reports)

    def _apply_one(self, effect: Effect, reports: dict[str, list[StateReport]]) -> None:
        if isinstance(effect, StateReport):
            earlier = reports.pop(effect.message_id, [])  # to the end: listeners see what changed last, last
            reports[effect.message_id] = [*earlier, effect]
        elif isinstance(effect, Transmission):
            self._state.radio.append(effect)
        else:
            self._state.events.emit(effect, self._device.id, self._known_hooks())
            if effect.name == "system:ping" and self._is_online:  # the app also pulls then
                self._report_all(reports)
                self._confirm_waiting(effect.at)

    def _report_all(self, reports: dict[str, list[StateReport]]) -> None:
        """Report, of each message, the last report that the server takes: it says all that those before it say."""
        for of_message in reports.values():
            first = of_message[0].at
            for report in reversed(of_message):
                if self._report(report, first):
                    break
        reports.clear()

    def _report(self, report: StateReport, first: datetime) -> bool:
        if self._state.local:
            row = self._state.store.on_device(report.message_id, self._device.id)
            if row is not None:
                reached = {name: at for name, at in report.states.items() if name != "Pending"}
                apply_locally(self._state, row, report.recipients, report.state, reached)
            return True
        recipients = [(number, reached, error or None) for number, (reached, error) in report.recipients.items()]
        shown = Report(report.message_id, report.state, recipients, report.states, ZONE)
        return apply_report(self._state, self._device, shown, report.at, first_reported=first)
