"""Token pairs: reading, storing and expiry."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import TypeAdapter, ValidationError

from smsgate._core.limits import LONGEST, cap
from smsgate.errors import ResponseError

if TYPE_CHECKING:
    from smsgate_api.models import TokenResponse

_SHORT_LIFE = 5
"""A short-lived token is not refreshed before the last fifth of its life, however long the leeway."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token and the refresh token made with it.

    Attributes:
        id: id of the access token; revoking it revokes the pair.
        access_token: authorizes calls.
        refresh_token: gets the next pair, once; None on servers before 1.36.
        ends_at: end of the access token, on this machine's clock.
        lifetime: seconds from issue to end of the access token.
    """

    id: str
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    ends_at: datetime
    lifetime: float

    @classmethod
    def from_response(cls, response: TokenResponse, now: datetime) -> TokenPair:
        """Return the pair of a token response that was received now.

        The lifetime is the token's ``exp`` less its ``iat``, so that a wrong clock on this machine does no harm.

        Raises:
            ResponseError: no header can hold its access token.
        """
        if not is_token(response.access_token):
            raise ResponseError("the response's access_token is empty or holds characters that no token has")
        refresh = response.refresh_token if is_token(response.refresh_token) else None
        lifetime = _lifetime(response.access_token)
        if lifetime is None:
            lifetime = max(0.0, (response.expires_at - now).total_seconds())
        lifetime = cap(lifetime)
        ends_at = now + timedelta(seconds=lifetime)
        return cls(response.id, response.access_token, refresh, ends_at, lifetime)

    def authorization(self) -> str:
        """Return the value of the ``Authorization`` header."""
        return f"Bearer {self.access_token}"

    def expires_within(self, seconds: float, now: datetime) -> bool:
        """Tell whether a refresh is due: the token expires in this time and is in the last fifth of its lifetime."""
        return (self.ends_at - now).total_seconds() <= min(seconds, self.lifetime / _SHORT_LIFE)

    def asdict(self) -> dict[str, Any]:
        """Return the pair as JSON-ready values, for a store."""
        return {**asdict(self), "ends_at": self.ends_at.isoformat()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TokenPair | None:
        """Return the pair that `asdict` wrote, None for anything else."""
        try:
            pair = _reader().validate_python(data)
        except ValidationError:
            return None
        if pair.ends_at.tzinfo is None or not is_token(pair.access_token) or not 0 <= pair.lifetime <= LONGEST:
            return None
        return pair if is_token(pair.refresh_token) else replace(pair, refresh_token=None)


@cache
def _reader() -> TypeAdapter[TokenPair]:
    return TypeAdapter(TokenPair)


class TokenStore(Protocol):
    """Store of token pairs by key. Its exceptions end the call; its methods may be called from several threads.

    One with a ``try_lock`` as well is a `LockingTokenStore`.
    """

    def load(self, key: str) -> TokenPair | None:
        """Return the pair of a key, None when there is none."""
        ...

    def save(self, key: str, pair: TokenPair | None) -> None:
        """Keep a pair; None deletes it."""
        ...


def latest_pair(own: TokenPair | None, stored: TokenPair | None) -> TokenPair | None:
    """Return the later of the client's and the store's pair: the store's, unless saving the client's has failed."""
    if own is None or stored is None:
        return own or stored
    return stored if stored.id != own.id and stored.ends_at >= own.ends_at else own


def is_token(value: object) -> bool:
    """Tell whether a value is text that fits into a bearer ``Authorization`` header."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and bool(value) and " " not in value


def _lifetime(token: str) -> float | None:
    """Return the seconds from issue to expiry of a JWT, None when its claims cannot be read."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        lifetime = float(claims["exp"]) - float(claims["iat"])
    except (IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError, binascii.Error):
        return None
    return lifetime if lifetime > 0 else None
