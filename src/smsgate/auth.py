"""Credentials as plain state: what to write into the ``Authorization`` header.

Nothing here does I/O, and nothing here shows a secret in its `repr`.
"""

from __future__ import annotations

import base64
from typing import TypeAlias

from smsgate.errors import ConfigurationError

__all__ = ["Auth", "BasicAuth", "BearerAuth", "choose_auth"]


class BasicAuth:
    """Login and password of an account; good for every call except the token refresh.

    Args:
        login: the account's user name, without a colon (the gateway splits at the first one).
        password: the account's password.

    Raises:
        ConfigurationError: when one of them is empty or the login holds a colon.

    Example:
        >>> BasicAuth("demo", "demo-password")
        BasicAuth('demo')
    """

    __slots__ = ("_authorization", "_login")

    def __init__(self, login: str, password: str) -> None:
        if not _filled(login) or not _filled(password):
            raise ConfigurationError("login and password must both be non-empty strings")
        if ":" in login:
            raise ConfigurationError("a login cannot hold a colon: the gateway splits login and password there")
        pair = base64.b64encode(f"{login}:{password}".encode()).decode("ascii")
        self._login = login
        self._authorization = f"Basic {pair}"

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


Auth: TypeAlias = BasicAuth | BearerAuth


def bearer(token: str) -> str:
    """Build a bearer ``Authorization`` header, refusing what would break the header."""
    if not _filled(token):
        raise ConfigurationError("a token must be a non-empty string")
    if not token.isascii() or not token.isprintable() or " " in token:
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
        if not isinstance(auth, BasicAuth | BearerAuth):
            raise ConfigurationError("auth takes BasicAuth or BearerAuth")
        return auth
    if password is None:
        raise ConfigurationError("credentials are missing: give login and password, a token as password, or auth")
    return BearerAuth(password) if login is None else BasicAuth(login, password)


def _filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
