"""State and clock of one emulated gateway."""

from __future__ import annotations

import random
import secrets
import string
from base64 import urlsafe_b64encode
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from smsgate.emulator._http.responses import RequestError
from smsgate.emulator._http.timestamps import Clock, milliseconds
from smsgate.emulator._state.cache import SlidingCache
from smsgate.emulator._state.changes import Changes
from smsgate.emulator._state.clock import AdvancingClock
from smsgate.emulator._state.devices import Device
from smsgate.emulator._state.messages import WAITING, Message, MessageStore, collation_key, exact_key
from smsgate.emulator._state.queue_limit import QueueLimit, QueueWatch
from smsgate.emulator._state.tokens import Tokens, TokenSettings
from smsgate.phone import PhoneTimings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smsgate.emulator._state.phones import PhoneAgent
    from smsgate.emulator._state.views import MessageView
    from smsgate.phone import DeliveryQueue, IncomingMessage, Transmission

Mode = Literal["cloud", "local"]

_ID_ALPHABET = string.ascii_letters + string.digits + "_-"
_KEY_LENGTH = 8
_DATABASE_ERROR = "dial tcp 127.0.0.1:3306: connect: connection refused"
_LOGIN_SECONDS = 3600.0
_VIEW_SECONDS = 300.0
_RETENTION = timedelta(days=30)
_LONGEST_DELAY = timedelta(seconds=1)
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
        self.clock: AdvancingClock = AdvancingClock(config.clock)
        self.seed: int = config.seed
        self.changes: Changes = Changes()
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
        self.events: DeliveryQueue
        self.webhooks: dict[str, dict[str, Any]] = {}
        self.settings: dict[str, Any] = {}
        settings = TokenSettings(*_fields(_LOCAL_TOKENS)) if self.local else TokenSettings()
        issuer = "me.capcom.smsgateway" if self.local else "sms-gate.app"
        self.tokens: Tokens = Tokens(settings, config.seed, issuer, self.new_id)
        self.inbox: list[IncomingMessage] = []
        self.incoming: dict[str, IncomingMessage] = {}
        self.timeline: list[Message | IncomingMessage] = []
        self.generation: int = 0
        self.log: list[dict[str, Any]] = []
        self.logins: SlidingCache[bool] = SlidingCache(_LOGIN_SECONDS)
        self.views: SlidingCache[MessageView | None] = SlidingCache(_VIEW_SECONDS)
        self.queue_limit: QueueLimit | None = None
        self.queue: QueueWatch = QueueWatch()
        self.down: bool = False
        self.down_until: datetime | None = None
        self.failed_pings: int = 0
        self.catalog_reads: deque[datetime] = deque()
        self.hashing_interval: float = 60.0
        self._unhashed: dict[int, datetime] = {}
        self._hashed_until = self._tidied = self._settled_at = self.started_at

    def now(self) -> datetime:
        """Return the gateway's time."""
        return self.clock()

    def restart(self, count: int) -> None:
        """Draw other ids than at the starts before; ``count`` is the number of this start."""
        self._random = random.Random(f"{self.seed} start {count}")  # noqa: S311 - as above

    def new_id(self) -> str:
        """Return a new id like those of the real servers: 21 characters."""
        return urlsafe_b64encode(self._random.randbytes(16))[:21].decode()

    def new_uuid(self) -> str:
        """Return a new request id."""
        digits = f"{self._random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    def nanoseconds(self) -> int:
        """Return digits below the microsecond, which Python's clock does not have."""
        return 1 + int(self._random.random() * 999)

    def add_device(self, name: str, *, active: bool) -> Device:
        """Register another phone."""
        time = milliseconds(self.now())
        identity = f"{self._random.getrandbits(128):032x}" if self.local else self.new_id()
        key = self.draw_key(self._keys)
        device = Device(identity, name, time, time, time, self.new_id(), active, signing_key=key)
        self.devices.append(device)
        return device

    def remove_device(self, device: Device) -> None:
        """Remove a phone with its messages and webhooks."""
        self.devices.remove(device)
        self.phones.pop(device.id).forget()
        self.remove_messages(lambda row: row.device_id == device.id)
        for key in [key for key, hook in self.webhooks.items() if hook.get("deviceId") == device.id]:
            del self.webhooks[key]
        self.changes.announce("state")

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

    @property
    def missed(self) -> list[IncomingMessage]:
        """Received messages that the apps have not seen."""
        return [item for phone in self.phones.values() for item in phone.missed]

    def change_settings(self, settings: dict[str, Any], *, imported: Mapping[str, Any] | None = None) -> None:
        """Store settings, and notify the phones; they import all settings, or those that are named."""
        self.settings = settings
        for phone in self.phones.values():
            phone.notice_settings(settings if imported is None else imported)

    def signing_key(self, device_id: str) -> str:
        """Return the signing key of a device; for a removed device a random one."""
        phone = self.phones.get(device_id)
        return (phone.signing_key if phone else "") or "removed"

    @staticmethod
    def draw_key(chance: random.Random) -> str:
        """Return a signing key."""
        return "".join(chance.choices(_ID_ALPHABET, k=_KEY_LENGTH))

    def choose_device(self, device_id: str, active_within: int) -> Device | None:
        """Return the requested device, or any; ``active_within`` excludes devices not seen for that many hours."""
        found = [device for device in self.devices if device_id in {"", device.id}]
        if active_within > 0:
            found = [device for device in found if self.now() - device.last_seen < _hours(active_within)]
        return self._random.choice(found) if len(found) > 1 else next(iter(found), None)

    def need_database(self, doing: str = "", *, exactly: str | None = None) -> None:
        """Reject with 500 during an outage, with the database's error text or with a fixed one."""
        if self.down:
            raise RequestError(500, f"{doing}: {_DATABASE_ERROR}" if exactly is None else exactly)

    def add_message(self, message: Message) -> bool:
        """Store a message; ``False`` when its device already has the id."""
        if not self.store.add(message):
            return False
        self.timeline.append(message)
        self.changes.announce("message", message.serial)
        return True

    def add_incoming(self, item: IncomingMessage) -> None:
        """Store a received message, whether the app noticed or missed it."""
        self.incoming[item.id] = item
        self.timeline.append(item)
        self.changes.announce("incoming", item.id)

    def remove_messages(self, condition: Callable[[Message], bool]) -> None:
        """Delete the messages that meet a condition; ``generation`` counts the times that some were deleted."""
        removed = {row.serial for row in self.store.remove(condition)}
        if not removed:
            return
        self.generation += 1
        self.timeline = [item for item in self.timeline if not isinstance(item, Message) or item.serial not in removed]
        for serial in removed:
            self.changes.announce("message", serial)

    def reset(self, *, webhooks: bool, settings: bool) -> None:
        """Forget messages, outages and the clock's offset; webhooks and settings on request."""
        self.clock.offset = timedelta(0)
        self.started_at = self._hashed_until = self._tidied = self._settled_at = self.now()
        self.store.clear()
        self.radio, self.inbox, self.log, self.timeline = [], [], [], []
        self.incoming = {}
        self.generation += 1
        self.logins, self.views = SlidingCache(_LOGIN_SECONDS), SlidingCache(_VIEW_SECONDS)
        self.queue_limit, self.queue = None, QueueWatch()
        self.down, self.down_until, self.failed_pings = False, None, 0
        self.catalog_reads.clear()
        self._unhashed = {}
        if webhooks:
            self.webhooks = {}
        if settings:
            self.settings = {}

    def record_report(self, message: Message, time: datetime) -> None:
        """Record a report about a message, which may be hashed from now on."""
        self._unhashed.setdefault(message.serial, time)

    def begin_outage(self, seconds: float | None) -> None:
        """Take the database down, for good or for a number of seconds."""
        self.down = True
        self.down_until = None if seconds is None else self.now() + timedelta(seconds=seconds)
        self.changes.announce("state")

    def end_outage(self, time: datetime) -> None:
        """Bring the database back; phones send from this time on."""
        if self.down:
            for phone in self.phones.values():
                phone.rest_until(time)
        self.down, self.down_until = False, None
        self.changes.announce("state")

    def end_due_outage(self) -> None:
        """Bring the database back if its time has come."""
        if self.down_until is not None and self.now() >= self.down_until:
            self.end_outage(self.down_until)

    def settle_for_send(self) -> None:
        """Leave what is due to the next look or to a send a second later: the response to a send does not show it.

        Phones then act for many messages at once, but not for so many that the look takes long.
        """
        is_watched = self.queue_limit is not None or any(device.confirms_waiting for device in self.devices)
        if is_watched or self.now() - self._settled_at >= _LONGEST_DELAY:
            self.settle()

    def settle(self) -> None:
        """Execute everything that is due: actions of phones, hashing and deletion."""
        self.end_due_outage()
        self._settled_at = now = self.now()
        elapsed = (now - self.started_at).total_seconds()
        boundary = self.started_at + timedelta(seconds=elapsed - elapsed % self.hashing_interval)
        if boundary != self._hashed_until:
            self._hashed_until = boundary
            self._act(boundary)  # what phones report later, they report about hashed messages
            self.hash_reported(boundary)
        self._act(now)
        if now - self._tidied > timedelta(seconds=_DAY) and not self.local:
            self._tidied = now
            self.remove_messages(lambda row: row.state not in WAITING and now - row.created_at > _RETENTION)

    def _act(self, now: datetime) -> None:
        if not self.down:
            for phone in list(self.phones.values()):
                phone.act(now)

    def hash_reported(self, before: datetime | None = None) -> None:
        """Hash reported messages, or those reported before a time."""
        kept: dict[int, datetime] = {}
        for serial, time in self._unhashed.items():
            if before and time >= before:
                kept[serial] = time
                continue
            message = self.store.by_serial(serial)
            if message:
                message.hash()
                self.changes.announce("message", message.serial)
        self._unhashed = kept


def _fields(settings: TokenSettings) -> tuple[bool, float, float]:
    return settings.enabled, settings.access_ttl, settings.refresh_ttl


def _hours(count: int) -> timedelta:
    try:
        return timedelta(hours=count)
    except OverflowError:
        return timedelta.max
