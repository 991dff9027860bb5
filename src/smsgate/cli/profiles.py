"""Profiles: named gateways in `config.toml`, their secrets in the system's keyring or in a file for the owner only."""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import platformdirs

from smsgate.cli.connection import Connection
from smsgate.cli.failures import CredentialsError
from smsgate.cli.json_types import as_mapping
from smsgate.cli.output import print_error
from smsgate.constants import DEFAULT_URL
from smsgate.errors import ConfigurationError

CONFIG_VARIABLE = "SMSGATE_CONFIG_DIR"
SECRETS = ("password", "token", "passphrase")
_SERVICE = "smsgate"


def config_folder() -> Path:
    """Return the folder of `config.toml`: ``SMSGATE_CONFIG_DIR``, or the system's place for settings of a user.

    Raises:
        ConfigurationError: the user has no home, as in a container with an unknown user.
    """
    folder = _find_folder()
    if folder is None:
        raise ConfigurationError(f"there is no home folder for profiles: set {CONFIG_VARIABLE}")
    return folder


def _find_folder() -> Path | None:
    chosen = os.environ.get(CONFIG_VARIABLE)
    if chosen:
        return Path(chosen)
    try:
        folder = platformdirs.user_config_path("smsgate")
    except RuntimeError:  # there is no home
        return None
    return folder if folder.is_absolute() else None  # earlier versions return ~/.config then


@dataclass
class Profiles:
    """The content of `config.toml`.

    Attributes:
        default: name of the profile in use; None without one.
        settings: url and login of each profile by its name.
    """

    default: str | None = None
    settings: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    @classmethod
    def load(cls) -> Profiles:
        """Read the file; without one, or without a home, there are no profiles.

        Raises:
            ConfigurationError: when it is no TOML or holds something else.
        """
        folder = _find_folder()
        if folder is None:
            return cls()
        path = folder / "config.toml"
        try:
            document: dict[str, Any] = _read_toml(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{path} cannot be read: {error}") from None
        listed = as_mapping(document.get("profiles", {}))
        profiles = {name: as_mapping(one) for name, one in (listed or {}).items()}
        texts = listed is not None and all(
            one is not None and all(isinstance(value, str) for value in one.values()) for one in profiles.values()
        )
        if not texts or not isinstance(document.get("default"), str | None):
            raise ConfigurationError(f"{path}: profiles are tables of texts, [profiles.NAME] with url and login")
        stored = {name: settings or {} for name, settings in profiles.items()}
        for name, settings in stored.items():
            if unknown := sorted(settings.keys() - {"url", "login"}):
                raise ConfigurationError(
                    f"{path}: the profile {name!r} may have url and login only, not {', '.join(unknown)}; "
                    f"smsgate profile add {name} stores secrets"
                )
        return cls(document.get("default"), stored)

    def save(self) -> None:
        """Write the file, readable by its owner only.

        Raises:
            ConfigurationError: when it cannot be written.
        """
        import tomli_w

        document: dict[str, Any] = {"profiles": self.settings}
        if self.default is not None:
            document = {"default": self.default, **document}
        _write_private(config_folder() / "config.toml", tomli_w.dumps(document))

    def connection(self, name: str) -> Connection:
        """Return gateway and credentials of a profile.

        Raises:
            ConfigurationError: for an unknown name.
            CredentialsError: when no secret is stored for the profile and its host.
        """
        settings = self.settings.get(name)
        if settings is None:
            known = ", ".join(sorted(self.settings)) or "none"
            raise ConfigurationError(
                f"there is no profile {name!r} (known: {known}); smsgate profile add {name} makes it"
            )
        secrets = load_secrets(name, settings.get("url"))
        if not secrets.keys() & {"password", "token"}:
            raise CredentialsError(
                f"no password or token is stored for the profile {name!r} and its host; smsgate profile add {name} "
                "stores one"
            )
        login = None if "token" in secrets else settings.get("login")
        return Connection(f"the profile {name!r}", settings.get("url"), login, **secrets)


def store_secrets(name: str, url: str | None, secrets: dict[str, str]) -> Path | None:
    """Keep secrets of a profile for its host alone.

    Returns:
        The file that holds them, when the system has no keyring; else None.

    Raises:
        ConfigurationError: when they cannot be stored.
    """
    key = secret_key(name, url)
    keyring = _find_keyring()
    if keyring is not None:
        with _keyring_errors():
            keyring.set_password(_SERVICE, key, json.dumps(secrets))
        return None
    path = config_folder() / "secrets.json"
    stored = _read_secrets(path)
    stored[key] = secrets
    _write_private(path, json.dumps(stored, indent=2))
    return path


def load_secrets(name: str, url: str | None) -> dict[str, str]:
    """Return the secrets of a profile and its host; none when there are none."""
    key = secret_key(name, url)
    keyring = _find_keyring()
    if keyring is not None:
        with _keyring_errors():
            text = keyring.get_password(_SERVICE, key)
        if text is not None:
            return _only_secrets(_parse_secret(text), f"the keyring's entry {key}")
    path = config_folder() / "secrets.json"
    stored = _read_secrets(path)
    _warn_of_readers(path)
    return _only_secrets(stored.get(key, {}), f"{path}, entry {key}")


def delete_secrets(name: str, url: str | None) -> None:
    """Forget the secrets of a profile and its host."""
    key = secret_key(name, url)
    keyring = _find_keyring()
    if keyring is not None:
        with _keyring_errors():
            if keyring.get_password(_SERVICE, key) is not None:
                keyring.delete_password(_SERVICE, key)
    path = config_folder() / "secrets.json"
    stored = _read_secrets(path)
    if stored.pop(key, None) is not None:
        _write_private(path, json.dumps(stored, indent=2))


def secret_key(name: str, url: str | None) -> str:
    """Return the key of a secret; it names the host, so that an edited URL never receives another host's password."""
    parts = urlsplit(url or DEFAULT_URL)
    return f"{name}@{parts.scheme}://{parts.netloc}"


def _parse_secret(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _only_secrets(found: Any, place: str) -> dict[str, str]:
    if not isinstance(found, dict):
        raise ConfigurationError(f"{place}: no secret of this program; smsgate profile add stores it anew")
    stored = cast("dict[str, Any]", found)
    return {name: stored[name] for name in SECRETS if isinstance(stored.get(name), str)}


def _read_secrets(path: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path} cannot be read: it is no file of this program")
    return cast("dict[str, Any]", found)


def _warn_of_readers(path: Path) -> None:
    """Warn of a file with secrets that other users can read (Windows has other rules)."""
    if os.name == "posix" and path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        print_error(f"warning: other users can read the secrets in {path}: chmod 600 {path}")


def _find_keyring() -> Any:
    """Return the keyring library if it is installed and has a place for secrets."""
    try:
        import keyring
        from keyring.backends import fail, null
    except ImportError:
        return None
    with _keyring_errors():
        unusable = isinstance(keyring.get_keyring(), fail.Keyring | null.Keyring)
    return None if unusable else keyring


@contextmanager
def _keyring_errors() -> Generator[None, None, None]:
    """Raise `ConfigurationError` for all errors within: each keyring has errors of its own."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - see above
        raise ConfigurationError(
            f"the system's keyring failed: {error or type(error).__name__}; unlock it, or set "
            "PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring to keep secrets in a file"
        ) from None


def _read_toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    found: dict[str, Any] = tomllib.loads(text)
    return found


def _write_private(path: Path, text: str) -> None:
    """Replace a file at once with one that only its owner may read."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None
