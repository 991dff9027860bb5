"""Standard streams of a command."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO


def prepare_streams() -> None:
    """Open streams that the shell has closed, and escape characters that a terminal's encoding lacks."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a test may have put something else there
            stream.reconfigure(errors="backslashreplace")


def discard_output(stream: TextIO) -> None:
    """Discard what a stream still holds and gets: Python flushes it at exit, which would fail with a traceback."""
    with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nothing:  # a test's stream has no descriptor
        os.dup2(nothing.fileno(), stream.fileno())


def flush_output(stream: TextIO) -> OSError | None:
    """Flush a stream and return why it cannot be written; what it then holds is discarded."""
    try:
        stream.flush()
    except OSError as error:
        discard_output(stream)
        return error
    return None
