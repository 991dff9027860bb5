"""Options of a client: checks and defaults, and the environment variables that set them."""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, Any

from smsgate._core.encryption_schemes import check_scheme
from smsgate._core.limits import LONGEST_TIMEOUT, seconds
from smsgate._http import Timeout
from smsgate.constants import VERSION
from smsgate.errors import ConfigurationError
from smsgate.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smsgate.encryption import BaseEncryptor

_LONGEST_CONNECT = 10.0


class Unchanged(Enum):
    """Type of `UNCHANGED`."""

    UNCHANGED = "unchanged"

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED = Unchanged.UNCHANGED
"""Default of options for which None is a value: the option stays as it is."""


def check_timeout(timeout: float | Timeout) -> Timeout:
    """Return the limits of one exchange; a number bounds the whole and each part.

    Raises:
        ConfigurationError: when it is no positive number of seconds, up to 1,000,000.
    """
    if isinstance(timeout, Timeout):
        for name, limit in (("connect", timeout.connect), ("read", timeout.read), ("total", timeout.total)):
            if limit is not None:
                seconds(f"timeout.{name}", limit, most=LONGEST_TIMEOUT, positive=True)
        return timeout
    limit = seconds("timeout", timeout, most=LONGEST_TIMEOUT, positive=True)
    return Timeout(connect=min(_LONGEST_CONNECT, limit), read=limit, total=limit)


def bound_timeout(timeout: Timeout, seconds: float) -> Timeout:
    """Return limits of at most this number of seconds."""
    limits = (timeout.connect, timeout.read, timeout.total)
    return Timeout(*(seconds if limit is None else min(limit, seconds) for limit in limits))


def check_encryptor(encryptor: BaseEncryptor | None) -> BaseEncryptor | None:
    """Return the encryptor.

    Raises:
        ConfigurationError: when it lacks a method, so that nothing leaves unencrypted by mistake.
    """
    if encryptor is not None:
        check_scheme(encryptor, "encrypt", "decrypt", "is_encrypted")
    return encryptor


def check_retry(retry: RetryPolicy) -> RetryPolicy:
    """Return the policy.

    Raises:
        ConfigurationError: when it is something else.
    """
    if not isinstance(retry, RetryPolicy):
        raise ConfigurationError("retry takes a RetryPolicy; RetryPolicy.none() switches retries off")
    return retry


def full_user_agent(product: str | None) -> str:
    """Return the ``User-Agent`` header: the program's product first, then this package and Python.

    Raises:
        ConfigurationError: when the product holds characters that no header may have.
    """
    own = f"smsgate/{VERSION} python/{sys.version_info.major}.{sys.version_info.minor}"
    if product is None:
        return own
    if not isinstance(product, str) or not product.isascii() or not product.isprintable() or not product.strip():
        raise ConfigurationError("user_agent takes printable ASCII text such as 'myapp/1.0'")
    return f"{product.strip()} {own}"


def from_environment(environment: Mapping[str, str], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a client: overrides first, then ``SMSGATE_TOKEN``, then user name and password.

    Raises:
        ConfigurationError: when neither holds credentials; names the variables.
    """
    arguments = dict(overrides)
    login = _read_variable(environment, "SMSGATE_USERNAME") or _read_variable(environment, "SMSGATE_LOGIN")
    password = _read_variable(environment, "SMSGATE_PASSWORD")
    if not {"login", "password", "auth"} & arguments.keys():
        arguments.update(_choose_credentials(login, password, _read_variable(environment, "SMSGATE_TOKEN")))
    elif "password" in arguments and "login" not in arguments and login:
        arguments["login"] = login
    elif "login" in arguments and "password" not in arguments and password:
        arguments["password"] = password
    if "base_url" not in arguments and (base_url := _read_variable(environment, "SMSGATE_BASE_URL")):
        arguments["base_url"] = base_url
    if "encryptor" not in arguments and (passphrase := environment.get("SMSGATE_PASSPHRASE", "").strip("\r\n")):
        from smsgate.encryption import Encryptor  # noqa: PLC0415 - slow to import, and rarely needed

        arguments["encryptor"] = Encryptor(passphrase)  # spaces may belong to it
    return arguments


def _read_variable(environment: Mapping[str, str], name: str) -> str:
    """Return a variable without surrounding white space: files of secrets end with a line break."""
    return environment.get(name, "").strip()


def _choose_credentials(login: str, password: str, token: str) -> dict[str, str]:
    if token:
        return {"password": token}
    if not login or not password:
        raise ConfigurationError("set SMSGATE_USERNAME (or SMSGATE_LOGIN) and SMSGATE_PASSWORD, or SMSGATE_TOKEN")
    return {"login": login, "password": password}
