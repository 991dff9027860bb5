"""Start of the program `smsgate`, also as `python -m smsgate`."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from smsgate._extras import missing
from smsgate.constants import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

WITHOUT_TYPER = {"emulator": "smsgate.emulator._server.command", "listen": "smsgate.cli.listen"}
"""Commands that need no extra ``cli``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments after the program's name; by default those of the process.

    Returns:
        The exit code: 0 for success, 2 for wrong usage, otherwise the command's own.
    """
    _prepare_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments[0] if arguments else ""
    if name in {"--version", "-V"}:
        print(f"smsgate {VERSION}")  # noqa: T201 - a command talks to its terminal
        return 0
    if name in WITHOUT_TYPER:
        code: int = import_module(WITHOUT_TYPER[name]).main(arguments[1:])
        return code
    try:
        return int(import_module("smsgate.cli.program").main(arguments))
    except ModuleNotFoundError as error:
        if (error.name or "smsgate").startswith("smsgate"):
            raise
        print(f"error: {missing('the command line', 'cli')}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:  # while the command was imported; later ones are its own
        return 130


def _prepare_streams() -> None:
    """Open streams that the shell has closed, and escape characters that a terminal's encoding lacks."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a test may have put something else there
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
