"""Command line of apidiff: the changes of the public API, and exit code 1 for a breaking one that is not announced."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .changes import compare
from .facts import collect
from .snapshot import CHANGELOG, SnapshotError, is_announced, read_announcements, read_revision, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .facts import Facts

ROOT = Path(__file__).resolve().parents[2]

PASSED, UNANNOUNCED, UNREADABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT, current: Callable[[], Facts] = collect) -> int:
    """Compare, print, and return 0, 1 for an unannounced breaking change, or 2 if there is nothing to compare with."""
    parser = argparse.ArgumentParser(prog="apidiff", description="Compare the public API with that of a revision.")
    parser.add_argument("revision", nargs="?", default="HEAD", help="a revision of git (default: %(default)s)")
    parser.add_argument("--print", action="store_true", help="print the snapshot of the current API and do not compare")
    options = parser.parse_args(arguments)
    if options.print:
        print(write(current()), end="")
        return PASSED
    try:
        before = read_revision(root, options.revision)
    except SnapshotError as error:
        print(f"apidiff: {error}", file=sys.stderr)
        return UNREADABLE
    changes = compare(before, current())
    announcements = read_announcements((root / CHANGELOG).read_text(encoding="utf-8"))
    unannounced = [change for change in changes if change.breaking and not is_announced(change, announcements)]
    for change in changes:
        print(change if change in unannounced or not change.breaking else f"announced: {change}")
    breaking = sum(change.breaking for change in changes)
    print(
        f"apidiff: {len(changes)} changes since {options.revision}, {breaking} breaking, {len(unannounced)} unannounced"
    )
    return UNANNOUNCED if unannounced else PASSED


if __name__ == "__main__":
    sys.exit(main())
