"""Rows of Excel workbooks."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from smsgate._extras import MissingExtraError
from smsgate.bulk._errors import RowFileError
from smsgate.bulk._jsonl_rows import plain_number

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import IO

_ZEROS = re.compile(r"0{2,40}")


@contextmanager
def open_sheet(file: IO[bytes], sheet: str | None) -> Generator[Any]:
    """Open a sheet of a workbook for reading.

    Args:
        file: the workbook.
        sheet: name of the sheet; None for the first one that is not hidden.

    Raises:
        RowFileError: the file is no workbook, or has no such sheet.
        ConfigurationError: the extra ``bulk`` is not installed.
    """
    try:
        import openpyxl  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtraError("an Excel workbook", "bulk") from None
    try:
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
    except Exception:  # noqa: BLE001 - openpyxl raises whatever a damaged part of a workbook causes
        raise RowFileError("no Excel workbook (XLSX); save it as XLSX or as CSV in UTF-8") from None
    try:
        sheets = {one.title: one for one in workbook.worksheets}
        if not sheets or (sheet is not None and sheet not in sheets):
            raise RowFileError(f"no sheet {sheet!r}; the workbook has: {', '.join(map(repr, sheets))}")
        chosen = _list_visible(workbook)[0] if sheet is None else sheets[sheet]
        chosen.reset_dimensions()  # other programs write wrong ones
        yield chosen
    finally:
        workbook.close()


def describe_sheet(sheet: Any, name: str | None) -> str:
    """Return which sheet is read, and that there are others if nobody has named it."""
    others = [other.title for other in _list_visible(sheet.parent) if other.title != sheet.title]
    more = f", not {', '.join(map(repr, others))}" if others and name is None else ""
    return f"sheet {sheet.title!r}{more}"


def _list_visible(workbook: Any) -> list[Any]:
    """Return the sheets that a person sees, in their order; all, if all are hidden."""
    return [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"] or list(workbook.worksheets)


def read_sheet(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a sheet, each with its number in the sheet; skips empty rows.

    Raises:
        RowFileError: the sheet is damaged.
    """
    number = 0
    try:
        for number, cells in enumerate(sheet.iter_rows(), 1):
            values = [_cell_text(cell) for cell in cells]
            if any(values):
                yield number, values
    except Exception:  # noqa: BLE001 - as above
        raise RowFileError(f"after row {number}: the workbook is damaged") from None


def _cell_text(cell: Any) -> str:
    """Return the text of a cell: digits for numbers, ISO 8601 for times, nothing for the errors of formulas."""
    value = cell.value
    if value is None or cell.data_type == "e":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number_text(value, str(cell.number_format or ""))
    if isinstance(value, datetime):
        return str(value.date() if value.time() == time() else value.replace(microsecond=0))
    return str(value).strip()


def _number_text(value: float, number_format: str) -> str:
    """Return a number without exponent; with leading zeros if its format has them."""
    text = plain_number(Decimal(repr(value)))
    return text.zfill(len(number_format)) if _ZEROS.fullmatch(number_format) else text
