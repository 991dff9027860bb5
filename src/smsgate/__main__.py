"""Start of the program `smsgate`, also as `python -m smsgate`."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from smsgate._standard_streams import discard_output, flush_output, prepare_streams
from smsgate.constants import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

WITHOUT_TYPER = {"emulator": "smsgate.emulator._server.command"}
"""Commands that need no extra ``cli``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments after the program's name; by default those of the process.

    Returns:
        The exit code: 0 for success, 2 for wrong usage, otherwise the command's own.
    """
    prepare_streams()
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:  # while the command was imported; later ones are its own
        code = 130
    failure = flush_output(sys.stdout)
    if failure is not None and not code:
        code = _fail_to_write(failure)
    flush_output(sys.stderr)
    return code


def _run(arguments: Sequence[str]) -> int:
    name = arguments[0] if arguments else ""
    if name in WITHOUT_TYPER:
        code: int = import_module(WITHOUT_TYPER[name]).main(arguments[1:])
        return code
    try:
        if name in {"--version", "-V"}:
            print(f"smsgate {VERSION}")  # noqa: T201 - a command talks to its terminal
            return 0
        return int(import_module("smsgate.cli.program").main(arguments))
    except ModuleNotFoundError as error:
        if (error.name or "smsgate").startswith("smsgate"):
            raise
        from smsgate._extras import missing  # noqa: PLC0415 - `--version` needs none of it

        print(f"error: {missing('the command line', 'cli')}", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:  # of version, help and completion; commands handle their own
        discard_output(sys.stdout)
        return _fail_to_write(error)


def _fail_to_write(error: OSError) -> int:
    if not isinstance(error, BrokenPipeError):  # else the reader has gone on purpose, such as head
        with suppress(OSError):
            print(f"error: the output cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
