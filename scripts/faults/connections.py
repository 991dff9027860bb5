"""Sends over real sockets that fail in every way, and what is left of it: truth, open files, memory."""

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

from . import canaries
from .books import Claim, Verdicts, audit
from .sends import QUICK, account, message
from .wire import AsyncRefusing, Refusing, WireServer, open_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smsgate import MessageState

    from .canaries import Scan

__all__ = ["Remains", "endure"]

_IMPATIENT = Timeout(connect=5.0, read=0.15, total=0.3)
_CALLERS = 16
_SAME = message(0).model_copy(update={"id": "the-same-again"})


@dataclass(frozen=True, slots=True)
class Remains:
    """What is left after faults over real sockets.

    Attributes:
        sends: how many different messages were sent.
        faults: how many exchanges were hit.
        verdicts: how true the client was.
        files: open files more than before.
        blocks: blocks of Python's allocator more than before; a leak of one object a fault is one each.
        seconds: how long it took.
    """

    sends: int
    faults: int
    verdicts: Verdicts
    files: int
    blocks: int
    seconds: float


@dataclass(slots=True)
class _Labour:
    """The work that all callers share: messages of their own first, then one and the same, which leaves no trace."""

    drawn: list[Faults]
    scan: Scan
    claims: list[Claim] = field(default_factory=list[Claim])
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def hit(self) -> int:
        """How many exchanges were hit so far."""
        return sum(sum(faults.counts.values()) for faults in self.drawn)

    def next(self, goal: int, *, repeat: bool) -> tuple[int, Message] | None:
        """The next message, or None when enough exchanges were hit."""
        if self.hit() >= goal:
            return None
        index = 0 if repeat else next(self.numbers)
        return index, _SAME if repeat else message(index)

    def note(self, index: int, said: MessageState | SMSGateError) -> None:
        """Keep what the client said about a message."""
        if isinstance(said, SMSGateError):
            self.scan.error(said)
            said = said.with_traceback(None)
        if index:
            self.claims.append(Claim(canaries.text(index), canaries.number(index), said))


def endure(faults: int, *, use_async: bool, backend: str, rate: float, seed: int, scan: Scan) -> Remains:
    """Send through so many faults.

    In the first fifth every message is another one and is audited; then one is repeated, so that nothing grows with
    the books, and memory is measured.

    Args:
        faults: how many exchanges have to be hit before it ends.
        use_async: 16 tasks of an asynchronous client, else 16 threads of a synchronous one.
        backend: name of the HTTP backend.
        rate: share of exchanges that fail.
        seed: of the faults.
        scan: sees every error.
    """
    _start(backend)
    files = open_files()
    begun = time.perf_counter()
    gateway = account(seed=seed)
    served = Faults.random(rate, seed=seed, kinds=[name for name in FAULTS if name != "refuse"])
    refusal = rate / len(FAULTS)
    with WireServer(gateway, served) as server:
        options: dict[str, Any] = {"base_url": server.url, "retry": QUICK, "pin_device": True, "timeout": _IMPATIENT}
        options |= {"login": canaries.LOGIN, "password": canaries.PASSWORD}
        if use_async:
            refusing = AsyncRefusing(ahttp.get_client(backend), rate=refusal, seed=seed)
            labour = _Labour([served, refusing.faults], scan)
            blocks = asyncio.run(_tasks(AsyncAPIClient(http=refusing, **options), labour, faults))
        else:
            blocking = Refusing(http.get_client(backend), rate=refusal, seed=seed)
            labour = _Labour([served, blocking.faults], scan)
            blocks = _threads(APIClient(http=blocking, **options), labour, faults)
    gateway.faults = None
    gc.collect()
    verdicts = audit(gateway, labour.claims, beside=[_SAME.id or ""])
    seconds = time.perf_counter() - begun
    return Remains(len(labour.claims), labour.hit(), verdicts, open_files() - files, blocks, seconds)


def _start(backend: str) -> None:
    """Make a first request, in vain: the run time of pyreqwest opens a few files once in a process and keeps them."""
    if backend == "pyreqwest":
        with closing(http.get_client(backend)) as client, suppress(TransportError):
            client.send(Request("GET", "http://127.0.0.1:9/", {}, None, _IMPATIENT))


def _goals(faults: int) -> list[tuple[int, bool]]:
    return [(faults // 5, False), (faults * 2 // 5, True), (faults, True)]


def _threads(client: APIClient, labour: _Labour, faults: int) -> int:
    def work(goal: int, repeat: bool) -> None:  # noqa: FBT001 - two arguments of map
        while (found := labour.next(goal, repeat=repeat)) is not None:
            try:
                said: MessageState | SMSGateError = client.send(found[1])
            except SMSGateError as error:
                said = error
            labour.note(found[0], said)

    blocks = [0]
    with client, ThreadPoolExecutor(_CALLERS) as pool:
        for goal, repeat in _goals(faults):
            list(pool.map(work, [goal] * _CALLERS, [repeat] * _CALLERS))
            blocks.append(_blocks())
    return blocks[-1] - blocks[-2]


async def _tasks(client: AsyncAPIClient, labour: _Labour, faults: int) -> int:
    async def work(goal: int, *, repeat: bool) -> None:
        while (found := labour.next(goal, repeat=repeat)) is not None:
            try:
                said: MessageState | SMSGateError = await client.send(found[1])
            except SMSGateError as error:
                said = error
            labour.note(found[0], said)

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
