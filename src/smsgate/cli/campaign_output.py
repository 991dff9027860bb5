"""Output of `smsgate campaign`: plans, reports and progress."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any

from smsgate.cli.failures import has_colour, print_warning
from smsgate.cli.output import Column, print_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from typing_extensions import Self

    from smsgate.bulk import Plan, Progress, RejectedRow, Report, Row
    from smsgate.cli.output import Output

_MOST_SHOWN = 20
_INTERVAL = 60.0  # seconds between two lines of a log
_PLANNING_INTERVAL = 10.0
_BATCH = 1000  # rows between two looks at the clock
_MINUTE, _HOUR = 60, 3600
_REJECTED = (
    Column("row", lambda one: one["row"]),
    Column("number", lambda one: one["number"]),
    Column("reason", lambda one: one["detail"]),
)
_ROWS = (
    Column("row", lambda one: one["row"]),
    Column("number", lambda one: one["number"]),
    Column("state", lambda one: one["state"]),
    Column("parts", lambda one: one["parts"]),
    Column("device", lambda one: one["deviceId"]),
    Column("reason", lambda one: one.get("detail") or one["reason"]),
)


def show_plan(output: Output, plan: Plan, *, is_summary: bool = False) -> None:
    """Print what would be sent, and what is rejected.

    Args:
        output: the standard output.
        plan: the plan.
        is_summary: whether to print the counts only, to the standard error.
    """
    rejected = sum(plan.rejected_counts.values())
    if is_summary:
        refused = f"; {rejected:,} rejected ({_list_counts(plan.rejected_counts)})" if rejected else ""
        print_error(f"{plan.valid:,} of {plan.total:,} rows can be sent, in {plan.parts:,} SMS parts{refused}")
    elif not output.is_table:
        output.show_one(_plan_document(plan), ())
    else:
        output.show_one(
            plan,
            (
                Column("rows", lambda one: f"{one.total:,}"),
                Column("can be sent", lambda one: f"{one.valid:,}"),
                Column("SMS parts", lambda one: f"{one.parts:,}, which the operator bills" if one.parts else "0"),
                Column("encodings", lambda one: _list_counts(one.encodings)),
                Column("numbers", lambda one: _list_counts(one.kinds)),
                Column("rejected", lambda one: _list_counts(one.rejected_counts) or "none"),
            ),
        )
        _show_rejected(output, plan, rejected)
    if landlines := plan.kinds.get("landline"):
        print_warning(f"numbers of landlines: {landlines:,}; --skip-landlines leaves them out")
    if unicode := plan.encodings.get("UCS-2"):
        print_warning(
            f"texts of which a part holds 70 characters instead of 160: {unicode:,}; smsgate segments TEXT shows why"
        )


def _show_rejected(output: Output, plan: Plan, count: int) -> None:
    if not count:
        return
    shown = [_rejected_document(row) for row in islice(plan.rejected(), _MOST_SHOWN)]
    output.console.print(output.table(shown, _REJECTED))
    if count > len(shown):
        output.console.print(f"and {count - len(shown):,} more; --output json lists all")


def _plan_document(plan: Plan) -> dict[str, Any]:
    return {
        "rows": plan.total,
        "valid": plan.valid,
        "parts": plan.parts,
        "encodings": dict(plan.encodings),
        "kinds": dict(plan.kinds),
        "rejectedCounts": dict(plan.rejected_counts),
        "rejected": [_rejected_document(row) for row in plan.rejected()],
    }


def show_report(output: Output, report: Report) -> None:
    """Print the state of a campaign."""
    document: dict[str, Any] = {
        "campaignId": report.campaign_id,
        "rows": report.total,
        "counts": dict(report.counts),
        "rejected": dict(report.rejected),
        "enqueued": report.enqueued,
        "parts": report.parts,
        "isSent": report.is_sent,
        "isComplete": report.is_complete,
    }
    columns = (
        Column("campaign", lambda one: one["campaignId"]),
        Column("rows", lambda one: f"{one['rows']:,}"),
        *(Column(state, lambda one, state=state: f"{one['counts'][state]:,}") for state in report.counts),  # type: ignore[misc]
        Column("rejected", lambda one: _list_counts(one["rejected"])),
        Column("SMS parts", lambda one: f"{one['parts']:,} enqueued"),
    )
    output.show_one(document, columns)


def show_rows(output: Output, report: Report, states: list[str]) -> None:
    """Print the rows in some states; "rejected" are those that were never sent."""

    def documents() -> Iterable[dict[str, Any]]:
        chosen: Any = [state for state in states if state != "rejected"]
        if chosen:
            yield from (_row_document(row) for row in report.rows(*chosen))
        if "rejected" in states:
            yield from (_rejected_document(row) for row in report.rejected_rows())

    output.show(documents(), _ROWS, empty="no rows")


def _row_document(row: Row) -> dict[str, Any]:
    times = {"enqueuedAt": row.enqueued_at, "updatedAt": row.updated_at}
    return {
        "row": row.row,
        "id": row.id,
        "number": row.number,
        "state": row.state,
        "parts": row.parts,
        "encoding": row.encoding,
        "kind": row.kind,
        "deviceId": row.device_id,
        "reason": row.reason,
        **{name: None if value is None else value.isoformat() for name, value in times.items()},
    }


def _rejected_document(row: RejectedRow) -> dict[str, Any]:
    return {
        "row": row.row,
        "number": row.number,
        "state": "rejected",
        "parts": None,
        "deviceId": None,
        "reason": row.reason,
        "detail": row.detail,
    }


def _list_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())


def show_planning(rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield rows; print how many were checked every ten seconds, in a log every minute."""
    interval = _PLANNING_INTERVAL if sys.stderr.isatty() else _INTERVAL
    printed_at = time.monotonic()
    for count, row in enumerate(rows, 1):
        if count % _BATCH == 0 and time.monotonic() - printed_at >= interval:
            printed_at = time.monotonic()
            print_error(f"{time.strftime('%H:%M:%S')} checked {count:,} rows")
        yield row


def open_view(output: Output) -> AbstractContextManager[Any]:
    """Return a context whose value shows progress: a bar on a terminal, and a line a minute in a log."""
    return _Bar() if sys.stderr.isatty() and output.is_table else nullcontext(_Log())


def describe_progress(progress: Progress) -> str:
    """Return progress in a line."""
    if progress.until is not None:
        return f"waiting until {progress.until.astimezone():%Y-%m-%d %H:%M} for the end of the quiet hours"
    left = "" if not progress.seconds_left else f", {format_duration(progress.seconds_left)} left"
    rate = f", {progress.rate * _MINUTE:,.0f} a minute" if progress.rate else ""
    return f"{progress.phase}: {progress.done:,} of {progress.total:,}{rate}{left}"


def format_duration(seconds: float) -> str:
    """Return a duration such as ``2:05`` or ``1:02:05``."""
    hours, rest = divmod(round(seconds), _HOUR)
    minutes, seconds = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class _Log:
    """View that prints a line when a phase begins, every minute, and when it ends."""

    def __init__(self) -> None:
        self._phase = ""
        self._printed_at = 0.0

    def __call__(self, progress: Progress) -> None:
        if not progress.total:
            return
        now = time.monotonic()
        is_over = progress.done >= progress.total
        if progress.phase != self._phase or now - self._printed_at >= _INTERVAL or is_over:
            self._phase, self._printed_at = progress.phase, now
            print_error(f"{time.strftime('%H:%M:%S')} {describe_progress(progress)}")


class _Bar:
    """View with a bar, which stays on the terminal at the end."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(stderr=True, highlight=False, markup=False, emoji=False, no_color=not has_colour(sys.stderr))
        columns = (BarColumn(bar_width=30), TextColumn("{task.description}", markup=False))
        self._bars = Progress(*columns, console=console, auto_refresh=False)
        self._task: Any = None
        self._phase = ""

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        if not progress.total:
            return
        phase = "sending" if progress.phase == "waiting" else progress.phase
        if phase != self._phase:
            self._phase, self._task = phase, self._bars.add_task("")
        text = describe_progress(progress)
        self._bars.update(self._task, total=progress.total, completed=progress.done, description=text, refresh=True)
