"""Sends over real sockets that fail: correctness of the results, open files and memory afterwards."""

from __future__ import annotations

import asyncio
import gc
import linecache
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from smsgate import APIClient, AsyncAPIClient, Message, SMSGateError, Timeout, TransportError, ahttp, http
from smsgate.emulator import FAULTS, Faults
from smsgate.http import Request

from . import personal_data
from .audit import Claim, Verdicts, audit
from .sends import QUICK, account, message
from .server import AsyncRefusingBackend, FaultyServer, RefusingBackend, open_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smsgate import MessageState

    from .personal_data import Scan

__all__ = ["SocketFigures", "measure_sends"]

_SHORT_TIMEOUT = Timeout(connect=5.0, read=0.15, total=0.3)
_CALLERS = 16
_REPEATED_MESSAGE = message(0).model_copy(update={"id": "the-same-again"})


@dataclass(frozen=True, slots=True)
class SocketFigures:
    """Figures after faults over real sockets.

    Attributes:
        sends: how many different messages were sent.
        faults: how many exchanges were hit.
        verdicts: correctness of the reported results.
        files: increase in open files.
        blocks: increase in blocks of Python's allocator; a leak of one object per fault adds one each.
        seconds: duration.
    """

    sends: int
    faults: int
    verdicts: Verdicts
    files: int
    blocks: int
    seconds: float


@dataclass(slots=True)
class _SharedWork:
    """State shared by all callers.

    First each message is new; then one message is repeated, so that memory stays constant.
    """

    fault_sources: list[Faults]
    scan: Scan
    claims: list[Claim] = field(default_factory=list[Claim])
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def hit(self) -> int:
        """Number of exchanges hit by a fault so far."""
        return sum(sum(faults.counts.values()) for faults in self.fault_sources)

    def next(self, goal: int, *, repeat: bool) -> tuple[int, Message] | None:
        """The next message, or None when enough exchanges were hit."""
        if self.hit() >= goal:
            return None
        index = 0 if repeat else next(self.numbers)
        return index, _REPEATED_MESSAGE if repeat else message(index)

    def note(self, index: int, said: MessageState | SMSGateError) -> None:
        """Record the result that the client reported for a message."""
        if isinstance(said, SMSGateError):
            self.scan.error(said)
            said = said.with_traceback(None)
        if index:
            self.claims.append(Claim(personal_data.text(index), personal_data.number(index), said))


def measure_sends(faults: int, *, use_async: bool, backend: str, rate: float, seed: int, scan: Scan) -> SocketFigures:
    """Send until a number of exchanges have been hit by faults.

    In the first fifth every message is new and audited. Then one message is repeated, so that the gateway stores no
    more, and memory is measured.

    Args:
        faults: number of exchanges to hit before it ends.
        use_async: 16 tasks of an asynchronous client, else 16 threads of a synchronous one.
        backend: name of the HTTP backend.
        rate: share of exchanges that fail.
        seed: of the faults.
        scan: sees every error.
    """
    _initialize(backend)
    files = open_files()
    started = time.perf_counter()
    gateway = account(seed=seed)
    served = Faults.random(rate, seed=seed, kinds=[name for name in FAULTS if name != "refuse"])
    refusal = rate / len(FAULTS)
    with FaultyServer(gateway, served) as server:
        options: dict[str, Any] = {
            "base_url": server.url,
            "retry": QUICK,
            "pin_device": True,
            "timeout": _SHORT_TIMEOUT,
        }
        options |= {"login": personal_data.LOGIN, "password": personal_data.PASSWORD}
        if use_async:
            refusing = AsyncRefusingBackend(ahttp.get_client(backend), rate=refusal, seed=seed)
            work_state = _SharedWork([served, refusing.faults], scan)
            blocks = asyncio.run(_tasks(AsyncAPIClient(http=refusing, **options), work_state, faults))
        else:
            blocking = RefusingBackend(http.get_client(backend), rate=refusal, seed=seed)
            work_state = _SharedWork([served, blocking.faults], scan)
            blocks = _threads(APIClient(http=blocking, **options), work_state, faults)
    gateway.faults = None
    gc.collect()
    verdicts = audit(gateway, work_state.claims, beside=[_REPEATED_MESSAGE.id or ""])
    seconds = time.perf_counter() - started
    return SocketFigures(len(work_state.claims), work_state.hit(), verdicts, open_files() - files, blocks, seconds)


def _initialize(backend: str) -> None:
    """Make one request that fails, because pyreqwest opens a few files once per process and keeps them open."""
    if backend == "pyreqwest":
        with closing(http.get_client(backend)) as client, suppress(TransportError):
            client.send(Request("GET", "http://127.0.0.1:9/", {}, None, _SHORT_TIMEOUT))


def _goals(faults: int) -> list[tuple[int, bool]]:
    return [(faults // 5, False), (faults * 2 // 5, True), (faults, True)]


def _threads(client: APIClient, work_state: _SharedWork, faults: int) -> int:
    def work(goal: int, repeat: bool) -> None:  # noqa: FBT001 - two arguments of map
        while (found := work_state.next(goal, repeat=repeat)) is not None:
            try:
                said: MessageState | SMSGateError = client.send(found[1])
            except SMSGateError as error:
                said = error
            work_state.note(found[0], said)

    blocks = [0]
    with client, ThreadPoolExecutor(_CALLERS) as pool:
        for goal, repeat in _goals(faults):
            list(pool.map(work, [goal] * _CALLERS, [repeat] * _CALLERS))
            blocks.append(_blocks())
    return blocks[-1] - blocks[-2]


async def _tasks(client: AsyncAPIClient, work_state: _SharedWork, faults: int) -> int:
    async def work(goal: int, *, repeat: bool) -> None:
        while (found := work_state.next(goal, repeat=repeat)) is not None:
            try:
                said: MessageState | SMSGateError = await client.send(found[1])
            except SMSGateError as error:
                said = error
            work_state.note(found[0], said)

    blocks = [0]
    async with client:
        for goal, repeat in _goals(faults):
            await asyncio.gather(*(work(goal, repeat=repeat) for _ in range(_CALLERS)))
            blocks.append(_blocks())
    return blocks[-1] - blocks[-2]


def _blocks() -> int:
    linecache.clearcache()  # source lines that tracebacks showed
    gc.collect()
    return sys.getallocatedblocks()
