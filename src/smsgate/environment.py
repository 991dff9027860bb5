"""Client arguments from the environment. Pure: the environment is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["from_environment"]


def from_environment(environment: Mapping[str, str], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a client: overrides win, then ``SMSGATE_TOKEN``, then user name and password.

    Raises:
        ConfigurationError: when neither holds credentials; names the variables.
    """
    arguments = dict(overrides)
    if not {"login", "password", "auth"} & arguments.keys():
        arguments.update(_credentials(environment))
    elif "password" in arguments and "login" not in arguments and environment.get("SMSGATE_USERNAME"):
        arguments["login"] = environment["SMSGATE_USERNAME"]
    elif "login" in arguments and "password" not in arguments and environment.get("SMSGATE_PASSWORD"):
        arguments["password"] = environment["SMSGATE_PASSWORD"]
    if "base_url" not in arguments and environment.get("SMSGATE_BASE_URL"):
        arguments["base_url"] = environment["SMSGATE_BASE_URL"]
    if "encryptor" not in arguments and (passphrase := environment.get("SMSGATE_PASSPHRASE")):
        from smsgate.encryption import Encryptor  # noqa: PLC0415 - slow to import, and rarely asked for

        arguments["encryptor"] = Encryptor(passphrase)
    return arguments


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    if token := environment.get("SMSGATE_TOKEN"):
        return {"password": token}
    login, password = environment.get("SMSGATE_USERNAME"), environment.get("SMSGATE_PASSWORD")
    if not login or not password:
        raise ConfigurationError("set SMSGATE_USERNAME and SMSGATE_PASSWORD, or SMSGATE_TOKEN")
    return {"login": login, "password": password}
