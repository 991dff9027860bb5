"""Command line of specdiff: what differs, how much it matters, and an exit code for continuous integration."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .comparison import compare
from .deviations import load_deviations
from .differences import Severity
from .documents import DocumentError, load
from .report import FORMATS, Report, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .deviations import Deviation, Deviations
    from .differences import Difference

SPEC = Path(__file__).resolve().parents[2] / "spec"

PASSED, FAILED, UNREADABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, and return 0, or 1 if something as severe as `--fail-on` is not explained, 2 if unreadable."""
    options = _parser().parse_args(arguments)
    try:
        deviations = load_deviations(Path(options.deviations))
        theirs = load(options.document)
        known = deviations.identify(theirs)
        differences = compare(load(options.spec), theirs, deviations.names)
    except DocumentError as error:
        print(printable(f"specdiff: {error}"), file=sys.stderr)
        return UNREADABLE
    except RecursionError:
        print("specdiff: the documents are nested too deeply", file=sys.stderr)
        return UNREADABLE
    report = _report(differences, deviations, known, _relative(options.spec))
    for line in FORMATS[options.format](report, show_all=options.all):
        print(line)
    severe = options.fail_on != "never" and report.worst and report.worst >= Severity[options.fail_on.upper()]
    return FAILED if severe else PASSED


def _report(differences: Mapping[Difference, Severity], deviations: Deviations, known: str, spec: str) -> Report:
    explained: dict[Difference, tuple[Severity, Deviation]] = {}
    complaints: list[str] = []
    for entry in deviations.about(known):
        covered = {each: (severity, entry) for each, severity in differences.items() if entry.explains(each)}
        explained.update(covered)
        complaints.extend(filter(None, [entry.complaint(known, len(covered))]))
    unexplained = {each: severity for each, severity in differences.items() if each not in explained}
    return Report(known, spec, unexplained, explained, complaints)


def _relative(path: str) -> str:
    """GitHub and readers of SARIF find a file by its path in the repository."""
    absolute, here = Path(path).resolve(), Path.cwd().resolve()
    return absolute.relative_to(here).as_posix() if absolute.is_relative_to(here) else absolute.as_posix()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="specdiff", description="Compare our spec with a published document.")
    parser.add_argument("document", metavar="FROM", help="OpenAPI 3.x or Swagger 2: a file or an http(s) URL")
    parser.add_argument("--all", action="store_true", help="also show the differences that deviations.toml explains")
    parser.add_argument("--format", choices=FORMATS, default="text", help="form of the report (default: %(default)s)")
    parser.add_argument(
        "--fail-on",
        choices=[*(severity.name.lower() for severity in Severity), "never"],
        default="note",
        help="lowest severity of an unexplained difference that gives exit code 1 (default: %(default)s)",
    )
    parser.add_argument("--spec", default=str(SPEC / "smsgate.yaml"), help="our document")
    parser.add_argument("--deviations", default=str(SPEC / "deviations.toml"), help="the explained differences")
    return parser


if __name__ == "__main__":
    sys.exit(main())
