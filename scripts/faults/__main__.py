"""Command line of the fault tests: a table of figures for sends, token refreshes and connections."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field

from .connections import SocketFigures, measure_sends
from .personal_data import Scan
from .sends import Run, run
from .tokens import ExpirySource, RefreshCounts, measure_refreshes

__all__ = ["main"]

_TASKS, _THREADS = 100, 50
_WIRE_RATE = 0.5
_BACKENDS = (
    (False, "httpx"),
    (True, "httpx"),
    (False, "requests"),
    (True, "aiohttp"),
    (False, "pyreqwest"),
    (True, "pyreqwest"),
)
_NOISE = 1000
"""Memory blocks that are allocated and freed at random."""
_MIN_EXCHANGES = 1000
"""Fewest exchanges for which the rate of faults is checked."""


@dataclass(slots=True)
class Table:
    """The figures measured so far, and whether all of them reach their targets."""

    missed: list[str] = field(default_factory=list[str])

    def row(self, what: str, figures: str, *, reached: bool) -> None:
        """Print one line, and record a missed target."""
        print(f"{'ok  ' if reached else 'MISS'}  {what:<56} {figures}", flush=True)
        if not reached:
            self.missed.append(what)


def main() -> int:
    """Measure everything; return 1 when a target is missed."""
    parser = argparse.ArgumentParser(
        description="Send messages through faults and verify the guarantees of the client."
    )
    parser.add_argument("--sends", type=int, default=10_000, help="messages per kind of client (default: %(default)s)")
    parser.add_argument("--faults", type=int, default=10_000, help="faults over real sockets (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0.3, help="share of exchanges that fail (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same faults")
    options = parser.parse_args()
    started = time.perf_counter()
    table = Table()
    with Scan() as scan:
        _sends(table, options.sends, options.rate, options.seed, scan)
        _tokens(table, scan)
        _connections(table, options.faults, options.seed, scan)
    table.row("personal data", f"{len(scan.leaks)} leaks in {scan.seen:,} texts", reached=not scan.leaks)
    for kind in sorted(set(scan.leaks)):
        print(f"      personal data appeared in: {kind}")
    print(f"      {time.perf_counter() - started:.0f} s, seed {options.seed}")
    return 1 if table.missed else 0


def _sends(table: Table, sends: int, rate: float, seed: int, scan: Scan) -> None:
    for pin_device in (True, False):
        for use_async in (False, True):
            for tokens in (False, True):
                made = run(
                    sends, use_async=use_async, pin_device=pin_device, tokens=tokens, seed=seed, scan=scan, rate=rate
                )
                words = ["async" if use_async else "sync", "JWT" if tokens else "Basic"]
                what = f"{sends:,} sends, {', '.join(words)}, {'pinned' if pin_device else 'not pinned'}"
                enough = made.faults.exchanges < _MIN_EXCHANGES or made.rate >= rate * 0.9
                table.row(what, _format_run(made), reached=made.verdicts.clean and enough)


def _format_run(made: Run) -> str:
    found = made.verdicts
    return (
        f"{made.rate:.0%} failing: {found.accepted} accepted, {found.failed} failed, {found.unknown} unknown; "
        f"{found.lost} lost, {found.doubled} doubled, {found.untrue} untrue; {made.seconds:.1f} s"
    )


def _tokens(table: Table, scan: Scan) -> None:
    sources: tuple[ExpirySource, ...] = ("clock", "server")
    for use_async, callers in ((True, _TASKS), (False, _THREADS)):
        for source in sources:
            for lose_response in (False, True):
                seen = measure_refreshes(
                    callers, use_async=use_async, source=source, lose_response=lose_response, scan=scan
                )
                who = f"{callers} {'tasks' if use_async else 'threads'}"
                what = f"{who}, token expired by the {source}" + (", response lost" if lose_response else "")
                figures = f"{seen.refreshes} refresh, {seen.new_pairs} new pairs, {seen.failed} callers failed"
                table.row(what, figures, reached=seen == RefreshCounts(1, int(lose_response), 0))


def _connections(table: Table, faults: int, seed: int, scan: Scan) -> None:
    for use_async, backend in _BACKENDS:
        if backend == "pyreqwest" and sys.version_info < (3, 11):
            continue
        wanted = faults if backend == "httpx" else faults // 5
        left = measure_sends(wanted, use_async=use_async, backend=backend, rate=_WIRE_RATE, seed=seed, scan=scan)
        what = f"{left.faults:,} faults on real sockets, {'async' if use_async else 'sync'} {backend}"
        table.row(what, _format_socket_figures(left), reached=_is_clean(left))


def _is_clean(left: SocketFigures) -> bool:
    return left.verdicts.clean and left.files <= 0 and left.blocks < _NOISE + left.faults // 20


def _format_socket_figures(left: SocketFigures) -> str:
    found = left.verdicts
    return (
        f"{left.files:+d} open files, {left.blocks:+d} memory blocks; of {left.sends} sends "
        f"{found.lost} lost, {found.doubled} doubled, {found.untrue} untrue; {left.seconds:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
