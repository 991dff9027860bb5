"""Processor time of a send on every backend, of another revision and of this checkout in turns."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from .environment import ROOT
from .rows import OURS, Side
from .runner import server, worker

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["compare"]

SENDS = (
    ("send", "httpx"),
    ("send", "requests"),
    ("send", "pyreqwest"),
    ("send_async", "httpx"),
    ("send_async", "aiohttp"),
    ("send_async", "pyreqwest"),
)
RUNS, ROUNDS, COUNT = 7, 9, 200


def compare(revision: str) -> None:
    """Print the median processor time of a send for both sides, and the median of the differences of the runs."""
    print(f"{'microseconds per send':24}{revision[:12]:>14}{'now':>10}{'difference':>12}", flush=True)
    with _checkout(revision) as before, server() as ports:
        url = f"http://127.0.0.1:{ports['fast']}/3rdparty/v1"
        for case, backend in SENDS:
            side = Side("", case, {"package": OURS, "backend": backend, "at_once": 1})
            pairs = [_run(side, (before, ROOT), url) for _ in range(RUNS)]
            old, new = (median(pair[index] for pair in pairs) for index in (0, 1))
            difference = median(now - then for then, now in pairs)
            print(f"{f'{case}, {backend}':24}{old:14.1f}{new:10.1f}{difference:+12.1f}", flush=True)


def _run(side: Side, checkouts: tuple[Path, Path], url: str) -> tuple[float, float]:
    """Return the medians of rounds that two new processes do in turns, in microseconds."""
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(Path(sys.executable), side, url, checkout)) for checkout in checkouts]
        for running in workers:
            running.round(2 * COUNT)  # connects, and compiles the validators
        rounds = [[running.round(COUNT).cpu for running in workers] for _ in range(ROUNDS)]
    before, now = (median(taken) * 1e6 for taken in zip(*rounds, strict=True))
    return before, now


@contextmanager
def _checkout(revision: str) -> Generator[Path]:
    """Extract the packages of a revision."""
    archive = subprocess.run(
        ["git", "archive", revision, "src", "generated"],  # noqa: S607 - git is found by its name
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)
