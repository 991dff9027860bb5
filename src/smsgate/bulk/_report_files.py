"""Reports of a campaign as files: a page with charts, and a table."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from contextlib import contextmanager, suppress
from html import escape
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from smsgate.bulk._charts import AREAS, draw_bars, draw_timeline
from smsgate.bulk._report_page import PAGE
from smsgate.bulk._rows import STATES
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from datetime import datetime

    from smsgate.bulk._report import Report
    from smsgate.bulk._rows import RejectedRow, Row

_MOST_ROWS = 500
_MOST_BARS = 12
_PROBLEMS = ("failed", "unknown", "cancelled", "sending")
_COLUMNS = (
    "row", "id", "number", "state", "reason", "parts", "encoding", "kind", "device_id", "attempts", "enqueued_at",
    "updated_at",
)  # fmt: skip
_NUMBER = re.compile(r"[+]?\d+")
_NUMBER_IN_TEXT = re.compile(r"\+?\d[\d ().-]{4,}\d")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv_report(report: Report, path: str | os.PathLike[str], *, redact: bool = False) -> None:
    """Write all rows of a campaign as a CSV file in UTF-8, rejected ones at the end; in constant memory.

    Args:
        report: of `Campaign.status` or `Campaign.run`.
        path: the file; an existing one is replaced.
        redact: whether to hide the phone numbers but for their last two digits.

    Raises:
        OSError: the file cannot be written.
        ConfigurationError: the file is the journal.
    """
    with _replace_file(report, path, "utf-8-sig") as file:  # spreadsheets need the mark
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for row in report.rows():
            values = {name: getattr(row, name) for name in _COLUMNS}
            values["number"] = _hide(row.number, redact=redact)
            values["reason"] = _hide_in_text(row.reason, redact=redact)
            writer.writerow(_table_text(value) for value in values.values())
        for one in report.rejected_rows():
            number = _table_text(_hide(one.number, redact=redact))
            writer.writerow([one.row, "", number, "rejected", f"{one.reason}: {one.detail}", *[""] * 7])


def write_html_report(report: Report, path: str | os.PathLike[str], *, redact: bool = False) -> None:
    """Write a page about a campaign: one file with charts, without scripts and without anything from elsewhere.

    The page shows the first 500 rows, those that failed or are unknown before the others; a table of all rows is
    written by `write_csv_report`.

    Args:
        report: of `Campaign.status` or `Campaign.run`.
        path: the file; an existing one is replaced.
        redact: whether to hide the phone numbers but for their last two digits.

    Raises:
        OSError: the file cannot be written.
        ConfigurationError: the file is the journal.
    """
    failed = (_hide_in_text(row.reason, redact=redact) for row in report.rows("failed"))
    reasons: Counter[str] = Counter(reason or "no reason given" for reason in failed)
    devices: Counter[str] = Counter(row.device_id or "chosen by the gateway" for row in _sent_rows(report))
    rejected = {reason.replace("_", " "): count for reason, count in report.rejected.items()}
    points = report.timeline()
    sections = [
        _section(
            "States over time", _legend(report) + draw_timeline(points) if points else _note("Nothing was sent yet.")
        ),
        _bars("Failures by reason", reasons, "failed"),
        _bars("Rows by phone", devices if len(devices) > 1 else {}, "sent"),
        _bars("Rejected before sending", rejected, "cancelled"),
        _rows_section(report, redact=redact),
    ]
    page = PAGE.substitute(
        id=escape(report.campaign_id),
        summary=escape(_summarize(report)),
        tiles="".join(_tile(name, count) for name, count in _tiles(report)),
        sections="".join(sections),
    )
    with _replace_file(report, path, "utf-8") as file:
        file.write(page)


@contextmanager
def _replace_file(report: Report, path: str | os.PathLike[str], encoding: str) -> Generator[TextIO]:
    """Open a new file, which takes the name when it is complete; a pipe or a terminal is written to.

    Raises:
        ConfigurationError: the file is the journal.
        OSError: the file cannot be written.
    """
    target = Path(path).resolve()
    if target == report.path:
        raise ConfigurationError(f"the report would replace the journal {target}")
    is_plain = target.is_file() or not target.exists()
    written = target.with_name(f".{target.name}.{os.getpid()}.tmp") if is_plain else target
    try:
        with written.open("w", encoding=encoding, newline="") as file:
            yield file
        if is_plain:
            written.replace(target)
    except BaseException as error:
        if is_plain:
            with suppress(OSError):
                written.unlink()
        if isinstance(error, OSError):  # those of writing do not name the file
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise


def _sent_rows(report: Report) -> Iterator[Row]:
    return (row for row in report.rows() if row.enqueued_at is not None)


def _summarize(report: Report) -> str:
    first = next((point.at for point in report.timeline(1)), None)
    begun = "not begun" if first is None else f"last change {_time(first)} {first.astimezone():%Z}"
    state = "complete" if report.is_complete else "all rows are sent" if report.is_sent else "not complete"
    return f"{state.capitalize()}, {begun}. {report.parts:,} SMS parts for {report.enqueued:,} enqueued messages."


def _tiles(report: Report) -> list[tuple[str, int]]:
    rejected = sum(report.rejected.values())
    states = [(state, report.counts[state]) for state in STATES if report.counts.get(state)]
    return [("rows", report.total), *states, *([("rejected", rejected)] if rejected else [])]


def _tile(name: str, count: int) -> str:
    return f'<div class="tile {name}"><b>{count:,}</b><span>{name}</span></div>'


def _legend(report: Report) -> str:
    shown = [state for state in ("enqueued", *AREAS) if state == "enqueued" or report.counts.get(state)]
    return f'<p class="legend">{"".join(f"<span class={state}>{state}</span>" for state in shown)}</p>'


def _bars(title: str, counts: Mapping[str, int], style: str) -> str:
    if not counts:
        return ""
    ordered = Counter(counts).most_common()
    shown = dict(ordered[:_MOST_BARS])
    if len(ordered) > _MOST_BARS:
        shown["others"] = shown.get("others", 0) + sum(count for _, count in ordered[_MOST_BARS:])
    return _section(title, draw_bars(shown, style))


def _rows_section(report: Report, *, redact: bool) -> str:
    others = [state for state in STATES if state not in _PROBLEMS]
    rows = chain(report.rows(*_PROBLEMS), report.rows(*others))  # type: ignore[arg-type]
    rejected = islice(report.rejected_rows(), _MOST_ROWS)
    cells = [_row_cells(row, redact=redact) for row in islice(rows, _MOST_ROWS)]
    table = _table(("row", "number", "state", "parts", "phone", "enqueued", "last change", "reason"), cells)
    hidden = report.total - len(cells)
    note = _note(f"{hidden:,} further rows are in the CSV report.") if hidden > 0 else ""
    refused = [_rejected_cells(row, redact=redact) for row in rejected]
    more = sum(report.rejected.values()) - len(refused)
    refused_note = _note(f"{more:,} further rejected rows are in the CSV report.") if more > 0 else ""
    refused_table = _table(("row", "number", "reason"), refused)
    return (_section("Rows", table + note) if cells else "") + (
        _section("Rejected rows", refused_table + refused_note) if refused else ""
    )


def _row_cells(row: Row, *, redact: bool) -> tuple[str, ...]:
    return (
        f"{row.row:,}",
        escape(_hide(row.number, redact=redact)),
        f'<span class="state {row.state}">{row.state}</span>',
        str(row.parts),
        escape(row.device_id or ""),
        _time(row.enqueued_at),
        _time(row.updated_at),
        escape(_hide_in_text(row.reason, redact=redact)),
    )


def _rejected_cells(row: RejectedRow, *, redact: bool) -> tuple[str, ...]:
    return f"{row.row:,}", escape(_hide(row.number, redact=redact)), escape(row.detail)


def _table(names: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _note(text: str) -> str:
    return f'<p class="note">{text}</p>'


def _time(value: datetime | None) -> str:
    return "" if value is None else value.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _hide(number: str, *, redact: bool) -> str:
    return "•" * max(0, len(number) - 2) + number[-2:] if redact else number


def _hide_in_text(text: str | None, *, redact: bool) -> str:
    """Return a reason, in which a gateway may repeat the number."""
    return _NUMBER_IN_TEXT.sub(lambda found: _hide(found[0], redact=redact), text or "")


def _table_text(value: object) -> object:
    """Return a value that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
