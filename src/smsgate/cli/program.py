"""Program `smsgate`: its commands, each imported when it runs."""

from __future__ import annotations

import inspect
import signal
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import typer
from typer.core import TyperCommand, TyperGroup

from smsgate.cli.termination import handle_signals, interrupt

if TYPE_CHECKING:
    from collections.abc import Sequence


class Entry(NamedTuple):
    """Where a command is, the group it is listed in, and one line about it."""

    module: str
    panel: str
    about: str


_MESSAGES, _ACCOUNT, _TOOLS = "Messages", "Account", "Tools"
COMMANDS: dict[str, Entry] = {
    "send": Entry("send", _MESSAGES, "Send a text or a data message."),
    "status": Entry("status", _MESSAGES, "Show the state of a message."),
    "wait": Entry("status", _MESSAGES, "Wait until a message is delivered, or has failed."),
    "cancel": Entry("status", _MESSAGES, "Cancel a message that is still pending."),
    "messages": Entry("messages", _MESSAGES, "List messages, newest first, or follow them."),
    "inbox": Entry("inbox", _MESSAGES, "List received messages, fetch attachments, or refresh."),
    "campaign": Entry("campaign", _MESSAGES, "Send a text to all numbers of a table; stop and resume."),
    "listen": Entry("listen", _MESSAGES, "Receive events of phones and print them as they arrive."),
    "devices": Entry("devices", _ACCOUNT, "List the phones of the account, or remove one."),
    "webhooks": Entry("webhooks", _ACCOUNT, "List, add, remove or synchronize webhooks."),
    "settings": Entry("settings", _ACCOUNT, "Show and change the settings of the phones."),
    "token": Entry("token", _ACCOUNT, "Issue and revoke access tokens."),
    "logs": Entry("logs", _ACCOUNT, "Show the log entries of a phone's local server."),
    "health": Entry("logs", _ACCOUNT, "Show the health of the gateway."),
    "profile": Entry("profile", _TOOLS, "Store connections by name."),
    "doctor": Entry("doctor", _TOOLS, "Examine connection and account, and say what to do."),
    "segments": Entry("texts", _TOOLS, "Show the SMS parts of a text."),
    "encrypt": Entry("texts", _TOOLS, "Encrypt the standard input as the app does."),
    "decrypt": Entry("texts", _TOOLS, "Decrypt the standard input."),
    "emulator": Entry("emulator", _TOOLS, "Run an emulated gateway with a phone, to develop without one."),
    "spec": Entry("texts", _TOOLS, "Print the OpenAPI document of the gateway."),
}
_HELP = {"help_option_names": ["-h", "--help"]}
_WITH_OWN_OPTIONS = frozenset({"emulator"})
"""Commands that `smsgate.__main__` starts."""
DEFAULTS: dict[str, str] = {
    "inbox": "list",
    "devices": "list",
    "webhooks": "list",
    "settings": "get",
    "profile": "list",
}
"""Commands of groups that are meant when none is named."""


class _PlainHelp:
    """Help without Python's types, such as ``<bool>``, of flags and of arguments, whose names say what they take."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, the option for help included."""
        found: list[Any] = cast("Any", super()).get_params(ctx)
        for one in found:
            if one.param_type_name == "argument" or getattr(one, "is_flag", False) or getattr(one, "count", False):
                one.display_type_rich = _show_no_type
        return found


def _show_no_type(ctx: Any) -> None: ...


class _Command(_PlainHelp, TyperCommand): ...


class _Group(_PlainHelp, TyperGroup): ...


class Program(_Group):
    """Group that lists commands by its table and imports the one that runs."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = {
            name: TyperCommand(name, help=entry.about, rich_help_panel=entry.panel, callback=None)
            for name, entry in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the name, the command itself and its arguments."""
        name, listed, rest = super().resolve_command(ctx, args)
        is_typer = listed is not None and name not in _WITH_OWN_OPTIONS
        return name, load_command(str(name)) if is_typer else listed, rest


def load_command(name: str) -> Any:
    """Import a command; its module holds a function or, for a group of commands, a `typer.Typer` of that name."""
    target = getattr(import_module(f"smsgate.cli.{COMMANDS[name].module}"), name)
    if not isinstance(target, typer.Typer):
        function, target = target, typer.Typer(add_completion=False)
        target.command(name)(function)
    target.info.context_settings, target.info.cls = _HELP, _Group
    for command in target.registered_commands:
        command.epilog = getattr(command.callback, "examples", None)
        command.help = _join_lines(inspect.getdoc(command.callback) or "")
        command.context_settings, command.cls = _HELP, _Command
    return typer.main.get_command(target)


def _join_lines(text: str) -> str:
    """Return a text whose paragraphs are a line each: a terminal of another width breaks them elsewhere."""
    return "\n\n".join(" ".join(paragraph.split("\n")) for paragraph in text.split("\n\n"))


app: typer.Typer = typer.Typer(
    cls=Program,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings=_HELP,
    help="Send and receive text messages through your own Android phones.",
    epilog="Gateway and credentials come from options, SMSGATE_* variables, a file .env, or a profile.",
)


@app.callback()
def _program() -> None: ...


def main(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: the arguments after the program's name.

    Returns:
        The exit code.
    """
    name, *rest = arguments or [""]
    with handle_signals([signal.SIGTERM], interrupt):
        return _run(name, rest)


def _run(name: str, rest: list[str]) -> int:
    try:
        if name in DEFAULTS and (not rest or rest[0].startswith("-")) and not {"-h", "--help"}.intersection(rest):
            rest = [DEFAULTS[name], *rest]
        if name in COMMANDS:  # at once: the group would read its own options first, for which typer loads pydantic
            load_command(name)(rest, prog_name=f"smsgate {name}")
        else:
            typer.main.get_command(app)([name, *rest] if name else [], prog_name="smsgate")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0
