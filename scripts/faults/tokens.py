"""Many callers meet an expired token at once: how many token requests that makes, and how many callers fail."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

from smsgate import APIClient, AsyncAPIClient, JWTAuth, Scope, SMSGateError
from smsgate.emulator import Faults, ManualClock
from smsgate.token_store import MemoryTokenStore

from . import canaries
from .sends import BASE_URL, QUICK, Yielding, account

if TYPE_CHECKING:
    from smsgate._core.hooks import RequestEvent
    from smsgate.auth import TokenPair

    from .canaries import Scan

__all__ = ["Renewal", "Told", "renew"]

_REFRESH = "POST /auth/token/refresh"
_HOUR = 3600.0

Told = Literal["clock", "server"]
"""Who says first that the token has expired: the client's clock, or the server with a 401."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What the callers caused.

    Attributes:
        refreshes: requests to refresh the pair.
        mints: requests for a new pair.
        failed: callers that got an error.
    """

    refreshes: int
    mints: int
    failed: int


class _Store(MemoryTokenStore):
    """A store whose pair can be made to look expired."""

    def __init__(self, scan: Scan) -> None:
        super().__init__()
        self._scan = scan

    def save(self, key: str, pair: TokenPair | None) -> None:
        """Keep a pair; its tokens are canaries from now on."""
        if pair is not None:
            self._scan.learn(pair.access_token)
            self._scan.learn(pair.refresh_token or pair.access_token)
        super().save(key, pair)

    def expire(self, key: str) -> None:
        """Make the kept pair end a while ago."""
        pair = self.load(key)
        if pair is not None:
            super().save(key, replace(pair, ends_at=datetime.now(timezone.utc) - timedelta(minutes=1)))


def renew(callers: int, *, use_async: bool, told: Told, lose_answer: bool, scan: Scan) -> Renewal:
    """Let so many tasks or threads call at once with an expired token.

    Args:
        callers: number of tasks or threads.
        use_async: tasks of an asynchronous client, else threads that share a synchronous one.
        told: who says first that the token has expired.
        lose_answer: whether the answer to the refresh is lost, which uses the refresh token up.
        scan: sees errors and tokens.
    """
    clock = ManualClock()
    gateway = account(clock=clock)
    store = _Store(scan)
    auth = JWTAuth(canaries.LOGIN, canaries.PASSWORD, [Scope.DEVICES_LIST], store=store)
    counts: Counter[str] = Counter()

    def count(event: RequestEvent) -> None:
        counts[event.operation] += 1

    options: dict[str, Any] = {"auth": auth, "base_url": BASE_URL, "retry": QUICK, "on_request": count}
    APIClient(http=gateway.http(), **options).list_devices()  # the clients below find its pair in the store
    if told == "clock":
        store.expire(auth.store_key(BASE_URL))
    clock.advance(_HOUR)
    counts.clear()
    gateway.faults = Faults.script(["lost"] if lose_answer else [], only=[_REFRESH])
    if use_async:
        errors = asyncio.run(_tasks(callers, AsyncAPIClient(http=Yielding(gateway.async_http()), **options)))
    else:
        errors = _threads(callers, APIClient(http=gateway.http(), **options))
    scan.object(auth, store)
    for error in errors:
        scan.error(error)
    return Renewal(counts["refresh_token"], counts["create_token"], len(errors))


def _threads(callers: int, client: APIClient) -> list[SMSGateError]:
    together = threading.Barrier(callers)

    def call(_: int) -> SMSGateError | None:
        together.wait()
        try:
            client.list_devices()
        except SMSGateError as error:
            return error
        return None

    with ThreadPoolExecutor(callers) as pool:
        return [error for error in pool.map(call, range(callers)) if error is not None]


async def _tasks(callers: int, client: AsyncAPIClient) -> list[SMSGateError]:
    async def call() -> SMSGateError | None:
        try:
            await client.list_devices()
        except SMSGateError as error:
            return error
        return None

    found = await asyncio.gather(*(call() for _ in range(callers)))
    return [error for error in found if error is not None]
