"""Emulated gateway: requests in, responses out, and test controls."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, get_args

from smsgate._http import Response
from smsgate.emulator._cloud import routes as cloud
from smsgate.emulator._http.responses import RequestError, with_headers
from smsgate.emulator._http.routing import MAX_BODY, MAX_HEADERS, parse_request, request_head_size
from smsgate.emulator._http.timestamps import Clock, system_clock
from smsgate.emulator._local import routes as local
from smsgate.emulator._phone.deliveries import Deliveries, DeliveryQueue
from smsgate.emulator._phone.inbox import store_received
from smsgate.emulator._phone.phone import Phone
from smsgate.emulator._state.incoming import FOUND_TYPES, INCOMING_TYPES, Attachment, IncomingMessage
from smsgate.emulator._state.reports import apply_locally, apply_report
from smsgate.emulator._state.state import GatewayConfig, GatewayState, Mode, draw_seed
from smsgate.emulator.adapters import AsyncGatewayHttp, GatewayHttp
from smsgate.emulator.faults import FaultSource, ServedExchange, apply_fault
from smsgate.emulator.outbox import OutboxControls
from smsgate.runtime.locks import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from smsgate._http import Request
    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.messages import Message
    from smsgate.emulator._state.phones import PhoneTimings, Transmission
    from smsgate.emulator._state.queue_limit import QueueLimit
    from smsgate.emulator._state.tokens import TokenSettings


class Gateway(OutboxControls):
    """One account on an emulated server, with emulated phones, in memory.

    With a ``clock`` and a ``seed`` results are reproducible. Threads may share a gateway.

    Args:
        login: the account's login.
        password: the account's password.
        mode: ``"cloud"`` (also every private server) or ``"local"``, a phone's own server.
        devices: number of phones; a local server always has one.
        phone: whether the phones act by themselves; without, only `report` moves messages on.
        clock: gives the time as an aware datetime; default is the real time. See `ManualClock`.
        seed: seeds ids, keys and the choice among several devices; drawn when absent, so that no other emulator's
            tokens are good here.
        faults: chooses the fault of each exchange, see `Faults`. Or any function of a request that returns a `Fault`,
            a response of its own, or None to let the gateway respond; the adapters raise what it raises.

    Attributes:
        faults: as above; may be changed at any time.

    Example:
        >>> gateway = Gateway(devices=2)
        >>> len(gateway.devices)
        2
    """

    def __init__(
        self,
        *,
        login: str = "demo",
        password: str = "demo-password",  # noqa: S107 - the documented demo account
        mode: Mode = "cloud",
        devices: int = 1,
        phone: bool = True,
        clock: Clock | None = None,
        seed: int | None = None,
        faults: FaultSource | None = None,
    ) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"mode is one of {', '.join(get_args(Mode))}.")
        if not login or not password or ":" in login:
            raise ValueError("An account needs a login without a colon and a password.")
        seed = draw_seed() if seed is None else seed
        self._state = GatewayState(GatewayConfig(login, password, mode, clock or system_clock, seed))
        queue = DeliveryQueue(self._state)
        self._state.events = queue
        for number in range(devices if mode == "cloud" else 1):
            self._add_device(f"Phone {ascii_uppercase[number % 26]}", active=phone)
        self._handle = local.handle if self._state.local else cloud.handle
        self.faults = faults
        self._lock = ForkSafeLock()
        self._deliveries = Deliveries(queue, self._state, self._lock)

    def __repr__(self) -> str:
        return f"Gateway(mode={self.mode!r}, devices={len(self.devices)})"

    # -- exchanges -----------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Handle one request; the URL's scheme and host do not matter.

        Raises:
            TransportError: when `faults` spoil the exchange, the one that a real backend would raise.
            ImportError: when numbers are to be checked and phonenumbers is missing.
        """
        return self.play(request).result()

    def play(self, request: Request) -> ServedExchange:
        """Carry out one exchange on the gateway's side, for servers that apply faults themselves.

        Raises:
            ImportError: when numbers are to be checked and phonenumbers is missing.
        """
        with self._lock:
            found = self.faults(request) if self.faults else None
            if isinstance(found, Response):
                return ServedExchange(None, found)
            if found is None or (found.kind == "outage" and self._state.local):
                return ServedExchange(None, self._respond(request))
            if found.kind == "outage":
                return ServedExchange(found, self._respond_without_database(request))
            return ServedExchange(found, apply_fault(found, self._respond(request) if found.is_executed else None))

    def _respond(self, request: Request) -> Response:
        self._state.settle()
        try:
            self._check_size(request)
            response = self._handle(self._state, parse_request(request))
        except RequestError as refused:
            response = refused.response()
        if response.status != 204:  # noqa: PLR2004 - No Content has no length either
            response = with_headers(response, {"content-length": str(len(response.content))})
        bare = request.method.upper() == "HEAD"
        return Response(response.status, response.headers, b"") if bare else response

    def _respond_without_database(self, request: Request) -> Response:
        before, self._state.down = self._state.down, True
        try:
            return self._respond(request)
        finally:
            self._state.down = before

    def http(self) -> GatewayHttp:
        """Return an HTTP backend for ``APIClient(http=…)`` that talks to this gateway without a network."""
        return GatewayHttp(self)

    def async_http(self) -> AsyncGatewayHttp:
        """Return an HTTP backend for ``AsyncAPIClient(http=…)`` that talks to this gateway without a network."""
        return AsyncGatewayHttp(self)

    def _check_size(self, request: Request) -> None:
        if self._state.local:
            return
        if request_head_size(request) > MAX_HEADERS:
            raise RequestError(431, "Request Header Fields Too Large")
        if len(request.content or b"") > MAX_BODY:
            raise RequestError(413, "Request Entity Too Large")

    # -- state --------------------------------------------------------------------------------------------------

    @property
    def login(self) -> str:
        """The account's login."""
        return self._state.login

    @property
    def password(self) -> str:
        """The account's password."""
        return self._state.password

    @property
    def mode(self) -> Mode:
        """``"cloud"`` or ``"local"``."""
        return "local" if self._state.local else "cloud"

    @property
    def devices(self) -> list[Device]:
        """The account's devices, live objects: tests may change ``last_seen`` or ``sim_cards``."""
        return self._state.devices

    @property
    def messages(self) -> list[Message]:
        """Copies of all stored messages, oldest first, after everything due has happened."""
        with self._lock:
            self._state.settle()
            return self._state.store.copy_rows()

    @property
    def radio(self) -> list[Transmission]:
        """Texts that the phones sent over their radio, in order."""
        with self._lock:
            self._state.settle()
            return list(self._state.radio)

    @property
    def deliveries(self) -> Deliveries:
        """Webhook deliveries of the phones; a `WebhookSender` sends them."""
        return self._deliveries

    @property
    def tokens(self) -> TokenSettings:
        """Settings of tokens: change its fields."""
        return self._state.tokens.settings

    @property
    def timings(self) -> PhoneTimings:
        """Timings of the phones: change its fields."""
        return self._state.timings

    @property
    def hashing_interval(self) -> float:
        """Seconds between two rounds of hashing; each hashes the messages that were reported before it."""
        return self._state.hashing_interval

    @hashing_interval.setter
    def hashing_interval(self, seconds: float) -> None:
        self._state.hashing_interval = seconds

    @property
    def queue_limit(self) -> QueueLimit | None:
        """When a device's queue is full and sends get 503; ``None`` is never."""
        return self._state.queue_limit

    @queue_limit.setter
    def queue_limit(self, limit: QueueLimit | None) -> None:
        self._state.queue_limit = limit

    # -- test controls -----------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Execute everything that is due; every request does so first."""
        with self._lock:
            self._state.settle()

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

    def switch(self, device_id: str, *, on: bool) -> None:
        """Switch a phone on or off; switched on, it sends waiting messages."""
        with self._lock:
            self._state.settle()
            device = self._state.device(device_id)
            if device is None:
                raise ValueError("There is no device with this id.")
            if on and not device.active:
                self._state.phones[device.id].rest_until(self._state.now())
            device.active = on

    def outage(self, down: bool = True) -> None:  # noqa: FBT001, FBT002 - outage(True) and outage(False) read well
        """Take the server's database down, or bring it back.

        Correct credentials then get 401 unless the login is cached, and most other requests 500 (api-facts §12);
        phones neither get messages nor report.

        Raises:
            ValueError: in local mode, which has no such database.
        """
        if self._state.local:
            raise ValueError("A phone's local server has no database server to lose.")
        with self._lock:
            self._state.settle()
            if self._state.down and not down:
                for phone in self._state.phones.values():
                    phone.rest_until(self._state.now())
            self._state.down = down

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
                apply_locally(rows[0], changes, state, reached)
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
