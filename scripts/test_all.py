"""Test run on every installed Python from 3.10 on: interpreters of pyenv and of the PATH."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
MINORS = range(10, 15)


def main() -> int:
    """Return 0 when all interpreters found passed."""
    results: dict[str, int] = {}
    for minor in MINORS:
        python = find(minor)
        if python is None:
            print(f"Python 3.{minor}: not found")
            continue
        print(f"Python 3.{minor}: {python}", flush=True)
        results[f"3.{minor}"] = run(python, ROOT / f".venv-3.{minor}", ROOT / "constraints.txt", extras="all,codegen")
    for version, code in results.items():
        print(f"Python {version}: {'passed' if code == 0 else f'failed ({code})'}")
    return 1 if not results or any(results.values()) else 0


def find(minor: int) -> str | None:
    """Return the path of Python 3.``minor``, the newest patch release that pyenv has before the one on the PATH."""
    versions = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3"), key=patch_number)
    return str(versions[-1]) if versions else shutil.which(f"python3.{minor}")


def patch_number(python: Path) -> int:
    """Return the last number of a pyenv folder's name, 0 for pre-releases."""
    patch = python.parent.parent.name.rsplit(".", 1)[-1]
    return int(patch) if patch.isdigit() else 0


def run(python: str, venv: Path, constraints: Path, extras: str, selected: Sequence[str] = ()) -> int:
    """Make or refresh an environment and run the tests in it.

    Args:
        python: the interpreter.
        venv: the environment's folder.
        constraints: file of exact versions.
        extras: those to install, with commas.
        selected: pytest's options that select tests; none for all.

    Returns:
        The exit code of the first command that failed, or 0.
    """
    own = str(venv / "bin/python")
    pip = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", str(constraints)]
    for command in (
        [python, "-m", "venv", str(venv)],
        [*pip, "--upgrade", "pip"],
        [*pip, "--editable", f".[{extras}]", "--group", "dev"],
        [own, "-m", "pytest", "-q", "-n", "2", *selected],
    ):
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
