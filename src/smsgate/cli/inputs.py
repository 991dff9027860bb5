"""Texts of arguments, of files and of the standard input."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from smsgate.cli.failures import CommandError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_BYTES = 16 * 1024 * 1024
"""Nobody means more: an endless input, such as a device, would fill the memory."""


def read_text(path: str) -> str:
    """Return the text of a file, or of the standard input for ``-``, without a byte order mark.

    Raises:
        CommandError: when it cannot be read, is no UTF-8 text or has more than 16 MiB.
    """
    return _read(path, first_line=False)


def read_input() -> str:
    """Return the standard input without its last line break.

    Raises:
        CommandError: when it cannot be read, is no UTF-8 text or has more than 16 MiB.
    """
    return read_text("-").removesuffix("\n").removesuffix("\r")


def read_first_line(path: str) -> str:
    """Return the first line of a file, or of the standard input for ``-``, without its end.

    Raises:
        CommandError: when it cannot be read, is no UTF-8 text or has more than 16 MiB.
    """
    return _read(path, first_line=True).rstrip("\r\n")


def decode_argument(text: str) -> str:
    """Return a text of the command line as UTF-8, also where Python has decoded it in another encoding, as ASCII."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return text  # no UTF-8; the message is rejected


def choose(option: str, text: str | None, names: Iterable[str]) -> str | None:
    """Return the name that is meant, whatever its case; None for None.

    Raises:
        CommandError: for another text; lists the names.
    """
    if text is None:
        return None
    known = {name.lower(): name for name in names}
    if text.lower() not in known:
        raise CommandError(f"{option} takes one of {', '.join(known.values())}", code=ExitCode.USAGE)
    return known[text.lower()]


def _read(path: str, *, first_line: bool) -> str:
    name = "the standard input" if path == "-" else path
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as file:
            content = (file.readline if first_line else file.read)(_MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror or error}", code=ExitCode.USAGE) from None
    except UnicodeDecodeError:
        raise CommandError(f"{name} is no UTF-8 text", code=ExitCode.USAGE) from None
    except ValueError:
        raise CommandError("a name of a file has no null character", code=ExitCode.USAGE) from None
    if len(content) > _MAX_BYTES:
        raise CommandError(f"{name} has more than 16 MiB", code=ExitCode.USAGE)
    return text
