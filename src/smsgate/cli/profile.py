"""Commands `smsgate profile`: stored connections."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from smsgate.cli.connection import ask_secret, read_password
from smsgate.cli.examples import examples
from smsgate.cli.failures import CommandError, ExitCode, print_warning
from smsgate.cli.output import Column, print_error
from smsgate.cli.profiles import Profiles, config_folder, delete_secrets, secret_key, store_secrets
from smsgate.cli.session import Session, local_command, plain_command
from smsgate.constants import DEFAULT_URL

profile: typer.Typer = typer.Typer(
    add_completion=False, help="Store connections by name; secrets go to the system's keyring."
)
Name = Annotated[str, typer.Argument(help="Name of the profile.", metavar="NAME")]


@profile.command("list")
@local_command
def list_profiles(session: Session) -> None:
    """List the profiles; the one in use has a mark."""
    stored = Profiles.load()
    rows = [
        {"name": name, "url": one.get("url", DEFAULT_URL), "login": one.get("login"), "inUse": name == stored.default}
        for name, one in stored.settings.items()
    ]
    columns = (
        Column("", lambda one: "*" if one["inUse"] else ""),
        Column("name", lambda one: one["name"]),
        Column("url", lambda one: one["url"]),
        Column("login", lambda one: one["login"] or "(token)"),
    )
    session.output.show(rows, columns, empty="no profiles: smsgate profile add NAME stores one")


@profile.command()
@examples(
    "smsgate profile add home --url http://192.168.1.2:8080 --login sms",
    "smsgate profile add work --url https://sms.example.com/api/3rdparty/v1 --password-file token.txt",
)
@plain_command
def add(
    name: Name,
    url: Annotated[
        str | None, typer.Option(help="Base URL of the API; the public cloud by default.", metavar="URL")
    ] = None,
    login: Annotated[str | None, typer.Option(help="User name; left out for a token.", metavar="NAME")] = None,
    password_file: Annotated[
        str | None, typer.Option(help="File with the password or token; - for the standard input.", metavar="FILE")
    ] = None,
    passphrase_file: Annotated[
        str | None, typer.Option(help="File with the passphrase of end-to-end encryption.", metavar="FILE")
    ] = None,
) -> None:
    """Store a connection; asks for the password, or for a token without --login."""
    from smsgate import APIClient

    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise CommandError("a profile's name has letters, digits, - and _", code=ExitCode.USAGE)
    kind = "token" if login is None else "password"
    secret = read_password(password_file) if password_file is not None else _ask(kind)
    secrets = {kind: secret}
    if passphrase_file is not None:
        if passphrase_file == password_file:
            raise CommandError("the password and the passphrase need a file each", code=ExitCode.USAGE)
        secrets["passphrase"] = read_password(passphrase_file, option="--passphrase-file")
    APIClient(login, secret, base_url=url or DEFAULT_URL).close()  # rejects what could never work
    stored = Profiles.load()
    former = stored.settings.get(name, {}).get("url", url)
    settings = {"url": url, "login": login}
    stored.settings[name] = {key: value for key, value in settings.items() if value is not None}
    stored.default = stored.default or name
    kept_in = store_secrets(name, url, secrets)
    stored.save()
    if secret_key(name, former) != secret_key(name, url):
        delete_secrets(name, former)
    if kept_in is not None:
        print_warning(f"there is no system keyring: the {kind} is in {kept_in}, readable by you alone")
    print_error(f"stored {name}" + (", in use" if stored.default == name else f"; smsgate profile use {name} uses it"))


@profile.command()
@plain_command
def use(name: Name) -> None:
    """Use a profile in commands without other credentials."""
    stored = Profiles.load()
    _check_known(stored, name)
    stored.default = name
    stored.save()


@profile.command()
@plain_command
def remove(name: Name) -> None:
    """Remove a profile and its secrets."""
    stored = Profiles.load()
    _check_known(stored, name)
    delete_secrets(name, stored.settings.pop(name).get("url"))
    stored.default = None if stored.default == name else stored.default
    stored.save()


def _check_known(stored: Profiles, name: str) -> None:
    if name not in stored.settings:
        known = ", ".join(sorted(stored.settings)) or "none"
        raise CommandError(f"there is no profile {name!r} in {config_folder()} (known: {known})", code=ExitCode.USAGE)


def _ask(kind: str) -> str:
    if not sys.stdin.isatty():
        raise CommandError(f"give the {kind} by --password-file, or run the command on a terminal", code=ExitCode.USAGE)
    return ask_secret(kind.capitalize())
