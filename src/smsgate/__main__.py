"""Command line, `python -m smsgate`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from smsgate.constants import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "emulator": ("smsgate.emulator._server.command", "an emulated gateway with a phone, on 127.0.0.1:8787"),
    "listen": ("smsgate.cli.listen", "print events of phones as they arrive"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments after the program's name; by default those of the process.

    Returns:
        The exit code: 0 for success, 2 for a command that does not exist, otherwise the command's own.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments[0] if arguments else ""
    if name == "--version":
        print(f"smsgate {VERSION}")  # noqa: T201 - a command talks to its terminal
        return 0
    if name in {"", "-h", "--help", "help"}:
        print(_format_help())  # noqa: T201
        return 0 if name else 2
    if name not in COMMANDS:
        print(f"smsgate: there is no command {name!r}.\n\n{_format_help()}", file=sys.stderr)  # noqa: T201
        return 2
    code: int = import_module(COMMANDS[name][0]).main(arguments[1:])
    return code


def _format_help() -> str:
    lines = [f"  {name:<12}{about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(["usage: smsgate COMMAND [OPTIONS]", "", "commands:", *lines, "", "smsgate --version"])


if __name__ == "__main__":
    sys.exit(main())
