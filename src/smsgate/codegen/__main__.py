"""Command line: writes a package, or compares it with the existing one."""

from __future__ import annotations

import argparse
import keyword
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from smsgate.runtime.printable import escape

from ._tools import GenerationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_OLDEST = (3, 11)
_DIFFERS, _REFUSED = 1, 2
_NEEDED = {"annotated_types", "pydantic", "pydantic_core", "smsgate", "typing_extensions", "typing_inspection"}
_MAX_REASON = 1_000
"""Characters of the one line with which something is refused; it may quote the document."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: of the command line; those of the process when None.

    Returns:
        0 for success, 1 when ``--check`` finds a difference, 2 when nothing could be generated.
    """
    if sys.version_info < _OLDEST:
        print("The code generator needs Python 3.11 or newer; the generated code itself runs on 3.10.", file=sys.stderr)
        return _REFUSED
    options = _options(arguments)
    try:
        files = _build(options)
        output = Path(options.output) / options.package
        return _compare(files, output) if options.check else _write(files, output)
    except (GenerationError, RecursionError) as problem:
        reason = problem if isinstance(problem, GenerationError) else "the document is nested too deeply"
        print(f"smsgate.codegen: {escape(str(reason), _MAX_REASON)}", file=sys.stderr)
        return _REFUSED


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m smsgate.codegen", description="Generate models and operations from an OpenAPI document."
    )
    parser.add_argument("spec", nargs="?", help="OpenAPI 3.0 or 3.1, JSON or YAML, file or URL; default: SMSGate's own")
    parser.add_argument(
        "--overlay", action="append", default=[], metavar="FILE", help="OpenAPI Overlay 1.0; repeatable"
    )
    parser.add_argument("--package", required=True, help="name of the package")
    parser.add_argument("--output", required=True, metavar="DIR", help="directory that holds the package")
    parser.add_argument("--check", action="store_true", help="change nothing, exit with 1 when the package differs")
    return parser.parse_args(arguments)


def _build(options: argparse.Namespace) -> dict[str, str]:
    name: str = options.package
    if not (name.isidentifier() and name.isascii()) or keyword.iskeyword(name):
        raise GenerationError(f"--package: {name!r} is no name of a package")
    if name in sys.stdlib_module_names | _NEEDED:
        raise GenerationError(f"--package: {name} is the name of a module that the package itself needs")
    try:
        from ._binding import find_configuration, read_binding  # noqa: PLC0415 - after the version check
        from ._document import read_document  # noqa: PLC0415
        from ._package import build_package  # noqa: PLC0415
        from ._shipped import default_document  # noqa: PLC0415 - as above

        source = options.spec or str(default_document())
        document = read_document(source)
        if options.overlay:
            from ._overlay import apply_overlay  # noqa: PLC0415

            for overlay in options.overlay:
                document = apply_overlay(document, overlay, is_chosen=options.spec is not None)
    except ImportError as problem:
        raise GenerationError(f"{problem.name} is missing; install smsgate[codegen]") from None
    return build_package(document, read_binding(find_configuration(source), document), options.package)


def _compare(files: dict[str, str], output: Path) -> int:
    present = _present(output)
    names = {*files, *(name for name, text in present.items() if _is_generated(name, text))}
    wrong = [
        f"{name}: {'missing' if name not in present else 'left over' if name not in files else 'differs'}"
        for name in sorted(names)
        if files.get(name) != present.get(name)
    ]
    for line in wrong:
        print(f"{output.name}/{line}", file=sys.stderr)
    return _DIFFERS if wrong else 0


def _write(files: dict[str, str], output: Path) -> int:
    """Write the files; those of an earlier run that are no longer made are removed, and no other file is touched."""
    present = _present(output)
    for name in files:
        if os.path.lexists(output / name) and not (name in present and _is_generated(name, present[name])):
            raise GenerationError(f"{output / name} was not generated; it is left as it is")
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".smsgate-codegen-", dir=output) as beside:
            for name, text in files.items():
                Path(beside, name).write_bytes(text.encode("utf-8"))
            for name in files:
                Path(beside, name).replace(output / name)
        for name, text in present.items():
            if name not in files and _is_generated(name, text):
                (output / name).unlink()
    except OSError as problem:
        raise GenerationError(f"{output}: {problem.strerror}") from None
    print(f"{len(files)} files written to {output}")
    return 0


def _present(output: Path) -> dict[str, str]:
    """Return the texts of the regular files in a directory, by name."""
    found = list(output.iterdir()) if output.is_dir() else []
    paths = [path for path in found if path.is_file() and not path.is_symlink()]
    return {path.name: path.read_bytes().decode("utf-8", "replace") for path in paths}


def _is_generated(name: str, text: str) -> bool:
    """Tell whether a file has a name that the generator gives, and a docstring that ends in its header."""
    from ._package import FILES, HEADER  # noqa: PLC0415

    if name == "py.typed":
        return not text
    return name in FILES and text.startswith('"""') and text[3:].partition('"""')[0].rstrip().endswith(HEADER)


if __name__ == "__main__":
    sys.exit(main())
