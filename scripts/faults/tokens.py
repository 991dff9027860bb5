"""Concurrent calls with an expired token: the number of token requests and of failed callers."""

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

from . import personal_data
from .sends import BASE_URL, QUICK, YieldingBackend, account

if TYPE_CHECKING:
    from smsgate._core.hooks import RequestEvent
    from smsgate.auth import TokenPair

    from .personal_data import Scan

__all__ = ["ExpirySource", "RefreshCounts", "measure_refreshes"]

_REFRESH = "POST /auth/token/refresh"
_HOUR = 3600.0

ExpirySource = Literal["clock", "server"]
"""What reports the expiry first: the client's clock, or the server with a 401."""


@dataclass(frozen=True, slots=True)
class RefreshCounts:
    """Token requests and failures of one run.

    Attributes:
        refreshes: requests to refresh the pair.
        new_pairs: requests for a new pair.
        failed: callers that got an error.
    """

    refreshes: int
    new_pairs: int
    failed: int


class _Store(MemoryTokenStore):
    """Token store whose pair can be marked as expired."""

    def __init__(self, scan: Scan) -> None:
        super().__init__()
        self._scan = scan

    def save(self, key: str, pair: TokenPair | None) -> None:
        """Save a pair, and scan for its tokens from now on."""
        if pair is not None:
            self._scan.add_value(pair.access_token)
            self._scan.add_value(pair.refresh_token or pair.access_token)
        super().save(key, pair)

    def expire(self, key: str) -> None:
        """Set the expiry of the saved pair to the past."""
        pair = self.load(key)
        if pair is not None:
            super().save(key, replace(pair, ends_at=datetime.now(timezone.utc) - timedelta(minutes=1)))


def measure_refreshes(
    callers: int, *, use_async: bool, source: ExpirySource, lose_response: bool, scan: Scan
) -> RefreshCounts:
    """Call from a number of tasks or threads at once with an expired token.

    Args:
        callers: number of tasks or threads.
        use_async: tasks of an asynchronous client, else threads that share a synchronous one.
        source: what reports the expiry first.
        lose_response: whether the response to the refresh is lost, although the refresh token is spent.
        scan: sees errors and tokens.
    """
    clock = ManualClock()
    gateway = account(clock=clock)
    store = _Store(scan)
    auth = JWTAuth(personal_data.LOGIN, personal_data.PASSWORD, [Scope.DEVICES_LIST], store=store)
    counts: Counter[str] = Counter()

    def count(event: RequestEvent) -> None:
        counts[event.operation] += 1

    options: dict[str, Any] = {"auth": auth, "base_url": BASE_URL, "retry": QUICK, "on_request": count}
    APIClient(http=gateway.http(), **options).list_devices()  # the clients below find its pair in the store
    if source == "clock":
        store.expire(auth.store_key(BASE_URL))
    clock.advance(_HOUR)
    counts.clear()
    gateway.faults = Faults.script(["lost"] if lose_response else [], only=[_REFRESH])
    if use_async:
        errors = asyncio.run(_tasks(callers, AsyncAPIClient(http=YieldingBackend(gateway.async_http()), **options)))
    else:
        errors = _threads(callers, APIClient(http=gateway.http(), **options))
    scan.object(auth, store)
    for error in errors:
        scan.error(error)
    return RefreshCounts(counts["refresh_token"], counts["create_token"], len(errors))


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
