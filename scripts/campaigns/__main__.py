"""Command line of the measurements of campaigns."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .kills import run

__all__ = ["main"]


def main() -> int:
    """Run one of the measurements; return 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    kills = commands.add_parser("kills", help="kill campaigns at random moments, and count messages in the gateway")
    kills.add_argument("--rows", type=int, default=100_000)
    kills.add_argument("--kills", type=int, default=5)
    kills.add_argument("--devices", type=int, nargs="+", default=[1, 2], help="phones of the account, for each run")
    kills.add_argument("--kind", choices=["sync", "async"], default="sync", help="kind of client")
    kills.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return _kill(options)


def _kill(options: argparse.Namespace) -> int:
    missed = 0
    for devices in options.devices:
        with tempfile.TemporaryDirectory() as folder:
            where = Path(folder)
            outcome = run(
                options.rows, options.kills, devices=devices, kind=options.kind, folder=where, seed=options.seed
            )
        missed += not outcome.is_exact
        print(
            f"{'ok  ' if outcome.is_exact else 'MISS'}  {outcome.rows:,} rows, {devices} phones, {options.kind}: "
            f"killed {outcome.kills} times, {outcome.enqueued:,} enqueued, {outcome.doubled} doubled, "
            f"{outcome.seconds:.1f} s, journal {outcome.journal}",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
