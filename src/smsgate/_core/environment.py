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
    login = _value(environment, "SMSGATE_USERNAME") or _value(environment, "SMSGATE_LOGIN")
    password = _value(environment, "SMSGATE_PASSWORD")
    if not {"login", "password", "auth"} & arguments.keys():
        arguments.update(_credentials(login, password, _value(environment, "SMSGATE_TOKEN")))
    elif "password" in arguments and "login" not in arguments and login:
        arguments["login"] = login
    elif "login" in arguments and "password" not in arguments and password:
        arguments["password"] = password
    if "base_url" not in arguments and (base_url := _value(environment, "SMSGATE_BASE_URL")):
        arguments["base_url"] = base_url
    if "encryptor" not in arguments and (passphrase := environment.get("SMSGATE_PASSPHRASE", "").strip("\r\n")):
        from smsgate.encryption import Encryptor  # noqa: PLC0415 - slow to import, and rarely asked for

        arguments["encryptor"] = Encryptor(passphrase)  # spaces may belong to it
    return arguments


def _value(environment: Mapping[str, str], name: str) -> str:
    """Return a variable without white space around it: files of secrets end with a line break."""
    return environment.get(name, "").strip()


def _credentials(login: str, password: str, token: str) -> dict[str, str]:
    if token:
        return {"password": token}
    if not login or not password:
        raise ConfigurationError("set SMSGATE_USERNAME (or SMSGATE_LOGIN) and SMSGATE_PASSWORD, or SMSGATE_TOKEN")
    return {"login": login, "password": password}
