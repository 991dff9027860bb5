"""Commands `smsgate settings`: settings of the phones."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from smsgate.cli.documents import parse_document, write_text
from smsgate.cli.examples import examples
from smsgate.cli.failures import CommandError, ExitCode
from smsgate.cli.json_types import as_mapping
from smsgate.cli.output import print_error
from smsgate.cli.session import Session, gateway_command

settings: typer.Typer = typer.Typer(add_completion=False, help="Show and change the settings of the phones.")
_HEADER = """\
# Settings of the phones. Only what you change is sent; a removed line resets its setting to the default.
# Secrets are not shown and stay as they are.
"""


@settings.command()
@gateway_command
def get(session: Session) -> None:
    """Show the settings."""
    with session.open_client() as client:
        _show(session, client.get_settings().asdict())


@settings.command("set")
@examples("smsgate settings set messages.limit_period=PerHour messages.limit_value=100")
@gateway_command
def set_values(
    session: Session,
    pairs: Annotated[
        list[str],
        typer.Argument(
            help="Such as messages.limit_value=100 or ping.interval_seconds=null (reset).", metavar="KEY=VALUE"
        ),
    ],
) -> None:
    """Change single settings."""
    changes: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        section, dot, name = key.partition(".")
        if not (equals and dot and section and name):
            raise CommandError(
                f"{key!r}: write SECTION.NAME=VALUE, such as messages.limit_value=100", code=ExitCode.USAGE
            )
        changes.setdefault(section, {})[name] = _parse_value(value)
    _patch(session, changes)


@settings.command()
@gateway_command
def edit(session: Session) -> None:
    """Edit the settings in $VISUAL or $EDITOR, and send what changed."""
    with session.open_client() as client:
        before = client.get_settings().asdict()
    descriptor, name = tempfile.mkstemp(prefix="smsgate-settings-", suffix=".yaml")
    path, text = Path(name), (_HEADER + write_text(before)).encode()
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
    try:
        _run_editor(path)
        changes = find_changes(before, parse_document(path))
        if changes:
            _patch(session, changes)
    except BaseException:
        if path.is_file() and path.read_bytes() != text:
            print_error(f"your text is kept in {name}")
        else:
            path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)
    if not changes:
        print_error("nothing changed")


def find_changes(before: dict[str, Any], after: Any) -> dict[str, Any]:
    """Return what differs, section by section; None for a setting that is gone.

    Raises:
        CommandError: when the edited document is no document of sections.
    """
    if after is None:
        raise CommandError("the text is empty: nothing was sent", hint="null resets a setting: limit_value: null")
    edited = as_mapping(after)
    if edited is None or any(one is not None and as_mapping(one) is None for one in edited.values()):
        raise CommandError("the settings are sections with names and values", code=ExitCode.USAGE)
    changes: dict[str, Any] = {}
    for section in [*before, *(one for one in edited if one not in before)]:
        old, new = as_mapping(before.get(section)) or {}, as_mapping(edited.get(section)) or {}
        changed = {name: new.get(name) for name in [*old, *new] if old.get(name) != new.get(name)}
        if changed:
            changes[section] = changed
    return changes


def _patch(session: Session, changes: dict[str, Any]) -> None:
    from smsgate import DeviceSettings

    patch = DeviceSettings.from_dict(changes)
    with session.open_client() as client:
        _show(session, client.patch_settings(patch).asdict())


def _show(session: Session, document: dict[str, Any]) -> None:
    if session.output.is_table:
        session.output.write(write_text(document).rstrip("\n"))
    else:
        session.output.show_one(document, ())


def _parse_value(text: str) -> Any:
    """Return a JSON value, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _ignore(_number: int, _frame: object) -> None: ...


@contextmanager
def _ignored_interrupts() -> Generator[None, None, None]:
    """Leave Ctrl-C to the editor, which has the terminal."""
    before = signal.signal(signal.SIGINT, _ignore)  # not SIG_IGN, which the editor would inherit
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _run_editor(path: Path) -> None:
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        with _ignored_interrupts():
            done = subprocess.run([*shlex.split(command), str(path)], check=False)  # noqa: S603 - the user's own editor
    except (OSError, ValueError) as error:
        raise CommandError(f"the editor {command!r} cannot be started: {error}", hint="set EDITOR") from None
    if done.returncode:
        raise CommandError(f"the editor ended with {done.returncode}; nothing was sent")
