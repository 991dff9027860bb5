"""State and clock of one emulated gateway."""

from __future__ import annotations

import random
import secrets
import string
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from smsgate.emulator._http.responses import RequestError
from smsgate.emulator._http.timestamps import Clock, milliseconds
from smsgate.emulator._state.cache import SlidingCache
from smsgate.emulator._state.devices import Device
from smsgate.emulator._state.messages import WAITING, Message, MessageStore, collation_key, exact_key
from smsgate.emulator._state.phones import PhoneTimings
from smsgate.emulator._state.queue_limit import QueueLimit, QueueWatch
from smsgate.emulator._state.tokens import Tokens, TokenSettings

if TYPE_CHECKING:
    from smsgate.emulator._state.incoming import IncomingMessage, MissedMessage
    from smsgate.emulator._state.phones import EventSink, PhoneAgent, Transmission

Mode = Literal["cloud", "local"]

_ID_ALPHABET = string.ascii_letters + string.digits + "_-"
_DATABASE_ERROR = "dial tcp 127.0.0.1:3306: connect: connection refused"
_LOGIN_SECONDS = 3600.0
_VIEW_SECONDS = 300.0
_RETENTION = timedelta(days=30)
_DAY = 86_400
_LOCAL_TOKENS = TokenSettings(True, 24 * 3600.0, 7 * 24 * 3600.0)


def draw_seed() -> int:
    """Return an unpredictable seed."""
    return secrets.randbits(128)


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Configuration of a gateway."""

    login: str
    password: str
    mode: Mode
    clock: Clock
    seed: int

    def __repr__(self) -> str:
        return f"Opening(mode={self.mode!r})"


class GatewayState:
    """The state behind a gateway. Not thread-safe: the gateway holds a lock around every use.

    The gateway that creates it also sets ``events`` and adds an agent to ``phones`` for every device.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self.login: str = config.login
        self.password: str = config.password
        self.local: bool = config.mode == "local"
        self.clock: Clock = config.clock
        self._random = random.Random(config.seed)  # noqa: S311 - repeatable on purpose, nothing here is secret
        self.started_at: datetime = self.now()
        # separate random sources, so that webhooks change no other choice; ids differ in the next process, keys do not
        self._keys = random.Random(f"{config.seed} keys")  # noqa: S311 - as above
        self.chance: random.Random = random.Random(f"{config.seed} {self.started_at}")  # noqa: S311 - as above
        self.store: MessageStore = MessageStore(exact_key if self.local else collation_key)
        self.timings: PhoneTimings = PhoneTimings()
        self.radio: list[Transmission] = []
        self.devices: list[Device] = []
        self.phones: dict[str, PhoneAgent] = {}
        self.events: EventSink
        self.webhooks: dict[str, dict[str, Any]] = {}
        self.settings: dict[str, Any] = {}
        settings = TokenSettings(*_fields(_LOCAL_TOKENS)) if self.local else TokenSettings()
        issuer = "me.capcom.smsgateway" if self.local else "sms-gate.app"
        self.tokens: Tokens = Tokens(settings, config.seed, issuer, self.new_id)
        self.inbox: list[IncomingMessage] = []
        self.missed: list[MissedMessage] = []
        self.log: list[dict[str, Any]] = []
        self.logins: SlidingCache[bool] = SlidingCache(_LOGIN_SECONDS)
        self.views: SlidingCache[dict[str, Any] | None] = SlidingCache(_VIEW_SECONDS)
        self.queue_limit: QueueLimit | None = None
        self.queue: QueueWatch = QueueWatch()
        self.down = False
        self.failed_pings = 0
        self.catalog_reads: deque[datetime] = deque()
        self.hashing_interval: float = 60.0
        self._unhashed: list[tuple[datetime, int]] = []
        self._hashed_until = self._tidied = self.started_at

    def now(self) -> datetime:
        """Return the gateway's time."""
        return self.clock()

    def new_id(self) -> str:
        """Return a new id like those of the real servers: 21 characters."""
        return "".join(self._random.choices(_ID_ALPHABET, k=21))

    def new_uuid(self) -> str:
        """Return a new request id."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def nanoseconds(self) -> int:
        """Return digits below the microsecond, which Python's clock does not have."""
        return self._random.randrange(1, 1000)

    def add_device(self, name: str, *, active: bool) -> Device:
        """Register another phone."""
        time = milliseconds(self.now())
        identity = f"{self._random.getrandbits(128):032x}" if self.local else self.new_id()
        key = "".join(self._keys.choices(_ID_ALPHABET, k=8))
        device = Device(identity, name, time, time, time, self.new_id(), active, signing_key=key)
        self.devices.append(device)
        return device

    def device(self, device_id: str) -> Device | None:
        """Return the device with this id."""
        return next((device for device in self.devices if device.id == device_id), None)

    def some_device(self, device_id: str | None) -> Device:
        """Return the device with this id, or the first one.

        Raises:
            ValueError: there is none.
        """
        found = [device for device in self.devices if device_id in {None, device.id}]
        if not found:
            raise ValueError("There is no device with this id.")
        return found[0]

    def signing_key(self, device: Device | None) -> str:
        """Return the signing key of a device, which can be set on a local server."""
        section: dict[str, Any] = (self.local and self.settings.get("webhooks")) or {}
        return section.get("signing_key") or (device.signing_key if device else "") or "removed"

    def new_delivery_id(self) -> str:
        """Return a new envelope id."""
        return "".join(self.chance.choices(_ID_ALPHABET, k=21))

    def choose_device(self, device_id: str, active_within: int) -> Device | None:
        """Return the requested device, or any; ``active_within`` excludes devices not seen for that many hours."""
        found = [device for device in self.devices if device_id in {"", device.id}]
        if active_within > 0:
            found = [device for device in found if self.now() - device.last_seen < _hours(active_within)]
        return self._random.choice(found) if found else None

    def need_database(self, doing: str = "", *, exactly: str | None = None) -> None:
        """Reject with 500 during an outage, with the database's error text or with a fixed one."""
        if self.down:
            raise RequestError(500, f"{doing}: {_DATABASE_ERROR}" if exactly is None else exactly)

    def record_report(self, message: Message, time: datetime) -> None:
        """Record a report about a message, which may be hashed from now on."""
        self._unhashed.append((time, message.serial))

    def settle(self) -> None:
        """Execute everything that is due: actions of phones, hashing and deletion."""
        now = self.now()
        if not self.down:
            for phone in list(self.phones.values()):
                phone.act(now)
        elapsed = (now - self.started_at).total_seconds()
        boundary = self.started_at + timedelta(seconds=elapsed - elapsed % self.hashing_interval)
        if boundary != self._hashed_until:
            self._hashed_until = boundary
            self.hash_reported(boundary)
        if now - self._tidied > timedelta(seconds=_DAY) and not self.local:
            self._tidied = now
            self.store.remove(lambda row: row.state not in WAITING and now - row.created_at > _RETENTION)

    def hash_reported(self, before: datetime | None = None) -> None:
        """Hash reported messages, or those reported before a time."""
        kept: list[tuple[datetime, int]] = []
        for time, serial in self._unhashed:
            if before and time >= before:
                kept.append((time, serial))
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
