"""Subprocesses for ruff and the generated code, with every warning an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


_SOURCE = Path(__file__).resolve().parents[2]
"""Where this very smsgate is imported from: generated packages stand on its run-time support."""


class GenerationError(Exception):
    """Generation cannot go on; the text tells why."""


def run(arguments: Sequence[str], *, cwd: Path, extra_path: Path | None = None) -> str:
    """Run this Python with arguments and return what it printed; anything on standard error is a failure as well.

    Args:
        arguments: arguments of the interpreter.
        cwd: directory to run in.
        extra_path: directory that the command may import from.

    Raises:
        GenerationError: the command failed or warned.
    """
    environment = {name: os.environ[name] for name in ("PYTHONHASHSEED", "SYSTEMROOT") if name in os.environ}
    environment |= {"PATH": os.environ.get("PATH", ""), "HOME": str(cwd), "LC_ALL": "C.UTF-8"}
    environment |= {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(map(str, filter(None, (extra_path, _SOURCE)))),
    }
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr.strip():
        lines = f"{done.stdout}{done.stderr}".strip().splitlines() or ["no output"]
        raise GenerationError(f"the generated code does not work, please report it: {lines[-1].strip()}")
    return done.stdout
