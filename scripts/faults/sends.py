"""Sends in memory through random faults, and the result that the client reported for each."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from smsgate import APIClient, AsyncAPIClient, JWTAuth, Message, RetryPolicy, Scope, SMSGateError, TextMessage
from smsgate.emulator import Faults, Gateway

from . import personal_data
from .audit import Claim, Verdicts, audit

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from smsgate import MessageState
    from smsgate.ahttp import AsyncHttpClient, AsyncStreamedResponse
    from smsgate.http import Request, Response

    from .personal_data import Scan

__all__ = ["BASE_URL", "QUICK", "Run", "YieldingBackend", "account", "message", "run"]

BASE_URL = "http://gateway.test/3rdparty/v1"
QUICK = RetryPolicy(base_delay=0, max_delay=0)
_TASKS = 32
_REUSED = 5


@dataclass(frozen=True, slots=True)
class Run:
    """Result of many sends."""

    sends: int
    faults: Faults
    verdicts: Verdicts
    seconds: float

    @property
    def rate(self) -> float:
        """The share of exchanges that a fault hit."""
        return sum(self.faults.counts.values()) / max(1, self.faults.exchanges)


class YieldingBackend:
    """Backend that yields to other tasks before and after each exchange, as a connection would."""

    def __init__(self, inner: AsyncHttpClient) -> None:
        self._inner = inner

    async def send(self, request: Request) -> Response:
        """Send one request and return its response."""
        await asyncio.sleep(0)
        try:
            return await self._inner.send(request)
        finally:
            await asyncio.sleep(0)

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncStreamedResponse]:
        """Send one request and stream its response."""
        return self._inner.stream(request)

    async def aclose(self) -> None:
        """Close the inner backend."""
        await self._inner.aclose()


def account(**options: Any) -> Gateway:
    """Open a gateway with two inactive phones and the credentials that are scanned for."""
    return Gateway(login=personal_data.LOGIN, password=personal_data.PASSWORD, devices=2, phone=False, **options)


def message(index: int) -> Message:
    """Build the n-th message; every text and number occurs once."""
    return Message(
        phone_numbers=[personal_data.number(index)], text_message=TextMessage(text=personal_data.text(index))
    )


def message_format_run(index: int) -> Message:
    """Build the n-th message of a run; one in ten has an id chosen by the caller and used twice."""
    plain = message(index)
    return plain.model_copy(update={"id": f"used-{index // 20}"}) if index % 10 == _REUSED else plain


def run(
    sends: int, *, use_async: bool, pin_device: bool, tokens: bool, seed: int, scan: Scan, rate: float = 0.3
) -> Run:
    """Send a number of messages through faults and audit the results.

    Args:
        sends: number of messages.
        use_async: whether 32 tasks share an asynchronous client, or a synchronous one sends one by one.
        pin_device: the client's option.
        tokens: whether the client uses `JWTAuth` instead of Basic credentials.
        seed: of the faults.
        scan: sees every error and every returned state.
        rate: share of exchanges that fail.
    """
    faults = Faults.random(rate, seed=seed)
    gateway = account(seed=seed, faults=faults)
    auth = JWTAuth(personal_data.LOGIN, personal_data.PASSWORD, [Scope.ALL_ANY]) if tokens else None
    options: dict[str, Any] = {"base_url": BASE_URL, "retry": QUICK, "pin_device": pin_device}
    options |= {"auth": auth} if auth else {"login": personal_data.LOGIN, "password": personal_data.PASSWORD}
    started = time.perf_counter()
    if use_async:
        client = AsyncAPIClient(http=YieldingBackend(gateway.async_http()), **options)
        claims = asyncio.run(_many(client, sends, scan))
    else:
        with APIClient(http=gateway.http(), **options) as once:
            claims = [_claim(index, _send(once, index), scan) for index in range(sends)]
            scan.object(once, auth)
    gateway.faults = None
    return Run(sends, faults, audit(gateway, claims), time.perf_counter() - started)


def _send(client: APIClient, index: int) -> MessageState | SMSGateError:
    try:
        return client.send(message_format_run(index))
    except SMSGateError as error:
        return error


async def _many(client: AsyncAPIClient, sends: int, scan: Scan) -> list[Claim]:
    numbers = count()
    claims: list[Claim] = []

    async def worker() -> None:
        for index in numbers:
            if index >= sends:
                return
            try:
                said: MessageState | SMSGateError = await client.send(message_format_run(index))
            except SMSGateError as error:
                said = error
            claims.append(_claim(index, said, scan))

    async with client:
        await asyncio.gather(*(worker() for _ in range(_TASKS)))
    scan.object(client)
    return claims


def _claim(index: int, said: MessageState | SMSGateError, scan: Scan) -> Claim:
    if isinstance(said, SMSGateError):
        scan.error(said)
        said = said.with_traceback(None)  # frames would keep much alive
    else:
        scan.object(said, message(index))
    return Claim(personal_data.text(index), personal_data.number(index), said)
