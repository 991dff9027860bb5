"""Choice of the gateway and its credentials for one command: options, environment, `.env` file or a profile."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smsgate.cli.failures import CredentialsError
from smsgate.cli.inputs import read_first_line
from smsgate.constants import DEFAULT_URL
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smsgate import APIClient

VARIABLES: dict[str, tuple[str, ...]] = {
    "url": ("SMSGATE_BASE_URL",),
    "login": ("SMSGATE_USERNAME", "SMSGATE_LOGIN"),
    "password": ("SMSGATE_PASSWORD",),
    "token": ("SMSGATE_TOKEN",),
    "passphrase": ("SMSGATE_PASSPHRASE",),
}
"""Environment variables of each setting, in the order in which they are read."""
PROFILE_VARIABLE = "SMSGATE_PROFILE"
NO_CREDENTIALS = (
    "there are no credentials: give --login and --password-file, set SMSGATE_USERNAME and SMSGATE_PASSWORD (or "
    "SMSGATE_TOKEN), or store them once with: smsgate profile add NAME"
)


@dataclass(frozen=True)
class Connection:
    """Gateway and credentials, all from one source.

    Attributes:
        source: where they come from, for people: ``the options``, ``the environment``, a file or a profile.
        url: base URL; None for the public cloud.
        login: user name; None with a token.
        password: the account's password.
        token: an access token, instead of login and password.
        passphrase: of end-to-end encryption; None for none.
    """

    source: str
    url: str | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)

    @property
    def has_credentials(self) -> bool:
        """Whether there is a token or a password."""
        return self.token is not None or self.password is not None

    @property
    def is_empty(self) -> bool:
        """Whether it names neither a gateway nor credentials."""
        return self.url is None and self.login is None and not self.has_credentials

    def open_client(self, **options: Any) -> APIClient:
        """Return a client for the connection.

        Args:
            options: further arguments of `APIClient`.

        Raises:
            ConfigurationError: for a connection that could never work.
        """
        from smsgate import APIClient, Encryptor

        if self.passphrase is not None:
            options["encryptor"] = Encryptor(self.passphrase)
        secret = self.password if self.token is None else self.token
        return APIClient(self.login, secret, base_url=self.url or DEFAULT_URL, user_agent="smsgate-cli", **options)


def choose_connection(options: Connection, *, profile: str | None = None) -> Connection:
    """Return the connection of the first source that names a gateway or credentials.

    The sources are the options, the environment, a file ``.env`` in the current directory, and a profile. Nothing is
    combined across sources, so that no password reaches a gateway for which it was not meant. A passphrase never leaves
    this program: one from the options, or from variables that name no gateway, serves every connection without its own.

    Args:
        options: settings from the command line.
        profile: name of a profile; given, gateway and credentials come from it alone.

    Raises:
        CredentialsError: no source has credentials, or the first one with a URL has none.
        ConfigurationError: a profile together with other options, an unknown profile, or credentials without a URL
            although another source names a gateway.
    """
    chosen = find_connection(options, profile=profile)
    if chosen.token is None and (chosen.login is None or chosen.password is None):
        raise CredentialsError(_describe_gap(chosen))
    return chosen


def find_connection(options: Connection, *, profile: str | None = None) -> Connection:
    """Return what `choose_connection` does, also without credentials.

    Raises:
        ConfigurationError: as `choose_connection`.
    """
    if profile is not None and not options.is_empty:
        raise ConfigurationError("--profile has its own gateway and credentials: leave out the other options")
    variables = [read_variables(os.environ, "the environment"), *_read_dotenv()]
    chosen = _first_source(options, profile, variables)
    alone = [one.passphrase for one in variables if one.is_empty]
    passphrases = [options.passphrase, chosen.passphrase, *alone]
    return replace(chosen, passphrase=next((one for one in passphrases if one is not None), None))


def _first_source(options: Connection, profile: str | None, variables: list[Connection]) -> Connection:
    if profile is not None:
        return load_profile(profile)
    if not options.is_empty:
        _refuse_other_gateway(options, variables)
        return options
    for source in variables:
        if not source.is_empty:
            return source
    return load_profile(os.environ.get(PROFILE_VARIABLE) or None)


def _refuse_other_gateway(options: Connection, later: list[Connection]) -> None:
    """Refuse credentials without URL where the environment names a gateway: they would go to the public cloud."""
    named = next((source for source in later if source.url is not None), None)
    if options.url is None and named is not None:
        raise ConfigurationError(
            f"the options have credentials but no --url, and {named.source} names a gateway: give --url, too"
        )


def _describe_gap(chosen: Connection) -> str:
    if chosen.is_empty:
        return NO_CREDENTIALS
    if chosen.login is not None and chosen.password is None:
        return (
            f"{chosen.source} has a login but no password: give --password-file, or use a terminal, which asks for it"
        )
    if chosen.password is not None:
        return f"{chosen.source} has a password but no login"
    return (
        f"{chosen.source}: a gateway ({chosen.url}) without credentials; those of other sources are not sent "
        "there: give --login and --password-file, or --token"
    )


def read_variables(variables: Mapping[str, str | None], source: str) -> Connection:
    """Return the connection that variables describe; surrounding white space does not count, empty values neither."""
    found = {
        name: next((value for value in ((variables.get(one) or "").strip() for one in names) if value), None)
        for name, names in VARIABLES.items()
    }
    if found["token"] is not None:
        found["login"] = found["password"] = None
    return Connection(source, **found)


def _read_dotenv() -> list[Connection]:
    path = Path(".env")
    if not path.is_file():
        return []
    from dotenv import dotenv_values

    try:
        return [read_variables(dotenv_values(path, interpolate=False), "the file .env")]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the file .env cannot be read: {error}") from None


def load_profile(name: str | None) -> Connection:
    """Return the connection of a profile, by default of the one in use; an empty one without profiles."""
    from smsgate.cli.profiles import Profiles

    profiles = Profiles.load()
    if name is None and profiles.default is None:
        return Connection("no source")
    return profiles.connection(name or profiles.default or "")


def read_password(path: str, *, option: str = "--password-file") -> str:
    """Return the first line of a file, or of the standard input for ``-``.

    Args:
        path: of the file.
        option: what errors name.

    Raises:
        CommandError: when it cannot be read.
        CredentialsError: when it is empty.
    """
    text = read_first_line(path)
    if not text.strip():
        raise CredentialsError(f"{option} {path} is empty")
    return text


def ask_secret(prompt: str) -> str:
    """Ask on the terminal, without echo.

    Raises:
        CredentialsError: when nothing is typed.
    """
    from getpass import getpass

    try:
        text = getpass(f"{prompt}: ")
    except EOFError:
        text = ""
    if not text.strip():
        raise CredentialsError(f"{prompt.lower()}: nothing was typed")
    return text
