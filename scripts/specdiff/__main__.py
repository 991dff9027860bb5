"""Command line of specdiff: one line per difference, and exit code 0 if every difference is explained."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .comparison import compare
from .deviations import load_deviations
from .documents import DocumentError, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .deviations import Deviations
    from .differences import Difference

SPEC = Path(__file__).resolve().parents[2] / "spec"

EXPLAINED, UNEXPLAINED, UNREADABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, and return 0 if everything is explained, 1 if something is not, 2 if something cannot be read."""
    options = _parser().parse_args(arguments)
    try:
        deviations = load_deviations(Path(options.deviations))
        theirs = load(options.document)
        differences = compare(load(options.spec), theirs, deviations.names)
    except DocumentError as error:
        print(f"specdiff: {error}", file=sys.stderr)
        return UNREADABLE
    return _report(differences, deviations, deviations.identify(theirs), show_all=options.all)


def _report(differences: Sequence[Difference], deviations: Deviations, known: str, *, show_all: bool) -> int:
    explained: set[Difference] = set()
    complaints: list[str] = []
    for entry in deviations.about(known):
        covered = [difference for difference in differences if entry.explains(difference)]
        explained.update(covered)
        complaints.extend(filter(None, [entry.complaint(known, len(covered))]))
        if show_all:
            for difference in covered:
                print(f"explained: {difference} [{entry.reason}] [{entry.evidence}]")
    open_questions = [difference for difference in differences if difference not in explained]
    for difference in open_questions:
        print(difference)
    for complaint in complaints:
        print(f"stale entry: {complaint}")
    print(
        f"specdiff: {known or 'unknown document'}: {len(open_questions)} unexplained, "
        f"{len(explained)} explained, {len(complaints)} stale entries"
    )
    return UNEXPLAINED if open_questions or complaints else EXPLAINED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="specdiff", description="Compare our spec with a published document.")
    parser.add_argument("document", metavar="FROM", help="OpenAPI 3.x or Swagger 2: a file or an http(s) URL")
    parser.add_argument("--all", action="store_true", help="also show the differences that deviations.toml explains")
    parser.add_argument("--spec", default=str(SPEC / "smsgate.yaml"), help="our document")
    parser.add_argument("--deviations", default=str(SPEC / "deviations.toml"), help="the explained differences")
    return parser


if __name__ == "__main__":
    sys.exit(main())
