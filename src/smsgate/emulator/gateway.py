"""The pretend gateway: requests in, responses out, and handles for tests to turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from smsgate._http import Response
from smsgate.emulator import cloud, local
from smsgate.emulator.adapters import AsyncGatewayHttp, GatewayHttp
from smsgate.emulator.answers import RefusedError, with_headers
from smsgate.emulator.books import Books, Mode, Opening
from smsgate.emulator.deliveries import Deliveries
from smsgate.emulator.faults import FaultSource, Played, spoiled
from smsgate.emulator.inbox import FOUND_TYPES, INCOMING_TYPES, Attachment, IncomingMessage, take_in
from smsgate.emulator.reports import apply_locally, apply_report
from smsgate.emulator.routing import MAX_BODY, MAX_HEADERS, head_size, take_apart
from smsgate.emulator.timestamps import Clock, system_clock
from smsgate.runtime.locks import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from smsgate._http import Request
    from smsgate.emulator.devices import Device
    from smsgate.emulator.messages import Message
    from smsgate.emulator.phone import PhoneTimings, Transmission
    from smsgate.emulator.queue_limit import QueueLimit
    from smsgate.emulator.tokens import TokenSettings


class Gateway:
    """One account on a pretend server, with pretend phones, in memory.

    Everything is repeatable: time comes from ``clock``, chance from ``seed``. Threads may share a gateway.

    Args:
        login: the account's login.
        password: the account's password.
        mode: ``"cloud"`` (also every private server) or ``"local"``, a phone's own server.
        devices: number of phones; a local server always has one.
        phone: whether the phones act by themselves; without, only `report` moves messages on.
        clock: gives the time as an aware datetime; default is the real time. See `ManualClock`.
        seed: seeds ids and the choice among several devices.
        faults: says before each exchange what goes wrong with it, see `Faults`. Any function of a request does, that
            returns a `Fault`, a response to answer with, or None to let the gateway answer; what it raises, the
            adapters raise.

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
        seed: int = 0,
        faults: FaultSource | None = None,
    ) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"mode is one of {', '.join(get_args(Mode))}.")
        if not login or not password or ":" in login:
            raise ValueError("An account needs a login without a colon and a password.")
        self._books = Books(Opening(login, password, mode, devices, phone, clock or system_clock, seed))
        self._answer = local.answer if self._books.local else cloud.answer
        self.faults = faults
        self._lock = ForkSafeLock()
        self._deliveries = Deliveries(self._books, self._lock)

    def __repr__(self) -> str:
        return f"Gateway(mode={self.mode!r}, devices={len(self.devices)})"

    # -- exchanges -----------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request; the URL's scheme and host do not matter.

        Raises:
            TransportError: when `faults` spoil the exchange, the one that a real backend would raise.
            ImportError: when numbers are to be checked and phonenumbers is missing.
        """
        return self.play(request).received()

    def play(self, request: Request) -> Played:
        """Go through one exchange on the gateway's side: for servers that act out themselves what goes wrong.

        Raises:
            ImportError: when numbers are to be checked and phonenumbers is missing.
        """
        with self._lock:
            found = self.faults(request) if self.faults else None
            if isinstance(found, Response):
                return Played(None, found)
            if found is None or (found.kind == "outage" and self._books.local):
                return Played(None, self._respond(request))
            if found.kind == "outage":
                return Played(found, self._respond_without_database(request))
            return Played(found, spoiled(found, self._respond(request) if found.arrives else None))

    def _respond(self, request: Request) -> Response:
        self._books.settle()
        try:
            self._check_size(request)
            response = self._answer(self._books, take_apart(request))
        except RefusedError as refused:
            response = refused.answer()
        if response.status != 204:  # noqa: PLR2004 - No Content has no length either
            response = with_headers(response, {"content-length": str(len(response.content))})
        bare = request.method.upper() == "HEAD"
        return Response(response.status, response.headers, b"") if bare else response

    def _respond_without_database(self, request: Request) -> Response:
        before, self._books.down = self._books.down, True
        try:
            return self._respond(request)
        finally:
            self._books.down = before

    def http(self) -> GatewayHttp:
        """An HTTP backend for ``APIClient(http=…)`` that talks to this gateway without a network."""
        return GatewayHttp(self)

    def async_http(self) -> AsyncGatewayHttp:
        """An HTTP backend for ``AsyncAPIClient(http=…)`` that talks to this gateway without a network."""
        return AsyncGatewayHttp(self)

    def _check_size(self, request: Request) -> None:
        if self._books.local:
            return
        if head_size(request) > MAX_HEADERS:
            raise RefusedError(431, "Request Header Fields Too Large")
        if len(request.content or b"") > MAX_BODY:
            raise RefusedError(413, "Request Entity Too Large")

    # -- what there is -------------------------------------------------------------------------------------------

    @property
    def login(self) -> str:
        """The account's login."""
        return self._books.login

    @property
    def password(self) -> str:
        """The account's password."""
        return self._books.password

    @property
    def mode(self) -> Mode:
        """``"cloud"`` or ``"local"``."""
        return "local" if self._books.local else "cloud"

    @property
    def devices(self) -> list[Device]:
        """The account's devices, alive: change ``last_seen`` or ``sim_cards`` as a test needs it."""
        return self._books.devices

    @property
    def messages(self) -> list[Message]:
        """Copies of all stored messages, oldest first, after everything due has happened."""
        with self._lock:
            self._books.settle()
            return self._books.store.copies()

    @property
    def radio(self) -> list[Transmission]:
        """Every text that the phones handed to their radio, in order: what recipients would have got."""
        with self._lock:
            self._books.settle()
            return list(self._books.radio)

    @property
    def deliveries(self) -> Deliveries:
        """What the phones have to tell webhooks; a `Deliverer` sends it."""
        return self._deliveries

    @property
    def tokens(self) -> TokenSettings:
        """How tokens are issued: change its fields."""
        return self._books.tokens.settings

    @property
    def timings(self) -> PhoneTimings:
        """How fast the phones are: change its fields."""
        return self._books.timings

    @property
    def hashing_interval(self) -> float:
        """Seconds between two rounds of hashing; each takes what was reported before it."""
        return self._books.hashing_interval

    @hashing_interval.setter
    def hashing_interval(self, seconds: float) -> None:
        self._books.hashing_interval = seconds

    @property
    def queue_limit(self) -> QueueLimit | None:
        """When a device's queue is full and sends are answered 503; ``None`` is never."""
        return self._books.queue_limit

    @queue_limit.setter
    def queue_limit(self, limit: QueueLimit | None) -> None:
        self._books.queue_limit = limit

    # -- handles to turn -----------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Let everything happen that is due by the clock; every request does so first."""
        with self._lock:
            self._books.settle()

    def add_device(self, name: str = "Phone", *, active: bool = True) -> Device:
        """Register one more phone.

        Raises:
            ValueError: in local mode, where the server is the phone.
        """
        if self._books.local:
            raise ValueError("A phone's local server is one phone.")
        with self._lock:
            return self._books.add_device(name, active=active)

    def switch(self, device_id: str, *, on: bool) -> None:
        """Switch a phone on or off; switched on, it takes up what waits from now on."""
        with self._lock:
            self._books.settle()
            device = self._books.device(device_id)
            if device is None:
                raise ValueError("There is no device with this id.")
            if on and not device.active:
                self._books.phones[device.id].rest_until(self._books.now())
            device.active = on

    def outage(self, down: bool = True) -> None:  # noqa: FBT001, FBT002 - outage(True) and outage(False) read well
        """Take the server's database down, or bring it back.

        Meanwhile right credentials are answered 401 unless the login is cached, and most else 500 (api-facts §12);
        phones neither get messages nor report.

        Raises:
            ValueError: in local mode, which has no such database.
        """
        if self._books.local:
            raise ValueError("A phone's local server has no database server to lose.")
        with self._lock:
            self._books.settle()
            if self._books.down and not down:
                for phone in self._books.phones.values():
                    phone.rest_until(self._books.now())
            self._books.down = down

    def hash_now(self) -> None:
        """Hash at once what devices have reported, instead of at the next interval."""
        with self._lock:
            self._books.settle()
            self._books.hash_reported()

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
            self._books.settle()
            rows = [row for row in self._books.store.find(message_id) if device_id in {None, row.device_id}]
            if not rows:
                return False
            given = list(recipients or self._all_recipients(rows[0], state, error))
            reached = dict(states or {state: self._books.now()})
            phone = self._books.phones.get(rows[0].device_id)
            if phone:
                phone.tell(rows[0], given, self._books.now())
            if self._books.local:
                told = {item["phoneNumber"]: (item["state"], item.get("error")) for item in given}
                apply_locally(rows[0], told, state, reached)
                return True
            report = {"id": message_id, "state": state, "recipients": given, "states": reached}
            device = self._books.device(rows[0].device_id)
            return device is not None and apply_report(self._books, device, report, self._books.now())

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
        """Let a text or MMS come in; a local server lists it under ``/inbox``, and webhooks are told.

        As on a real phone, a message that equals one of the same millisecond is seen once.

        Args:
            sender: a number, a name or a short code.
            text: the text; of data its hex form, of an MMS the subject or text.
            type: ``SMS``, ``DATA_SMS``, ``MMS`` (announced) or ``MMS_DOWNLOADED``.
            attachments: parts of an MMS.
            recipient: the phone's own number.
            sim_number: SIM that received it, counted from 1.
            received_at: the network's time; default is now.
            device_id: the phone that it came to; default is the first one.
            missed: whether the app was not running: webhooks hear of it after ``POST /inbox/refresh`` only.

        Raises:
            ValueError: for a type that the API does not know or that cannot be missed, or a device that does not exist.
        """
        if type not in INCOMING_TYPES:
            raise ValueError(f"type is one of {', '.join(INCOMING_TYPES)}.")
        if missed and type not in FOUND_TYPES.values():
            raise ValueError(f"A refresh finds {' and '.join(FOUND_TYPES.values())} only.")
        with self._lock:
            self._books.settle()
            moment = received_at or self._books.now()
            item = IncomingMessage("", type, sender, text, moment, recipient, sim_number, tuple(attachments))
            return take_in(self._books, self._books.some_device(device_id), item, missed=missed)

    def log(
        self, message: str, *, priority: str = "INFO", module: str = "emulator", context: dict[str, Any] | None = None
    ) -> None:
        """Write an entry into the phone's log, which a local server shows under ``/logs``."""
        with self._lock:
            entry: dict[str, Any] = {"priority": priority, "module": module, "message": message}
            entry["id"] = len(self._books.log) + 1
            if context is not None:
                entry["context"] = context
            self._books.log.append({**entry, "createdAt": self._books.now()})

    @staticmethod
    def _all_recipients(row: Message, state: str, error: str | None) -> list[dict[str, Any]]:
        shown: dict[str, Any] = {"state": state} if error is None else {"state": state, "error": error}
        return [{"phoneNumber": number, **shown} for number in row.numbers]
