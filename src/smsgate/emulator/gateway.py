"""Emulated gateway: requests in, responses out, and test controls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from string import ascii_uppercase
from types import NoneType
from typing import TYPE_CHECKING, get_args

from smsgate._http import Response
from smsgate.emulator._arguments import check_functions, check_seconds, check_time, check_type, check_types
from smsgate.emulator._cloud import routes as cloud
from smsgate.emulator._controls import GatewayControls
from smsgate.emulator._http.responses import RequestError, with_headers
from smsgate.emulator._http.routing import MAX_BODY, MAX_HEADERS, parse_request, request_head_size
from smsgate.emulator._http.timestamps import Clock, system_clock
from smsgate.emulator._local import routes as local
from smsgate.emulator._phone.deliveries import Deliveries
from smsgate.emulator._state.queue_limit import QueueLimit
from smsgate.emulator._state.state import GatewayConfig, GatewayState, Mode, draw_seed
from smsgate.emulator.adapters import AsyncGatewayHttp, GatewayHttp
from smsgate.emulator.faults import Fault, FaultSource, ServedExchange, apply_fault
from smsgate.phone import Delivery, DeliveryQueue, PhoneTimings, Transmission
from smsgate.runtime.locks import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate._http import Request
    from smsgate.emulator._state.devices import Device
    from smsgate.emulator._state.messages import Message
    from smsgate.emulator._state.tokens import TokenSettings


@dataclass(frozen=True, slots=True)
class GatewayInternals:
    """Parts of a gateway; the lock is held around every use of the others."""

    state: GatewayState
    queue: DeliveryQueue
    lock: ForkSafeLock
    set_devices: Callable[[list[Device]], None]


class Gateway(GatewayControls):
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
        timings: timings of the phones, by default those of `PhoneTimings`.

    Raises:
        TypeError: an argument of another type.
        ValueError: an argument out of range.

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
        timings: PhoneTimings | None = None,
    ) -> None:
        check_types(login=login, password=password, devices=devices, phone=phone, seed=seed, timings=timings)
        check_functions(clock=clock, faults=faults)
        if mode not in get_args(Mode):
            raise ValueError(f"mode is one of {', '.join(get_args(Mode))}.")
        if not login or not password or ":" in login:
            raise ValueError("An account needs a login without a colon and a password.")
        if devices < 0:
            raise ValueError("devices is a number from 0 on.")
        seed = draw_seed() if seed is None else seed
        clock = clock or system_clock
        check_time("The clock's time", clock())
        self._state = GatewayState(GatewayConfig(login, password, mode, clock, seed))
        self._first_timings = timings or PhoneTimings()
        self._state.timings = replace(self._first_timings)
        self._queue = DeliveryQueue(self._state.chance, self._announce)
        self._state.events = self._queue
        for number in range(devices if mode == "cloud" else 1):
            self._add_device(f"Phone {ascii_uppercase[number % 26]}", active=phone)
        self._first_devices = [replace(device) for device in self._state.devices]
        self._handle = local.handle if self._state.local else cloud.handle
        self.faults = faults
        self._lock = ForkSafeLock()
        self._deliveries = Deliveries(self._queue, self._state, self._lock)

    def __repr__(self) -> str:
        return f"Gateway(mode={self.mode!r}, devices={len(self._state.devices)})"

    @property
    def internals(self) -> GatewayInternals:
        """State, queue and lock, for the server of this package; programs use the other members."""
        return GatewayInternals(self._state, self._queue, self._lock, self._set_devices)

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
            if found is not None:
                check_type("the result of faults", found, Fault, Response)
            if found is None or (found.kind == "outage" and self._state.local):
                return ServedExchange(None, self._respond(request))
            if found.kind == "outage":
                return ServedExchange(found, self._respond_without_database(request))
            return ServedExchange(found, apply_fault(found, self._respond(request) if found.is_executed else None))

    def _respond(self, request: Request) -> Response:
        try:
            self._check_size(request)
            response = self._handle(self._state, parse_request(request))
        except RequestError as refused:
            response = with_headers(refused.response(), {})
        bare = request.method.upper() == "HEAD"
        return Response(response.status, response.headers, b"") if bare else response

    def _respond_without_database(self, request: Request) -> Response:
        self._state.settle()  # before, because it may end an outage
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

    def _announce(self, delivery: Delivery) -> None:
        self._state.changes.announce("delivery", delivery.id)

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
        with self._lock:
            self._state.settle()  # before the caller changes a field
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
            return sorted(self._state.radio, key=lambda item: item.at)  # several phones act one after the other

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
        with self._lock:
            self._state.settle()  # before the caller changes a field
            return self._state.timings

    @property
    def hashing_interval(self) -> float:
        """Seconds between two rounds of hashing; each hashes the messages that were reported before it."""
        return self._state.hashing_interval

    @hashing_interval.setter
    def hashing_interval(self, seconds: float) -> None:
        check_seconds("hashing_interval", seconds)
        if not seconds:
            raise ValueError("hashing_interval is above 0; hash_now hashes at once.")
        with self._lock:
            self._state.settle()
            self._state.hashing_interval = seconds

    @property
    def queue_limit(self) -> QueueLimit | None:
        """When a device's queue is full and sends get 503; ``None`` is never."""
        return self._state.queue_limit

    @queue_limit.setter
    def queue_limit(self, limit: QueueLimit | None) -> None:
        check_type("queue_limit", limit, QueueLimit, NoneType)
        self._state.queue_limit = limit
