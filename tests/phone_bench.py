"""Phone on a clock of the test: facts in, effects out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

from smsgate.phone import Event, OutgoingMessage, Phone, PhoneConfig, PhoneTimings, StateReport, Transmission

START = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


@dataclass
class Handset:
    """A handset whose switches a test sets."""

    sim_cards: list[dict[str, Any]] = field(default_factory=list)
    failure_rate: float = 0.0
    failure_reason: str = "RESULT_ERROR_GENERIC_FAILURE"
    failing_numbers: dict[str, str] = field(default_factory=dict)
    delivery_reports: bool = True
    latency: float = 0.0
    passphrase: str | None = ""
    processing_order: str = "LIFO"


class Bench:
    """One phone, its clock in seconds from the start, and everything that it wanted done."""

    def __init__(
        self,
        *,
        zone=timezone.utc,
        seed=0,
        check_number=lambda _number: None,
        has_webhook=lambda _event: True,
        timings=None,
    ):
        self.handset = Handset()
        self.timings = timings or PhoneTimings(0.0, 0.0, 0.0)
        config = PhoneConfig("phone", self.handset, Random(seed), zone, self.timings, check_number, has_webhook)
        self.phone = Phone(config)
        self.effects = []
        self.now = START

    def at(self, seconds):
        return START + timedelta(seconds=seconds)

    def settings(self, **sections):
        self.phone.apply_settings(sections, self.now, new_key=lambda: "new-key")

    def take(self, effects):
        self.effects += effects

    def send(self, name, *, created=None, **fields):
        """Let the phone pull a message now."""
        fields = {"numbers": ("+79990001234",), "text": "hi", **fields}
        self.take(self.phone.accept(OutgoingMessage(name, created_at=created or self.now, **fields), self.now))

    def run(self, seconds):
        """Catch up with a time."""
        self.now = self.at(seconds)
        self.take(self.phone.act(self.now))

    @property
    def sent(self):
        """Ids and seconds of what went over the radio."""
        found = [effect for effect in self.effects if isinstance(effect, Transmission)]
        return [(one.message_id, (one.at - START).total_seconds()) for one in found]

    @property
    def order(self):
        return [name for name, _ in self.sent]

    @property
    def reports(self):
        return [effect for effect in self.effects if isinstance(effect, StateReport)]

    @property
    def events(self):
        return [effect for effect in self.effects if isinstance(effect, Event)]

    def last(self, name):
        """The last report of a message."""
        return next(report for report in reversed(self.reports) if report.message_id == name)
