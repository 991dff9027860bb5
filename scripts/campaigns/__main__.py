"""Command line of the measurements of campaigns."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .figures import measure_planning, measure_sending
from .kills import run

__all__ = ["main"]

_MOST_PLANNING = 2.0
"""Most processor time of planning, as a multiple of that of phonenumbers."""
_MOST_MEMORY = 150.0
"""Megabytes."""
_MOST_OVERHEAD = 0.15
"""Share of the rate of `send_many` that the journal may cost."""


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
    figures = commands.add_parser("figures", help="measure planning and the journal for growing campaigns")
    figures.add_argument("--planned", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], help="rows to plan")
    figures.add_argument("--sent", type=int, nargs="*", default=[10_000, 100_000], help="rows to send")
    options = parser.parse_args()
    return _kill(options) if options.command == "kills" else _measure(options)


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


def _measure(options: argparse.Namespace) -> int:
    missed = 0
    for rows in options.planned:
        planning = measure_planning(rows)
        factor = planning.seconds / planning.numbers
        reached = factor <= _MOST_PLANNING and planning.peak <= _MOST_MEMORY
        missed += not reached
        print(
            f"{'ok  ' if reached else 'MISS'}  {rows:>9,} rows planned: {planning.seconds:7.1f} s CPU, {factor:.2f} x "
            f"phonenumbers, {planning.peak:.0f} MB at most, journal {planning.size:.1f} MB",
            flush=True,
        )
    for rows in options.sent:
        sending = measure_sending(rows)
        overhead = 1 - sending.plain / sending.campaign
        reached = overhead <= _MOST_OVERHEAD
        missed += not reached
        print(
            f"{'ok  ' if reached else 'MISS'}  {rows:>9,} rows sent: {rows / sending.campaign:.0f} rows/s, "
            f"{overhead:.1%} below the {rows / sending.plain:.0f} rows/s of send_many; {sending.cpu:.1f} s and "
            f"{sending.plain_cpu:.1f} s CPU, {sending.peak:.0f} MB at most",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
