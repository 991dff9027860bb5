"""The command line: write the package, or compare it with what is there."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ._tools import GenerationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT = Path(__file__).resolve().parents[3]
_TEMPLATES = Path(__file__).resolve().parent / "templates"
_OLDEST = (3, 11)  # openapi-python-client and datamodel-code-generator need it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    if sys.version_info < _OLDEST:
        print("The code generators need Python 3.11 or newer; the generated code itself runs on 3.10.", file=sys.stderr)
        return 1
    options = _options(arguments)
    try:
        from ._package import build_package  # noqa: PLC0415 - after the check of the version

        files = build_package(options.spec, options.templates)
    except (GenerationError, ImportError) as problem:
        print(f"generate: {problem}", file=sys.stderr)
        return 1
    return _compare(files, options.output) if options.check else _write(files, options.output)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="generate.py", description="Generate smsgate_api from the OpenAPI document.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail when the package on disk differs")
    parser.add_argument("--spec", type=Path, default=_ROOT / "spec" / "smsgate.yaml")
    parser.add_argument("--templates", type=Path, default=_TEMPLATES)
    parser.add_argument("--output", type=Path, default=_ROOT / "generated" / "smsgate_api")
    options = parser.parse_args(arguments)
    for name in ("spec", "templates", "output"):
        setattr(options, name, getattr(options, name).resolve())
    return options


def _present(output: Path) -> dict[str, str]:
    if not output.is_dir():
        return {}
    paths = [path for path in output.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(output).as_posix(): path.read_bytes().decode("utf-8", "replace") for path in paths}


def _compare(files: dict[str, str], output: Path) -> int:
    present = _present(output)
    wrong = [
        f"{name}: {'missing' if name not in present else 'not generated' if name not in files else 'differs'}"
        for name in sorted({*files, *present})
        if files.get(name) != present.get(name)
    ]
    for line in wrong:
        print(f"generated/{output.name}/{line}", file=sys.stderr)
    if wrong:
        print("Run python scripts/generate.py and commit the result.", file=sys.stderr)
    return 1 if wrong else 0


def _write(files: dict[str, str], output: Path) -> int:
    output.mkdir(parents=True, exist_ok=True)
    for name in _present(output):
        if name not in files:
            (output / name).unlink()
    for name, text in files.items():
        (output / name).write_bytes(text.encode("utf-8"))
    print(f"{len(files)} files written to {output.name}")
    return 0
