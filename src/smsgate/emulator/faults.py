"""Faults between a client and the gateway: choice of the fault and its effect.

A fault either prevents the execution of a request or damages its response. The adapters in memory raise the error of
a real backend without waiting; over a port `smsgate.emulator._server.asgi` applies faults as far as ASGI permits.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from smsgate._http import Request, Response
from smsgate.emulator._http.responses import json_response, text_response
from smsgate.emulator._http.routing import PREFIXES, strip_prefix
from smsgate.errors import ConnectError, RequestTimeoutError, TransportError
from smsgate.http import Headers
from smsgate.runtime.locks import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from typing_extensions import Self

FaultKind = Literal["refuse", "reset", "lost", "late", "truncate", "drip", "garbage", "status", "outage"]

_SPOILED = ("lost", "late", "truncate", "drip", "outage")
_EITHER = ("garbage", "status")
_PAGE = "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
_NONSENSE = b'{"id": \xff\xfe'
_NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Fault:
    """Fault of one request.

    Not executed: ``refuse`` (no connection) and ``reset`` (cut before the request was read). Executed, with a
    damaged response: ``lost`` (cut before the response), ``late`` (after the client's time limit), ``truncate`` (cut in
    the body) and ``drip`` (the body comes too slowly). Either: ``garbage`` (a body that makes no sense) and
    ``status`` (an error status). ``outage``: the database is down (api-facts §12), so most calls get 401 or
    500.

    Args:
        kind: kind of fault.
        handled: for ``garbage`` and ``status``, whether the request is executed.
        status: the status of ``status``.
        retry_after: its ``Retry-After`` header.
        exchanges: number of consecutive exchanges that an ``outage`` hits; `Faults` counts them.
        seconds: duration of ``late`` and ``drip`` over a port, unless the client disconnects before.

    Example:
        >>> Fault("status", status=503, handled=True).name
        '503-handled'
    """

    kind: FaultKind
    handled: bool = False
    status: int = 503
    retry_after: str | None = None
    exchanges: int = 4
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"A fault's kind is one of {', '.join(get_args(FaultKind))}.")
        if self.handled and self.kind not in _EITHER:
            raise ValueError(f"handled is a choice only for {' and '.join(_EITHER)}.")

    @property
    def is_executed(self) -> bool:
        """Whether the gateway executes the request."""
        return self.handled or self.kind in _SPOILED

    @property
    def name(self) -> str:
        """Name in `FAULTS`, scripts and counts: kind or status, with ``-handled`` if the request is executed."""
        word = f"{self.status:d}" if self.kind == "status" else self.kind
        return f"{word}-handled" if self.handled else word


FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("refuse"),
        Fault("reset"),
        Fault("lost"),
        Fault("late"),
        Fault("truncate"),
        Fault("drip"),
        Fault("garbage"),
        Fault("garbage", handled=True),
        Fault("status", status=408),
        Fault("status", status=429, retry_after="0"),
        *(Fault("status", status=status) for status in (500, 502, 503, 504)),
        *(Fault("status", status=status, handled=True) for status in (408, 500, 502, 503, 504)),
        Fault("outage"),
    )
}
"""Every fault by its name. 429 means by definition that nothing was done, so it has no handled form; its
``Retry-After`` is 0, so that tests do not wait."""

Step: TypeAlias = "Fault | str | int | None"
FaultSource: TypeAlias = "Callable[[Request], Fault | Response | None]"
"""Function that a gateway calls before each exchange.

A response that it returns is used as it is; the adapters raise what it raises.
"""


class Faults:
    """Source of faults, for ``Gateway(faults=…)`` or ``gateway.faults``: chooses the fault of each exchange.

    Threads may share it. Faults of one thread, or of tasks in a fixed order, are the same in every run.

    Attributes:
        exchanges: number of exchanges so far.
        counts: number of exchanges that each fault hit, by name.

    Example:
        >>> from smsgate.emulator import Gateway
        >>> gateway = Gateway(faults=Faults.script(["lost", None, 503], only=["POST /messages"]))
        >>> gateway.faults = Faults.random(0.3, seed=1)
    """

    def __init__(self, choose: Callable[[], Fault | None], only: Sequence[str] = ()) -> None:
        self._choose = choose
        self._only = tuple(only)
        self._lock = ForkSafeLock()
        self._lasting: Fault | None = None
        self._left = 0
        self.exchanges: int = 0
        self.counts: Counter[str] = Counter()

    @classmethod
    def random(
        cls,
        rate: float = 0.3,
        *,
        seed: int = 0,
        kinds: Iterable[Fault | str | int] = tuple(FAULTS),
        only: Sequence[str] = (),
    ) -> Self:
        """Return a source that lets each exchange fail with a probability, in one of several ways.

        Args:
            rate: from 0 to 1; the further exchanges of an outage come on top.
            seed: the same seed gives the same faults.
            kinds: faults, or names of `FAULTS`, each as likely as the others.
            only: methods, paths or both below the API's prefix, ``*`` for anything: ``"POST /messages"``,
                ``"GET"``, ``"/messages/*"``. Other exchanges succeed. Default is all exchanges.

        Raises:
            ValueError: for a rate outside 0 to 1, an unknown name, or no kinds at all.
        """
        choices = [_fault(kind) for kind in kinds]
        if not 0 <= rate <= 1 or not choices:
            raise ValueError("rate is a number from 0 to 1, and kinds names at least one fault.")
        source = random.Random(seed)  # noqa: S311 - repeatable on purpose, nothing here is secret
        return cls(lambda: source.choice(choices) if source.random() < rate else None, only)

    @classmethod
    def script(cls, steps: Iterable[Step], *, only: Sequence[str] = ()) -> Self:
        """Return a source that lets exchanges fail in the order of a script; requests after its end succeed.

        Args:
            steps: one for each exchange: a fault, a name of `FAULTS`, a status, or None for none.
            only: the exchanges that take a step each, as for `random`.

        Raises:
            ValueError: for an unknown name.
        """
        remaining = iter([None if step is None else _fault(step) for step in steps])
        return cls(lambda: next(remaining, None), only)

    def __call__(self, request: Request) -> Fault | None:
        """Choose the fault of this exchange, None for none."""
        with self._lock:
            self.exchanges += 1
            fault = self._next(request)
            if fault is not None:
                self.counts[fault.name] += 1
            return fault

    def __repr__(self) -> str:
        return f"Faults(exchanges={self.exchanges}, failed={sum(self.counts.values())})"

    def _next(self, request: Request) -> Fault | None:
        if self._left:
            self._left -= 1
            return self._lasting
        if self._only and not any(_matches(pattern, request) for pattern in self._only):
            return None
        fault = self._choose()
        if fault is not None and fault.kind == "outage":
            self._lasting, self._left = fault, fault.exchanges - 1
        return fault


@dataclass(frozen=True, slots=True)
class ServedExchange:
    """One exchange on the gateway's side: its fault, and its response if there is one."""

    fault: Fault | None
    response: Response | None

    @property
    def is_broken(self) -> bool:
        """Whether no complete response reaches the client."""
        return self.fault is not None and self.fault.kind in _BREAKS

    def result(self) -> Response:
        """Return the response that a backend returns.

        Raises:
            TransportError: the error of a real backend, raised without waiting for a timeout.
        """
        if self.response is not None and not self.is_broken:
            return self.response
        error, text, sent = _BREAKS[self.fault.kind if self.fault is not None else "lost"]
        raise error(text, sent=sent)

    def partial_response(self) -> Response:
        """Return the response of a streaming backend: half of a truncated body."""
        if self.fault is not None and self.fault.kind in _HALVED and self.response is not None:
            whole = self.response
            return Response(whole.status, whole.headers, whole.content[: len(whole.content) // 2])
        return self.result()


_RESET = "the exchange broke off: Connection reset by peer"
_LATE = "the response took longer than the time allowed"
_BREAKS: Mapping[str, tuple[type[TransportError], str, bool | None]] = {
    "refuse": (ConnectError, "no connection: Connection refused", False),
    "reset": (TransportError, _RESET, None),
    "lost": (TransportError, _RESET, None),
    "late": (RequestTimeoutError, _LATE, None),
    "truncate": (TransportError, "the exchange broke off: the body ended early", True),
    "drip": (RequestTimeoutError, _LATE, True),
}
_HALVED = ("truncate", "drip")


def apply_fault(fault: Fault, response: Response | None) -> Response | None:
    """Return the response after a fault; None when the request was not executed."""
    if fault.kind == "status":
        return _refusal(fault)
    if fault.kind != "garbage":
        return response
    if response is None:
        return _page(200, "Welcome")
    status = 200 if response.status == _NO_CONTENT else response.status
    return Response(status, Headers({"content-type": "application/json"}), _NONSENSE)


def _refusal(fault: Fault) -> Response:
    headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
    if fault.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return json_response(fault.status, {"message": "failed to handle request"}, headers)
    phrase = HTTPStatus(fault.status).phrase
    if fault.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return text_response(fault.status, phrase, headers)
    return _page(fault.status, f"{fault.status} {phrase}", headers)


def _page(status: int, title: str, headers: Mapping[str, str] | None = None) -> Response:
    shown = Headers({"content-type": "text/html", **(headers or {})})
    return Response(status, shown, _PAGE.format(title=title).encode())


def _fault(step: Fault | str | int) -> Fault:
    if isinstance(step, Fault):
        return step
    if str(step) not in FAULTS:
        raise ValueError(f"A fault's name is one of {', '.join(FAULTS)}.")
    return FAULTS[str(step)]


def _matches(pattern: str, request: Request) -> bool:
    method, _, path = pattern.rpartition(" ")
    if not path.startswith("/"):
        method, path = path, "*"
    return method in {"", request.method.upper()} and fnmatchcase(_path(request), path)


def _path(request: Request) -> str:
    whole = urlsplit(request.url).path
    found = (strip_prefix(whole, prefix) for prefix in PREFIXES)
    return next((rest for rest in found if rest), whole)
