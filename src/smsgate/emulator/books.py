"""Everything one pretend gateway knows, and the passing of time in it."""

from __future__ import annotations

import random
import string
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from smsgate.emulator.answers import RefusedError
from smsgate.emulator.credentials import SlidingCache
from smsgate.emulator.deliveries import DeliveryQueue
from smsgate.emulator.devices import Device
from smsgate.emulator.messages import WAITING, Message, MessageStore, collated, verbatim
from smsgate.emulator.phone import Phone, PhoneTimings, Transmission
from smsgate.emulator.queue_limit import QueueLimit, QueueWatch
from smsgate.emulator.timestamps import Clock, milliseconds
from smsgate.emulator.tokens import Tokens, TokenSettings

if TYPE_CHECKING:
    from smsgate.emulator.inbox import IncomingMessage, Missed

Mode = Literal["cloud", "local"]

_ID_ALPHABET = string.ascii_letters + string.digits + "_-"
_DATABASE_ERROR = "dial tcp 127.0.0.1:3306: connect: connection refused"
_LOGIN_SECONDS = 3600.0
_VIEW_SECONDS = 300.0
_RETENTION = timedelta(days=30)
_DAY = 86_400
_LOCAL_TOKENS = TokenSettings(True, 24 * 3600.0, 7 * 24 * 3600.0)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a gateway is opened with."""

    login: str
    password: str
    mode: Mode
    devices: int
    phone: bool
    clock: Clock
    seed: int

    def __repr__(self) -> str:
        return f"Opening(mode={self.mode!r})"


class Books:
    """The state behind a gateway. Not thread-safe: the gateway holds a lock around every use."""

    def __init__(self, opening: Opening) -> None:
        self.login = opening.login
        self.password = opening.password
        self.local = opening.mode == "local"
        self.clock = opening.clock
        self._random = random.Random(opening.seed)  # noqa: S311 - repeatable on purpose, nothing here is secret
        self.opened = self.now()
        # chance of their own, so that webhooks change nothing else; ids differ in the next process, keys do not
        self._keys = random.Random(f"{opening.seed} keys")  # noqa: S311 - as above
        self.chance = random.Random(f"{opening.seed} {self.opened}")  # noqa: S311 - as above
        self.store = MessageStore(verbatim if self.local else collated)
        self.timings = PhoneTimings()
        self.radio: list[Transmission] = []
        self.devices: list[Device] = []
        self.phones: dict[str, Phone] = {}
        for number in range(1 if self.local else opening.devices):
            self.add_device(f"Phone {_ID_ALPHABET[26:52][number % 26]}", active=opening.phone)
        self.webhooks: dict[str, dict[str, Any]] = {}
        self.deliveries = DeliveryQueue(self)
        self.settings: dict[str, Any] = {}
        settings = TokenSettings(*_fields(_LOCAL_TOKENS)) if self.local else TokenSettings()
        issuer = "me.capcom.smsgateway" if self.local else "sms-gate.app"
        self.tokens = Tokens(settings, opening.seed, issuer, self.new_id)
        self.inbox: list[IncomingMessage] = []
        self.missed: list[Missed] = []
        self.log: list[dict[str, Any]] = []
        self.logins: SlidingCache[bool] = SlidingCache(_LOGIN_SECONDS)
        self.views: SlidingCache[dict[str, Any] | None] = SlidingCache(_VIEW_SECONDS)
        self.queue_limit: QueueLimit | None = None
        self.queue = QueueWatch()
        self.down = False
        self.failed_pings = 0
        self.catalog_reads: deque[datetime] = deque()
        self.hashing_interval = 60.0
        self._unhashed: list[tuple[datetime, int]] = []
        self._hashed_until = self._tidied = self.opened

    def now(self) -> datetime:
        """The gateway's time."""
        return self.clock()

    def new_id(self) -> str:
        """A new id as the real servers make them: 21 characters."""
        return "".join(self._random.choices(_ID_ALPHABET, k=21))

    def new_uuid(self) -> str:
        """A new request id."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def nanoseconds(self) -> int:
        """Digits below the microsecond, which Python's clock does not have."""
        return self._random.randrange(1, 1000)

    def add_device(self, name: str, *, active: bool) -> Device:
        """Register one more phone."""
        moment = milliseconds(self.now())
        identity = f"{self._random.getrandbits(128):032x}" if self.local else self.new_id()
        key = "".join(self._keys.choices(_ID_ALPHABET, k=8))
        device = Device(identity, name, moment, moment, moment, self.new_id(), active, signing_key=key)
        self.devices.append(device)
        self.phones[device.id] = Phone(self, device)
        return device

    def device(self, device_id: str) -> Device | None:
        """The device with this id."""
        return next((device for device in self.devices if device.id == device_id), None)

    def some_device(self, device_id: str | None) -> Device:
        """The device with this id, or the first one.

        Raises:
            ValueError: there is none.
        """
        found = [device for device in self.devices if device_id in {None, device.id}]
        if not found:
            raise ValueError("There is no device with this id.")
        return found[0]

    def signing_key(self, device: Device | None) -> str:
        """The key that a device signs with: a phone's local server lets it be set."""
        section: dict[str, Any] = (self.local and self.settings.get("webhooks")) or {}
        return section.get("signing_key") or (device.signing_key if device else "") or "removed"

    def new_delivery_id(self) -> str:
        """A new envelope id."""
        return "".join(self.chance.choices(_ID_ALPHABET, k=21))

    def choose_device(self, device_id: str, active_within: int) -> Device | None:
        """The wanted device, or any; with ``active_within`` hours only one that was seen since then."""
        found = [device for device in self.devices if device_id in {"", device.id}]
        if active_within > 0:
            found = [device for device in found if self.now() - device.last_seen < _hours(active_within)]
        return self._random.choice(found) if found else None

    def need_database(self, doing: str = "", *, exactly: str | None = None) -> None:
        """Refuse with 500 during an outage, with the database's error text or with a fixed one."""
        if self.down:
            raise RefusedError(500, f"{doing}: {_DATABASE_ERROR}" if exactly is None else exactly)

    def reported(self, message: Message, moment: datetime) -> None:
        """Note that a device reported a message: from now on it may be hashed."""
        self._unhashed.append((moment, message.serial))

    def settle(self) -> None:
        """Let everything happen that is due by now: phones act, the server hashes and forgets."""
        now = self.now()
        if not self.down:
            for phone in list(self.phones.values()):
                phone.act(now)
        elapsed = (now - self.opened).total_seconds()
        boundary = self.opened + timedelta(seconds=elapsed - elapsed % self.hashing_interval)
        if boundary != self._hashed_until:
            self._hashed_until = boundary
            self.hash_reported(boundary)
        if now - self._tidied > timedelta(seconds=_DAY) and not self.local:
            self._tidied = now
            self.store.remove(lambda row: row.state not in WAITING and now - row.created_at > _RETENTION)

    def hash_reported(self, before: datetime | None = None) -> None:
        """Hash what was reported, or what was reported before a moment."""
        kept: list[tuple[datetime, int]] = []
        for moment, serial in self._unhashed:
            if before and moment >= before:
                kept.append((moment, serial))
                continue
            message = self.store.by_serial(serial)
            if message:
                message.hash()
        self._unhashed = kept


def _fields(settings: TokenSettings) -> tuple[bool, float, float]:
    return settings.enabled, settings.access_ttl, settings.refresh_ttl


def _hours(count: int) -> timedelta:
    try:
        return timedelta(hours=count)
    except OverflowError:
        return timedelta.max
