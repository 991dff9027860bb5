"""Refresh of token pairs: one at a time, shared by all callers of a client and all users of a token store."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeGuard

from smsgate._async import io
from smsgate._core.attempts import (
    AttemptResult,
    CallState,
    Failed,
    copy_failure,
    is_unauthorized,
    may_reuse_refresh_token,
    timeout_failure,
    token_failure,
)
from smsgate._core.hooks import logger
from smsgate._core.responses import parse_response
from smsgate._core.tokens import TokenPair, latest_pair
from smsgate.errors import ResponseError
from smsgate.retry import RetryPolicy
from smsgate.token_store import LockingTokenStore, MemoryTokenStore
from smsgate_api import operations
from smsgate_api.models import TokenRequest

if TYPE_CHECKING:
    from smsgate._async.transport import Transport
    from smsgate.auth import JWTAuth
    from smsgate.runtime.types import Operation

_PATIENCE = 10.0
"""Seconds to wait for another process that refreshes the pair: longer than a refresh takes. A stopped process keeps its
lock for ever, so the wait is bounded."""
_POLL = 0.05


class TokenRefresher:
    """Gets a valid token pair; concurrent callers cause one refresh, and share its failure.

    Args:
        auth: the credentials.
        transport: sends the token requests.
    """

    def __init__(self, auth: JWTAuth, transport: Transport) -> None:
        self._auth = auth
        self._transport = transport
        self._store = auth.store if auth.store is not None else MemoryTokenStore()
        self._key = auth.store_key(transport.base_url)
        self._patience = min(_PATIENCE, transport.timeout.total or _PATIENCE)
        self._lock = io.Lock()
        self._has_store_lock = False
        self._pair: TokenPair | None = None
        self._issued_id: str | None = None  # of the last pair that came from the gateway, not from the store
        self._failed_at = float("-inf")
        self._failure: Failed | None = None

    async def get(self, call: CallState) -> TokenPair | Failed:
        """Return a valid pair, or the result of a call that gets none."""
        pair = self._pair
        return pair if self._is_valid(pair) else await self._refresh_once(None, call)

    async def replace(self, refused: TokenPair, call: CallState) -> TokenPair | Failed:
        """Return another pair than one that the gateway refused, or the result of a call that gets none."""
        pair = self._pair
        if pair is not None and pair.id != refused.id:
            return pair
        return await self._refresh_once(refused, call)

    def has_issued(self, pair: TokenPair) -> bool:
        """Tell whether the gateway gave the pair to this client; if not, it comes from the store."""
        return pair.id == self._issued_id

    async def aclose(self) -> None:
        """Drop the pair and revoke it if `JWTAuth` says so. A failure is logged: the token expires anyway."""
        pair, self._pair = self._pair, None
        if pair is None or not self._auth.revoke_on_close:
            return
        try:
            stored = await self._load()
            if stored is not None and stored.id == pair.id:  # not one that another process has saved meanwhile
                await io.call_blocking(self._store.save, self._key, None)
        finally:
            call = CallState(RetryPolicy.none(), io.now(), attempts=1)
            operation = operations.revoke_token(pair.id)
            result = await self._transport.exchange(operation, self._auth.basic.authorization(), call)
            if isinstance(result, Failed):
                logger.warning("the token could not be revoked (%s)", type(result.error).__name__)

    async def _refresh_once(self, refused: TokenPair | None, call: CallState) -> TokenPair | Failed:
        """Refresh the pair while no other caller of this client does, unless one of them has just done it."""
        begun = io.now()
        async with self._lock.hold(call.time_left(begun)) as is_held:
            if not is_held:
                return timeout_failure()
            if self._is_valid(self._pair, refused):
                return self._pair
            if self._failure is not None and self._failed_at >= begun:  # failed while this caller was waiting
                return copy_failure(self._failure)
            pair = await self._load_latest()
            result = pair if self._is_valid(pair, refused) else await self._refresh_with_store_lock(refused, call)
            if isinstance(result, TokenPair):
                self._pair = result
            return result

    async def _refresh_with_store_lock(self, refused: TokenPair | None, call: CallState) -> TokenPair | Failed:
        """Refresh the pair while no other user of the store does, unless one of them has just done it."""
        if self._has_store_lock or not isinstance(self._store, LockingTokenStore):  # a hook may use this very client
            return await self._refresh_and_save(refused, call)
        give_up = io.now() + min(self._patience, call.time_left(io.now()))
        while (lock := await io.call_blocking(self._store.try_lock, self._key)) is None and io.now() < give_up:
            pair = await self._load_latest()
            if self._is_valid(pair, refused):
                return pair
            await io.sleep(_POLL)
        if lock is None:
            if call.time_left(io.now()) <= 0:
                return timeout_failure()
            logger.warning("another process has held the lock of the token store too long: refreshing without it")
            return await self._refresh_and_save(refused, call)
        self._has_store_lock = True
        try:
            return await self._refresh_and_save(refused, call)
        finally:
            self._has_store_lock = False
            lock.release()

    async def _refresh_and_save(self, refused: TokenPair | None, call: CallState) -> TokenPair | Failed:
        latest = await self._load_latest()
        if self._is_valid(latest, refused):  # another process was faster
            return latest
        result = await self._request_pair(latest or refused, call)
        if isinstance(result, Failed):
            failure = token_failure(result.error)
            self._failed_at, self._failure = io.now(), copy_failure(failure)
            return failure
        self._pair, self._failure = result, None
        await io.call_blocking(self._store.save, self._key, result)
        return result

    async def _request_pair(self, old: TokenPair | None, call: CallState) -> TokenPair | Failed:
        """Refresh a pair; issue a new one with the password where there is no valid refresh token."""
        if self._auth.ttl is None and old is not None and old.refresh_token is not None:
            result = await self._refresh(old, old.refresh_token, call)
            if isinstance(result, TokenPair) or may_reuse_refresh_token(result):
                return result
            logger.info("refreshing the token failed (%s), issuing a new one", type(result.error).__name__)
        return await self._issue(call)

    async def _refresh(self, old: TokenPair, refresh_token: str, call: CallState) -> TokenPair | Failed:
        operation = operations.refresh_token(refresh_token)
        result = await self._request(operation, f"Bearer {refresh_token}", call)
        if is_unauthorized(result):
            stored = await self._load()
            if stored is not None and stored.id != old.id and self._is_valid(stored):
                return stored  # another process was faster
        return await self._transport.check_outage(result, call)

    async def _issue(self, call: CallState) -> TokenPair | Failed:
        operation = operations.create_token(TokenRequest(scopes=list(self._auth.scopes), ttl=self._auth.ttl))
        result = await self._request(operation, self._auth.basic.authorization(), call)
        return await self._transport.check_outage(result, call)

    async def _request(self, operation: Operation[Any], authorization: str, call: CallState) -> TokenPair | Failed:
        result: AttemptResult = await self._transport.exchange(operation, authorization, call)
        if isinstance(result, Failed):
            return result
        try:
            pair = TokenPair.from_response(parse_response(operation, result.response), datetime.now(timezone.utc))
        except ResponseError as error:
            return Failed(error, result.response.status, sent=True, response=result.response)
        self._issued_id = pair.id
        return pair

    async def _load(self) -> TokenPair | None:
        return await io.call_blocking(self._store.load, self._key)

    async def _load_latest(self) -> TokenPair | None:
        return latest_pair(self._pair, await self._load())

    def _is_valid(self, pair: TokenPair | None, refused: TokenPair | None = None) -> TypeGuard[TokenPair]:
        if pair is None or (refused is not None and pair.id == refused.id):
            return False
        return not pair.expires_within(self._auth.leeway, datetime.now(timezone.utc))
