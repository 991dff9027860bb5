"""Output of commands: tables for people, JSON for programs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any

from smsgate.cli.redaction import hide_in_document, hide_numbers
from smsgate.runtime.printable import escape

if TYPE_CHECKING:
    from rich.console import Console

    from smsgate import webhooks

_NO_LIMIT = sys.maxsize
_WIDTHS = (8, 18, 21, 16)
_UNBOUNDED = 10_000
"""Columns of a table that goes into a pipe, where nothing may be cut off."""
_ROOMY = 60
"""Columns from which on fields stand side by side with their names: names and an id fit."""
_WORD = 10
"""Columns that a folded text needs at least."""
_GAP = "  "
_TABLE_GAP = 3
"""Columns between two columns of a table, and on its edges together."""


_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Characters that JSON allows, but that change a terminal, reorder a text or break a line."""
_STYLES = {"Delivered": "green", "Sent": "cyan", "Failed": "red", "Cancelled": "yellow", "pass": "green", "fail": "red"}
"""Colours of states."""


class Format(str, Enum):
    """Forms of the output."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


FORMATS = tuple(one.value for one in Format)


@dataclass(frozen=True)
class Column:
    """A column of a table: its header, the text of an item in it, and whether this is never folded, as an id is not."""

    header: str
    text: Callable[[Any], object]
    is_whole: bool = False


class Output:
    """The standard output of one command.

    Args:
        form: how data is shown; None means a table on a terminal and JSON lines in a pipe.
        redact: whether phone numbers are hidden.

    Attributes:
        form: how data is shown.
        is_chosen: whether the user chose the form.
        redact: whether phone numbers are hidden.
    """

    def __init__(self, form: Format | None = None, *, redact: bool = False) -> None:
        self.is_chosen: bool = form is not None
        self.form: Format = form or (Format.TABLE if sys.stdout.isatty() else Format.JSONL)
        self.redact = redact

    @property
    def is_table(self) -> bool:
        """Whether data is shown for people."""
        return self.form is Format.TABLE

    @property
    def console(self) -> Console:
        """The terminal, or a file of unbounded width."""
        from rich.console import Console

        width = None if sys.stdout.isatty() else _UNBOUNDED
        return Console(width=width, highlight=False, markup=False, emoji=False)

    def show(self, items: Iterable[Any], columns: Sequence[Column], *, empty: str = "nothing found") -> None:
        """Print items as they come: lines at once, a table and a JSON array at the end."""
        if self.form is Format.JSONL:
            for item in items:
                self.write(format_json(self.document(item)))
        elif self.form is Format.JSON:
            self.write(format_json([self.document(item) for item in items], indent=2))
        else:
            listed = list(items)
            if not listed:
                print_error(empty)
                return
            rows = [[self.cell(column.text(item)) for column in columns] for item in listed]
            if self._fits(rows, columns):
                self.console.print(self.table(listed, columns))
                return
            for row in rows:
                self._print_fields(zip(columns, row, strict=True))
                self.console.print()

    def show_one(self, item: Any, fields: Sequence[Column]) -> None:
        """Print one item: a line for each field, or a JSON object."""
        if self.form is not Format.TABLE:
            indent = 2 if self.form is Format.JSON else None
            self.write(format_json(self.document(item), indent=indent))
            return
        self._print_fields((column, self.cell(column.text(item))) for column in fields)

    def table(self, items: Iterable[Any], columns: Sequence[Column]) -> Any:
        """Return a table of the items for a console."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            table.add_column(column.header, overflow="fold", no_wrap=column.is_whole)
        for item in items:
            cells = [self.cell(column.text(item)) for column in columns]
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
        return table

    def _fits(self, rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> bool:
        """Tell whether a table has room for whole columns, and for a word in each of the others."""
        widths = (
            max([len(column.header), *(min(len(row[place]), _NO_LIMIT if column.is_whole else _WORD) for row in rows)])
            for place, column in enumerate(columns)
        )
        return sum(widths) + _TABLE_GAP * len(columns) <= self.console.width

    def _print_fields(self, fields: Iterable[tuple[Column, str]]) -> None:
        """Print a line for each field that has a text."""
        from rich.table import Table
        from rich.text import Text

        shown = [(column.header, text) for column, text in fields if text]
        if self.console.width >= _ROOMY:
            grid = Table.grid(padding=(0, len(_GAP)))
            grid.add_column(style="bold")
            grid.add_column(overflow="fold")
            for header, text in shown:
                grid.add_row(header, text)
            self.console.print(grid)
            return
        width = max((len(header) for header, _ in shown), default=0)
        if any(width + len(_GAP) + len(text) > self.console.width for _, text in shown):
            width = 0
        for header, text in shown:  # without line breaks of ours: an id that the terminal breaks can still be copied
            self.console.print(Text.assemble((header.ljust(width), "bold"), _GAP, text), soft_wrap=True)

    def cell(self, value: object) -> str:
        """Return the text of a value: local time for times, nothing for None, no control characters."""
        if value is None:
            return ""
        if isinstance(value, datetime):
            return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        if isinstance(value, Enum):
            return str(value.value)
        text = escape(str(value), _NO_LIMIT)
        return hide_numbers(text) if self.redact else text

    def document(self, item: Any) -> Any:
        """Return the JSON document of an item, with the names of the API."""
        found = item.asdict() if hasattr(item, "asdict") else item
        return hide_in_document(found) if self.redact else found

    def write(self, line: str) -> None:
        """Print a line, or a text of several lines; a terminal gets no control characters."""
        if sys.stdout.isatty():
            line = "\n".join(escape(one.expandtabs(), _NO_LIMIT) for one in line.split("\n"))
        print(line, flush=True)


def format_json(document: object, *, indent: int | None = None) -> str:
    """Return JSON whose texts a terminal can show: what changes a terminal or has no encoding is escaped."""
    import json  # not for help, which its import would slow down

    is_unicode = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    text = json.dumps(document, indent=indent, ensure_ascii=not is_unicode)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def format_event(event: webhooks.Event, output: str, now: datetime | None = None, *, redact: bool = False) -> str:
    """Return the text of one event.

    Args:
        event: the event.
        output: ``table`` (time, event, device, other end, content), ``json`` (indented) or ``jsonl`` (one line).
        now: the time in the line; default is the clock.
        redact: whether phone numbers are hidden.
    """
    document = event.model_dump(mode="json", by_alias=True, exclude_none=True)
    if redact:
        document = hide_in_document(document)
    if output == "jsonl":
        return format_json(document)
    if output == "json":
        return format_json(document, indent=2)
    moment = (now or datetime.now(timezone.utc)).astimezone().strftime("%H:%M:%S")
    payload: dict[str, Any] = document["payload"]
    remote = str(getattr(event.payload, "remote", None) or "")
    cells = (moment, event.event, event.device_id, hide_numbers(remote) if redact else remote)
    padded = (escape(cell, _NO_LIMIT).ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    return "  ".join([*padded, escape(_get_content(payload), _NO_LIMIT)]).rstrip()


def print_error(text: str) -> None:
    """Print a line to the standard error, without control characters; a closed terminal is ignored."""
    with suppress(OSError):
        print(escape(text, _NO_LIMIT), file=sys.stderr, flush=True)


def _get_content(payload: dict[str, Any]) -> str:
    for name in ("message", "body", "subject", "reason", "data"):
        if payload.get(name):
            return str(payload[name])
    messages: list[Any] = payload.get("messages") or []
    return f"{len(messages)} messages" if messages else str(payload.get("messageId", ""))
