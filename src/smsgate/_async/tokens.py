"""Keeps the pair of tokens of a `JWTAuth` valid, one renewal at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

from smsgate._async import io
from smsgate._core.attempts import AttemptResult, CallState, copied, during_outage, is_passing
from smsgate._core.hooks import logger
from smsgate._core.responses import read
from smsgate.auth import JWTAuth, TokenPair, next_step
from smsgate.errors import ResponseError, SMSGateError, TransportError, UnauthorizedError
from smsgate.retry import RetryPolicy
from smsgate.token_store import LockingTokenStore, MemoryTokenStore
from smsgate_api import operations
from smsgate_api.models import TokenRequest

if TYPE_CHECKING:
    from smsgate.runtime.types import Operation

__all__ = ["MOST_RENEWALS", "TokenError", "TokenRefresher"]

MOST_RENEWALS = 4
"""How many refused pairs a call replaces: with those that other processes have put into the store, until it is told by
one that this client has made."""

_PATIENCE = 10.0
"""Seconds to wait while another process renews the pair: more than that takes, and a stopped one may hold the lock for
ever."""
_POLL = 0.05

Ask: TypeAlias = Callable[["Operation[Any]", "str | None", CallState], Awaitable[AttemptResult]]
IsOutage: TypeAlias = Callable[[CallState], Awaitable[bool]]


class TokenError(Exception):
    """No token could be had; never leaves the exchange."""

    def __init__(self, reason: SMSGateError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class TokenRefresher:
    """Has a valid access token ready; many callers at once cause one renewal, and share its failure.

    Args:
        auth: whose tokens, and how.
        base_url: the server; part of the name under which a store keeps the pair.
        ask: exchanges one request with a given ``Authorization``.
        is_outage: asks whether the server's own failure is, or may be, behind a 401.
        timeout: seconds that one exchange may take, None for any time; another's renewal is not awaited for longer.
    """

    def __init__(
        self, auth: JWTAuth, base_url: str, ask: Ask, is_outage: IsOutage, timeout: float | None = None
    ) -> None:
        self._auth = auth
        self._store = auth.store if auth.store is not None else MemoryTokenStore()
        self._key = auth.store_key(base_url)
        self._ask = ask
        self._is_outage = is_outage
        self._patience = min(_PATIENCE, timeout or _PATIENCE)
        self._lock = io.Lock()
        self._locks_store = False
        self._pair: TokenPair | None = None
        self._made: str | None = None  # id of the last pair that did not come from the store
        self._failed_at = float("-inf")
        self._failure: SMSGateError | None = None

    async def current(self, call: CallState) -> TokenPair:
        """Return a pair whose access token is good for a while.

        Raises:
            TokenError: none could be had.
        """
        pair = self._pair
        if pair is not None and self._is_good(pair):
            return pair
        return await self._replace(None, call)

    async def renewed(self, refused: TokenPair, call: CallState) -> TokenPair:
        """Return another pair than one whose access token the gateway refused.

        Only one that this client has made since ends the call's renewals: a pair of the store may be no better.

        Raises:
            TokenError: none could be had.
        """
        pair = self._pair
        if pair is None or pair.id == refused.id:
            pair = await self._replace(refused, call)
        call.renewals = MOST_RENEWALS if pair.id == self._made else call.renewals + 1
        return pair

    async def aclose(self) -> None:
        """Forget and revoke the pair if that was asked for; a failure to revoke is logged, the token ends by itself."""
        pair, self._pair = self._pair, None
        if pair is None or not self._auth.revoke_on_close:
            return
        try:
            kept = await self._kept()
            if kept is not None and kept.id == pair.id:  # not one that another process has made meanwhile
                await io.call_blocking(self._store.save, self._key, None)
        finally:
            call = CallState(RetryPolicy.none(), io.now(), attempts=1)
            outcome = await self._ask(operations.revoke_token(pair.id), self._auth.basic.authorization(), call)
            if outcome.error is not None:
                logger.warning("the token could not be revoked (%s)", type(outcome.error).__name__)

    async def _kept(self) -> TokenPair | None:
        return await io.call_blocking(self._store.load, self._key)

    def _is_good(self, pair: TokenPair | None, refused: TokenPair | None = None) -> bool:
        if pair is None or (refused is not None and pair.id == refused.id):
            return False
        return next_step(pair, datetime.now(timezone.utc), self._auth.leeway) == "use"

    async def _replace(self, refused: TokenPair | None, call: CallState) -> TokenPair:
        begun = io.now()
        async with self._lock.hold(call.time_left(io.now())):
            pair = self._pair
            if pair is not None and self._is_good(pair, refused):
                return pair
            if self._failure is not None and self._failed_at >= begun:  # failed while this caller was waiting
                raise TokenError(copied(self._failure))
            pair = await self._latest()  # a store may log, and a log handler use this very client
            if pair is None or not self._is_good(pair, refused):
                pair = await self._renew_alone(refused, call)
            self._pair = pair
            return pair

    async def _renew_alone(self, refused: TokenPair | None, call: CallState) -> TokenPair:
        """Renew the pair while no other user of the store does, unless one of them has just done it."""
        if self._locks_store or not isinstance(self._store, LockingTokenStore):  # a hook may use this very client
            return await self._renew(refused, call)
        give_up = io.now() + min(self._patience, call.time_left(io.now()))
        while (lock := await io.call_blocking(self._store.try_lock, self._key)) is None and io.now() < give_up:
            pair = await self._latest()
            if pair is not None and self._is_good(pair, refused):
                return pair
            await io.sleep(_POLL)
        if lock is None:
            if call.time_left(io.now()) <= 0:
                raise io.LockTimeoutError
            logger.warning("another process has held the lock of the token store too long: renewing without it")
            return await self._renew(refused, call)
        self._locks_store = True
        try:
            return await self._renew(refused, call)
        finally:
            self._locks_store = False
            lock.release()

    async def _renew(self, refused: TokenPair | None, call: CallState) -> TokenPair:
        pair = await self._latest()
        if pair is not None and self._is_good(pair, refused):  # somebody was faster
            return pair
        try:
            pair = await self._fetch(pair or refused, call)
        except TokenError as error:
            self._failed_at, self._failure = io.now(), copied(error.reason)
            raise
        self._pair, self._failure = pair, None
        await io.call_blocking(self._store.save, self._key, pair)
        return pair

    async def _latest(self) -> TokenPair | None:
        return later(self._pair, await self._kept())

    async def _fetch(self, old: TokenPair | None, call: CallState) -> TokenPair:
        if self._auth.ttl is not None or old is None or old.refresh_token is None:
            return await self._mint(call)  # a refreshed token has the server's lifetime, not ours
        return await self._refresh(old, call) or await self._mint(call)

    async def _refresh(self, old: TokenPair, call: CallState) -> TokenPair | None:
        """Refresh the pair; None when its refresh token is gone: refused, or used by an answer that was lost.

        Raises:
            TokenError: the refresh failed, but may work with the same token later.
        """
        operation = operations.refresh_token(old.refresh_token or "")
        outcome = await self._ask(operation, f"Bearer {old.refresh_token}", call)
        error = outcome.error
        if error is None:
            try:
                return self._read(operation, outcome)
            except TokenError as failure:
                error = failure.reason
        elif isinstance(error, UnauthorizedError):
            kept = await self._kept()
            if kept is not None and kept.id != old.id and self._is_good(kept):
                return kept  # another process was faster
            if await self._is_outage(call):
                raise TokenError(during_outage(outcome, call).error or error)
        elif is_passing(outcome):
            raise TokenError(error)
        logger.info("refreshing the token failed (%s), making a new one", type(error).__name__)
        return None

    async def _mint(self, call: CallState) -> TokenPair:
        operation = operations.create_token(TokenRequest(scopes=list(self._auth.scopes), ttl=self._auth.ttl))
        outcome = await self._ask(operation, self._auth.basic.authorization(), call)
        if outcome.error is None:
            return self._read(operation, outcome)
        if isinstance(outcome.error, UnauthorizedError) and await self._is_outage(call):
            raise TokenError(during_outage(outcome, call).error or outcome.error)
        raise TokenError(outcome.error)

    def _read(self, operation: Operation[Any], outcome: AttemptResult) -> TokenPair:
        if outcome.response is None:
            raise TokenError(TransportError("no answer"))
        try:
            pair = TokenPair.from_response(read(operation, outcome.response), datetime.now(timezone.utc))
        except ResponseError as error:
            raise TokenError(error) from error
        self._made = pair.id
        return pair


def later(own: TokenPair | None, kept: TokenPair | None) -> TokenPair | None:
    """Return the pair that was made later: usually the kept one, unless keeping ours has failed."""
    if own is None or kept is None:
        return own or kept
    return kept if kept.id != own.id and kept.ends_at >= own.ends_at else own
