"""Credentials as plain state: what to write into the ``Authorization`` header, and when a token needs renewing.

Nothing here does I/O, and nothing here shows a secret in its `repr`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from smsgate._core.limits import LONGEST, capped, seconds, whole
from smsgate.errors import ConfigurationError, ResponseError
from smsgate.runtime.building import plain_text
from smsgate.runtime.rules import LONGEST_TTL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsgate.token_store import TokenStore
    from smsgate_api.models import Scope, TokenResponse

__all__ = ["Auth", "BasicAuth", "BearerAuth", "JWTAuth", "TokenPair", "bearer", "choose_auth", "next_step"]

_SHORT_LIFE = 5
"""A token is renewed ``leeway`` seconds before its end, but never earlier than in the last fifth of its life."""

_SURROUNDED = "begins or ends with white space, such as the line break at the end of a file: strip() it"


class BasicAuth:
    """Login and password of an account; good for every call except the token refresh.

    Args:
        login: the account's user name, without a colon (the gateway splits at the first one).
        password: the account's password.

    Raises:
        ConfigurationError: when one of them is empty or has white space around it, or the login holds a colon.

    Example:
        >>> BasicAuth("demo", "demo-password")
        BasicAuth('demo')
    """

    __slots__ = ("_authorization", "_login")

    def __init__(self, login: str, password: str) -> None:
        if not _filled(login) or not _filled(password):
            raise ConfigurationError("login and password must both be non-empty strings")
        for name, value in (("login", login), ("password", password)):
            if value != value.strip():
                raise ConfigurationError(f"the {name} {_SURROUNDED}")
        if ":" in login:
            raise ConfigurationError("a login cannot hold a colon: the gateway splits login and password there")
        self._login = login
        self._authorization = f"Basic {base64.b64encode(_utf8(f'{login}:{password}')).decode('ascii')}"

    def authorization(self) -> str:
        """Return the value of the ``Authorization`` header."""
        return self._authorization

    def __repr__(self) -> str:
        return f"BasicAuth({self._login!r})"


class BearerAuth:
    """A ready access token, used as it is until the gateway refuses it.

    Args:
        token: a JWT made by ``generate_token`` or elsewhere.

    Raises:
        ConfigurationError: when it is empty or holds white space or other characters no token has.
    """

    __slots__ = ("_authorization",)

    def __init__(self, token: str) -> None:
        self._authorization = bearer(token)

    def authorization(self) -> str:
        """Return the value of the ``Authorization`` header."""
        return self._authorization

    def __repr__(self) -> str:
        return "BearerAuth(…)"


class JWTAuth:
    """Tokens that a client fetches, renews shortly before they end, and revokes if asked.

    Only the token requests carry the password; every other call carries a token with the scopes asked for.

    Args:
        login: the account's user name.
        password: the account's password.
        scopes: rights of the token: the fewest that the program needs, such as ``[Scope.MESSAGES_SEND]``.
        ttl: wanted lifetime in seconds; servers cap it in silence. The server's own when absent. With it, a token that
            ends is followed by one made with the password: the server gives a refreshed token its own lifetime.
        leeway: a token is renewed so many seconds before its end; allows for slow calls and clocks.
        store: where the pair is kept, so that processes can share one; in the client's memory when absent.
        revoke_on_close: whether closing the client revokes the pair.

    Raises:
        ConfigurationError: for credentials or options that could never work.

    Example:
        >>> JWTAuth("demo", "demo-password", scopes=["messages:send"])
        JWTAuth('demo', scopes=['messages:send'])
    """

    __slots__ = ("basic", "leeway", "login", "revoke_on_close", "scopes", "store", "ttl")

    def __init__(
        self,
        login: str,
        password: str,
        scopes: Sequence[Scope | str],
        *,
        ttl: int | None = None,
        leeway: float = 30.0,
        store: TokenStore | None = None,
        revoke_on_close: bool = False,
    ) -> None:
        self.basic = BasicAuth(login, password)
        self.login = login
        listed = [] if isinstance(scopes, str | Mapping) or not isinstance(scopes, Iterable) else list(scopes)
        if not listed or not all(_filled(scope) and scope == scope.strip() for scope in listed):
            raise ConfigurationError("scopes takes a list of at least one scope; smsgate.Scope names them")
        self.scopes = [plain_text(scope) for scope in listed]
        if ttl is not None:
            whole("ttl", ttl, 1, LONGEST_TTL)
        if store is not None and not all(callable(getattr(store, name, None)) for name in ("load", "save")):
            raise ConfigurationError("store takes an object with load and save")
        if not isinstance(revoke_on_close, bool):
            raise ConfigurationError("revoke_on_close takes True or False")
        self.ttl = ttl
        self.leeway = seconds("leeway", leeway)
        self.store = store
        self.revoke_on_close = revoke_on_close

    def store_key(self, base_url: str) -> str:
        """Return the name under which a store keeps the pair of this account, server and set of scopes."""
        import hashlib  # noqa: PLC0415 - slow to import, and needed for JWTAuth only

        identity = "\n".join([base_url, self.login, *sorted(self.scopes)])
        return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()

    def __repr__(self) -> str:
        return f"JWTAuth({self.login!r}, scopes={self.scopes!r})"


Auth: TypeAlias = BasicAuth | BearerAuth | JWTAuth


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token and the refresh token made with it.

    Attributes:
        id: id of the access token; revoking it ends the pair.
        access_token: goes with every call.
        refresh_token: makes the next pair, once; None on servers before 1.36.
        ends_at: when the access token ends, on this machine's clock.
        lifetime: seconds that the access token lived from the start.
    """

    id: str
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    ends_at: datetime
    lifetime: float

    @classmethod
    def from_response(cls, response: TokenResponse, now: datetime) -> TokenPair:
        """Read a token response received now.

        The end is counted from now by the token's own ``iat`` and ``exp``, so that a wrong clock here does no harm.

        Raises:
            ResponseError: no header can hold its access token.
        """
        if not _fits_header(response.access_token):
            raise ResponseError("the answer's access_token is empty or holds characters that no token has")
        refresh = response.refresh_token if _fits_header(response.refresh_token) else None
        lifetime = _lifetime(response.access_token)
        if lifetime is None:
            lifetime = max(0.0, (response.expires_at - now).total_seconds())
        lifetime = capped(lifetime)
        ends_at = now + timedelta(seconds=lifetime)
        return cls(response.id, response.access_token, refresh, ends_at, lifetime)

    def asdict(self) -> dict[str, Any]:
        """Return the pair as JSON-ready values, for a store."""
        return {
            "id": self.id,
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "ends_at": self.ends_at.isoformat(),
            "lifetime": self.lifetime,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TokenPair | None:
        """Read what `asdict` wrote; None for anything else."""
        try:
            refresh = data["refresh_token"]
            ends_at = datetime.fromisoformat(data["ends_at"])
            if ends_at.tzinfo is None or not _fits_header(data["access_token"]) or not isinstance(data["id"], str):
                return None
            if refresh is not None and not isinstance(refresh, str):
                return None
            refresh = refresh if _fits_header(refresh) else None
            lifetime = float(data["lifetime"])
        except (KeyError, OverflowError, TypeError, ValueError):
            return None
        if not 0 <= lifetime <= LONGEST:
            return None
        return cls(data["id"], data["access_token"], refresh, ends_at, lifetime)


def next_step(pair: TokenPair | None, now: datetime, leeway: float) -> Literal["use", "refresh", "mint"]:
    """Say what to do before a call: use the access token, refresh the pair, or make a new one with the password."""
    if pair is None:
        return "mint"
    early = min(leeway, pair.lifetime / _SHORT_LIFE)
    if (pair.ends_at - now).total_seconds() > early:
        return "use"
    return "refresh" if pair.refresh_token else "mint"


def bearer(token: str) -> str:
    """Build a bearer ``Authorization`` header, refusing what would break the header."""
    if not _filled(token):
        raise ConfigurationError("a token must be a non-empty string")
    if token != token.strip():
        raise ConfigurationError(f"the token {_SURROUNDED}")
    if not _fits_header(token):
        raise ConfigurationError("a token holds only printable ASCII characters without spaces")
    return f"Bearer {token}"


def choose_auth(login: str | None, password: str | None, auth: Auth | None) -> Auth:
    """Turn a client's arguments into credentials.

    Raises:
        ConfigurationError: when they are missing, empty or given twice.
    """
    if auth is not None:
        if login is not None or password is not None:
            raise ConfigurationError("give either login and password or auth, not both")
        if not isinstance(auth, BasicAuth | BearerAuth | JWTAuth):
            raise ConfigurationError("auth takes BasicAuth, BearerAuth or JWTAuth")
        return auth
    if password is None:
        raise ConfigurationError("credentials are missing: give login and password, a token as password, or auth")
    return BearerAuth(password) if login is None else BasicAuth(login, password)


def _fits_header(token: object) -> bool:
    return isinstance(token, str) and token.isascii() and token.isprintable() and bool(token) and " " not in token


def _filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError("login and password must be valid text") from None  # the cause would quote them


def _lifetime(token: str) -> float | None:
    """Read how many seconds a JWT lives from its claims; None when it cannot be read."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        lifetime = float(claims["exp"]) - float(claims["iat"])
    except (IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError, binascii.Error):
        return None
    return lifetime if lifetime > 0 else None
