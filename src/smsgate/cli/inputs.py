"""Bounded reading of files and of the standard input."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

from smsgate.cli.failures import CommandError, ExitCode

_MAX_BYTES = 16 * 1024 * 1024
"""Nobody means more: an endless input, such as a device, would fill the memory."""


def read_text(path: str) -> str:
    """Return the text of a file, or of the standard input for ``-``, without a byte order mark.

    Raises:
        CommandError: when it cannot be read, is no UTF-8 text or has more than 16 MiB.
    """
    return _read(path, first_line=False)


def read_first_line(path: str) -> str:
    """Return the first line of a file, or of the standard input for ``-``, without its end.

    Raises:
        CommandError: when it cannot be read, is no UTF-8 text or has more than 16 MiB.
    """
    return _read(path, first_line=True).rstrip("\r\n")


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
