"""Credentials of a client: password, token, or a pair of tokens that is refreshed. No `repr` shows a secret."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from smsgate._core.limits import flag, seconds, whole
from smsgate._core.tokens import TokenPair, TokenStore, is_token
from smsgate.errors import ConfigurationError
from smsgate.runtime.building import plain_text
from smsgate.runtime.rules import MAX_TTL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsgate_api.models import Scope

__all__ = ["Auth", "BasicAuth", "BearerAuth", "JWTAuth", "TokenPair", "bearer", "choose_auth"]

_WHITE_SPACE = "begins or ends with white space, such as the line break at the end of a file: strip() it"


class BasicAuth:
    """Login and password of an account, valid for every call except the token refresh.

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
        if not _is_filled(login) or not _is_filled(password):
            raise ConfigurationError("login and password must both be non-empty strings")
        for name, value in (("login", login), ("password", password)):
            if value != value.strip():
                raise ConfigurationError(f"the {name} {_WHITE_SPACE}")
        if ":" in login:
            raise ConfigurationError("a login cannot hold a colon: the gateway splits login and password there")
        self._login = login
        try:
            encoded = base64.b64encode(f"{login}:{password}".encode())
        except UnicodeEncodeError:
            raise ConfigurationError("login and password must be valid text") from None  # the cause would quote them
        self._authorization = f"Basic {encoded.decode('ascii')}"

    def authorization(self) -> str:
        """Return the ``Authorization`` header."""
        return self._authorization

    def __repr__(self) -> str:
        return f"BasicAuth({self._login!r})"


class BearerAuth:
    """An access token that is used until the gateway refuses it.

    Args:
        token: a JWT made by ``generate_token`` or elsewhere.

    Raises:
        ConfigurationError: when it is empty or holds white space or other characters no token has.
    """

    __slots__ = ("_authorization",)

    def __init__(self, token: str) -> None:
        self._authorization = bearer(token)

    def authorization(self) -> str:
        """Return the ``Authorization`` header."""
        return self._authorization

    def __repr__(self) -> str:
        return "BearerAuth(…)"


class JWTAuth:
    """Tokens that a client issues, refreshes shortly before they expire, and revokes on demand.

    Only the token requests carry the password; every other call carries a token with these scopes.

    Args:
        login: the account's user name.
        password: the account's password.
        scopes: rights of the token, at least one; choose the fewest that the program needs, such as
            ``[Scope.MESSAGES_SEND]``.
        ttl: wanted lifetime in seconds; servers shorten it without notice. The server's own when absent. With it, the
            client issues each token with the password, because a refreshed token has the server's lifetime.
        leeway: seconds before its end at which a token is refreshed; allows for slow calls and wrong clocks.
        store: keeps the pair, so that processes can share it; the client's memory when absent.
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
        self.basic: BasicAuth = BasicAuth(login, password)
        self.login: str = login
        listed = [] if isinstance(scopes, str | Mapping) or not isinstance(scopes, Iterable) else list(scopes)
        if not listed or not all(_is_filled(scope) and scope == scope.strip() for scope in listed):
            raise ConfigurationError("scopes takes a list of at least one scope; smsgate.Scope names them")
        self.scopes: list[str] = [plain_text(scope) for scope in listed]
        if ttl is not None:
            whole("ttl", ttl, 1, MAX_TTL)
        if store is not None and not all(callable(getattr(store, name, None)) for name in ("load", "save")):
            raise ConfigurationError("store takes an object with load and save")
        self.ttl: int | None = ttl
        self.leeway: float = seconds("leeway", leeway)
        self.store: TokenStore | None = store
        self.revoke_on_close: bool = flag("revoke_on_close", revoke_on_close)

    def store_key(self, base_url: str) -> str:
        """Return the store's key for the pair of this account, server and set of scopes."""
        import hashlib  # noqa: PLC0415 - slow to import, and needed for JWTAuth only

        identity = "\n".join([base_url, self.login, *sorted(self.scopes)])
        return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()

    def __repr__(self) -> str:
        return f"JWTAuth({self.login!r}, scopes={self.scopes!r})"


Auth: TypeAlias = BasicAuth | BearerAuth | JWTAuth


def bearer(token: str) -> str:
    """Return a bearer ``Authorization`` header.

    Raises:
        ConfigurationError: when the token is empty or holds characters that no header can carry.
    """
    if not _is_filled(token):
        raise ConfigurationError("a token must be a non-empty string")
    if token != token.strip():
        raise ConfigurationError(f"the token {_WHITE_SPACE}")
    if not is_token(token):
        raise ConfigurationError("a token holds only printable ASCII characters without spaces")
    return f"Bearer {token}"


def choose_auth(login: str | None, password: str | None, auth: Auth | None) -> Auth:
    """Return the credentials that a client's arguments name.

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


def _is_filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
