"""Command line of the benchmark."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from .compare import compare
from .environment import ROOT, load, machine, prepare, versions
from .groups import ROWS
from .report import chart, page, table
from .rows import Result
from .runner import QUICK, Effort, run_row, server
from .server_speed import measure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .rows import Row
    from .server_speed import ServerSpeed

__all__ = ["main"]

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "performance.svg"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 when a strict run missed a target or something failed."""
    options = _parser().parse_args(arguments)
    if options.list:
        print("\n".join(f"{row.name:24}{row.title}" for row in ROWS))
        return 0
    chosen = [row for row in ROWS if not options.only or row.name in options.only]
    if options.compare:
        compare(options.compare)
        return 0
    python = prepare()
    busy = load()
    print(busy, file=sys.stderr, flush=True)
    effort = QUICK if options.quick else Effort()
    with server() as ports:
        server_speed = measure(ports["fast"], 2_000)
        print(server_speed, file=sys.stderr, flush=True)
        results = [_run(python, row, ports, effort) for row in chosen]
    print(table(results))
    if options.write:
        _write(python, results, server_speed, busy, effort)
    return 1 if options.strict and not all(result.good for result in results) else 0


def _run(python: Path, row: Row, ports: dict[str, int], effort: Effort) -> Result:
    print(f"{row.name} ...", file=sys.stderr, flush=True)
    if sys.version_info < (3, row.python):
        return Result(row, problem=f"needs Python 3.{row.python}", skipped=True)
    return run_row(python, row, ports, effort)


def _write(python: Path, results: list[Result], server_speed: ServerSpeed, busy: str, effort: Effort) -> None:
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(
        page(
            results,
            server_speed=server_speed,
            machine=machine(),
            load=busy,
            effort=str(effort),
            versions=versions(python),
            day=datetime.now(timezone.utc).date(),
            plot=PLOT.name,
        )
    )
    drawn = chart(results)
    if drawn:
        PLOT.write_text(drawn)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure smsgate beside the official client.")
    parser.add_argument("--quick", action="store_true", help="few short rounds: a first impression")
    parser.add_argument("--only", action="append", choices=[row.name for row in ROWS], metavar="NAME", help="one row")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument("--compare", metavar="REVISION", help="compare sends with those of another revision, and end")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its plot")
    return parser


if __name__ == "__main__":
    sys.exit(main())
