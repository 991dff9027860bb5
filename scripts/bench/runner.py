"""Runner of rows: both sides are processes that take turns, so that other load affects both."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .environment import SCRIPTS, child_environment
from .rows import Result, Row, Sample, Side, judge, medians

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["CaseError", "Effort", "Worker", "run_row", "server", "worker"]

TIMEOUT_SECONDS = 300.0
SHOWN_OF_FAILURE = 300


class CaseError(Exception):
    """A measured program failed; the text is the end of its output."""


@dataclass(frozen=True)
class Effort:
    """Number and length of rounds.

    Attributes:
        rounds: rounds of a row for each side.
        seconds: length of a round.
        fresh_rounds: rounds of a row that needs a new process each time.
        share: part of a row's fixed number of operations to do.
    """

    rounds: int = 15
    seconds: float = 0.4
    fresh_rounds: int = 9
    share: float = 1.0

    def __str__(self) -> str:
        return f"{self.rounds} rounds of {self.seconds:g} s for each side ({self.fresh_rounds} for imports)"

    def rounds_of(self, row: Row) -> int:
        """Return the number of rounds of a row; one that fills seconds by itself is done three times."""
        if row.rounds:
            return max(1, round(row.rounds * self.share))
        if not row.fresh:
            return self.rounds
        return self.fresh_rounds if row.count == 1 else min(3, self.fresh_rounds)


QUICK = Effort(rounds=5, seconds=0.15, fresh_rounds=3, share=0.1)


class Worker:
    """Process of one side of a row."""

    def __init__(self, process: subprocess.Popen[str], errors: Any) -> None:
        self._process = process
        self._errors = errors

    def round(self, count: int) -> Sample:
        """Run a number of operations.

        Raises:
            CaseError: the program ended or wrote nothing for minutes.
        """
        requests, responses = self._process.stdin, self._process.stdout
        if requests is None or responses is None:
            raise CaseError("the program has no pipes")
        try:
            print(count, file=requests, flush=True)
        except BrokenPipeError:
            raise CaseError(self._last_output()) from None
        ready, _, _ = select.select([responses], [], [], TIMEOUT_SECONDS)
        line = responses.readline() if ready else ""
        if not line:
            raise CaseError(self._last_output())
        return Sample(**json.loads(line))

    def _last_output(self) -> str:
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "no response in time"
        self._errors.seek(0)
        lines = [line for line in self._errors.read().splitlines() if line.strip()]
        return lines[-1][:SHOWN_OF_FAILURE] if lines else f"ended with {self._process.returncode}"


@contextmanager
def process(command: list[str], checkout: Path | None = None) -> Generator[Worker]:
    """Start a program, and close its input to end it."""
    environment = child_environment()
    if checkout is not None:
        environment["PYTHONPATH"] = f"{checkout / 'src'}{os.pathsep}{checkout / 'generated'}"
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            cwd=SCRIPTS,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            bufsize=1,
        ) as started,
    ):
        try:
            yield Worker(started, errors)
        finally:
            if started.stdin is not None:
                with suppress(BrokenPipeError):  # it has ended already, and a line is left in the buffer
                    started.stdin.close()
            try:
                started.wait(5.0)
            except subprocess.TimeoutExpired:
                started.kill()


def worker(python: Path, side: Side, url: str, checkout: Path | None = None) -> AbstractContextManager[Worker]:
    """Start one side of a row as a process.

    Args:
        python: the interpreter.
        side: the side to start.
        url: base URL of the server.
        checkout: imports our packages from this checkout instead of the installed ones.
    """
    if side.source:
        return process([str(python), "-c", side.source])
    options = json.dumps({**side.options, "url": url})
    return process([str(python), "-m", f"bench.cases.{side.case}", options], checkout)


@contextmanager
def server() -> Generator[dict[str, int]]:
    """Start the stub server in its own process and yield its ports."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.server"],
        cwd=SCRIPTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        if started.stdout is None or started.stdin is None:
            raise CaseError("the server has no pipes")
        try:
            yield json.loads(started.stdout.readline())
        finally:
            started.stdin.close()


def run_row(python: Path, row: Row, ports: dict[str, int], effort: Effort) -> Result:
    """Measure a row; the result contains a failure."""
    url = f"http://127.0.0.1:{ports['slow' if row.slow else 'fast']}/3rdparty/v1"
    sides = [row.ours] if row.other is None else [row.ours, row.other]
    try:
        samples = (
            _measure_fresh(python, row, sides, url, effort)
            if row.fresh
            else _measure_running(python, row, sides, url, effort)
        )
    except CaseError as error:
        return Result(row, problem=str(error))
    ours, other = medians(samples[0]), medians(samples[1]) if row.other else None
    return Result(row, ours, other, judge(row.target, ours, other))


def _measure_fresh(python: Path, row: Row, sides: list[Side], url: str, effort: Effort) -> list[list[Sample]]:
    """Start every side anew for each round; the first start, which compiles bytecode, does not count."""
    count = max(1, int(row.count * effort.share))
    samples: list[list[Sample]] = [[] for _ in sides]
    for number in range(effort.rounds_of(row) + 1):
        for index in _order(number, len(sides)):
            with worker(python, sides[index], url) as running:
                sample = running.round(count if number else 1)
            if number:
                samples[index].append(sample)
    return samples


def _measure_running(python: Path, row: Row, sides: list[Side], url: str, effort: Effort) -> list[list[Sample]]:
    """Keep all sides running and measure them in turns.

    A first short round warms up and a second chooses the number of operations, unless the row sets it.
    """
    samples: list[list[Sample]] = [[] for _ in sides]
    with ExitStack() as stack:
        workers: list[Worker] = [stack.enter_context(worker(python, side, url)) for side in sides]
        counts: list[int] = []
        for running in workers:
            if row.count:
                counts.append(max(1, int(row.count * effort.share)))
                continue
            running.round(row.multiple)
            taken = running.round(_multiple(row, 50)).wall
            counts.append(_multiple(row, int(effort.seconds / taken)))
        for number in range(effort.rounds_of(row)):
            for index in _order(number, len(sides)):
                samples[index].append(workers[index].round(counts[index]))
    return samples


def _order(number: int, sides: int) -> list[int]:
    """Alternate the side that begins."""
    return list(range(sides)) if number % 2 == 0 else list(reversed(range(sides)))


def _multiple(row: Row, count: int) -> int:
    return max(1, round(count / row.multiple)) * row.multiple
