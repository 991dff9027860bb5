"""Table for the terminal and page for the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .plot import Bars, draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from .rows import Medians, Result, Row
    from .server_speed import ServerSpeed

__all__ = ["cells", "chart", "page", "table"]

HEAD = ("row", "ours wall", "ours CPU", "other wall", "other CPU", "ours ÷ other", "target", "reached")
PAGE = """\
# Performance

Written by `make bench`; do not edit. smsgate beside the official client (`android-sms-gateway` {official}) and
beside the HTTP libraries themselves, in one run on one machine.

![Time for one send, smsgate and the official client]({plot})

| what | {heads} |
| --- | {rule} |
{rows}

Times are microseconds for one request, list, field, message, poll or import: medians over rounds in which both sides
took turns. Wall is elapsed time, CPU the processor time of the client's process. A target of "rate" compares
requests a second, one of "time" wall times, one of "CPU" processor times; one in MB or ms compares nothing.

## How it is measured

- Both packages are installed with everything they can use into a separate environment, `.venv-bench`.
- A stub server in another process sends constant responses over persistent connections, at once or after
  50 ms. {server_speed}.
- One program serves both sides: it builds a `Message` and calls `send`, or calls `get_messages`. Timeouts, error
  handling and validation are on, as they always are.
- Encryption runs with the 75,000 iterations that both take by default. The official client needs seconds for a message
  to a hundred recipients, so a row about one has three rounds, the one about ten polls a single one. A stall is the
  longest time between two wake-ups of a task that sleeps for a millisecond at a time.
- Imports and memory are measured in a new process for each round; imports without the start of the interpreter.
- "Other" is the official client, or what the row names: an HTTP library in its ordinary use (a client with default
  headers, posting the same bytes and reading the response without parsing it), or pydantic with one model class.

## What limits a send

The last rows have no target; they explain the others. "Bound" compares an HTTP library alone, in its ordinary use, with
the official client: no client over that library can be much faster, and a target above it cannot be reached on this
machine. "Part" shows where our own time goes beside the fastest libraries: the cost of the adapter with a ready
request, and the cost of everything else (building and validating the message, generating its id, writing the request,
reading and validating the response) over a backend without I/O. Everything else takes a multiple of its time in a tight
loop when it runs right after the process slept, as it does after every wait for a response, because caches and branch
predictors are cold by then.

## Machine and versions

{machine}; {load}. {effort}. {versions}. {day}.

## Run it again

    make bench                                        # prints the table
    python -m scripts.bench --only async-httpx    # one row
    python -m scripts.bench --quick               # few short rounds
    python -m scripts.bench --strict --write      # fails when a target is missed, writes this page
    python -m scripts.bench --compare main        # processor time of sends now and in another revision
"""


def cells(result: Result) -> tuple[str, ...]:
    """Return what a row shows in the columns of `HEAD`."""
    if result.ours is None or result.verdict is None:
        word = "skipped" if result.skipped else "failed"
        return (result.row.name, "", "", "", "", "", str(result.row.target), word)
    shown = (*_times(result.ours), *_times(result.other), result.verdict.shown)
    verdict = "" if result.row.target.limit is None else "yes" if result.verdict.reached else "NO"
    return (result.row.name, *shown, str(result.row.target), verdict)


def table(results: Sequence[Result]) -> str:
    """Lay the rows out for a terminal, times in microseconds."""
    lines = [HEAD, *(cells(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    laid_out = ["  ".join(_padded(line, widths)).rstrip() for line in lines]
    return "\n".join([*laid_out, *(f"{result.row.name}: {result.problem}" for result in results if result.problem)])


def page(
    results: Sequence[Result],
    *,
    server_speed: ServerSpeed,
    machine: str,
    load: str,
    effort: str,
    versions: Mapping[str, str],
    day: date,
    plot: str,
) -> str:
    """Write the page for the documentation.

    Args:
        results: all rows.
        server_speed: speed of the stub server.
        machine: description of the machine.
        load: its load before the run.
        effort: number and length of the rounds.
        versions: versions of the measured packages, by name.
        day: date of the run.
        plot: path of the chart, relative to the page.
    """
    rows: list[str] = []
    for result in results:
        _, *figures = cells(result)
        against = f" *({result.row.ours.label} ÷ {result.row.other.label})*" if result.row.other else ""
        rows.append(f"| {result.row.title}{against} | {' | '.join(figures)} |")
    return PAGE.format(
        official=versions.get("android-sms-gateway", ""),
        plot=plot,
        heads=" | ".join(HEAD[1:]),
        rule=" | ".join(["---:"] * 5 + ["---", "---"]),
        rows="\n".join(rows),
        server_speed=str(server_speed)[0].upper() + str(server_speed)[1:],
        machine=machine,
        load=load,
        effort=effort,
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
        day=day.isoformat(),
    )


def chart(results: Sequence[Result]) -> str | None:
    """Draw the rows that compare sends with the official client; None when none of them was measured."""
    groups = [
        Bars(result.row.title.replace("send, ", "", 1), result.ours.wall_us, result.other.wall_us)
        for result in results
        if result.ours and result.other and result.row.target.measure == "rate" and _compares_clients(result.row)
    ]
    return draw("Time for one send (wall, shorter is better)", "µs", groups) if groups else None


def _compares_clients(row: Row) -> bool:
    return all(side is not None and "package" in side.options for side in (row.ours, row.other))


def _times(measured: Medians | None) -> tuple[str, str]:
    return (f"{measured.wall_us:,.0f}", f"{measured.cpu_us:,.0f}") if measured else ("", "")


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    left = {0, len(HEAD) - 2, len(HEAD) - 1}
    return [
        text.ljust(width) if column in left else text.rjust(width)
        for column, (text, width) in enumerate(zip(line, widths, strict=True))
    ]
