"""Rows of CSV files."""

from __future__ import annotations

import csv
import re
from collections import Counter
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from smsgate.bulk._errors import RowFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SAMPLE = 100  # rows
_LONGEST_SAMPLE = 256 * 1024  # characters of a line
_MOST_SHOWN = 60  # characters
_LONGEST_VALUE = 131_072  # characters, as of the csv module
_NUMBER = re.compile(r"\+?[\d\s()./-]{6,}")
_EXCEL_HINT = re.compile(r"\"?sep=(.)\"?\s*", re.IGNORECASE)


def detect_delimiter(file: TextIO) -> str:
    """Return the delimiter by which the first rows have the most equal columns; a comma if there is one column.

    The standard library's ``csv.Sniffer`` counts characters, also those in quotes.
    """
    lines = list(islice(iter(lambda: file.readline(_LONGEST_SAMPLE), ""), _SAMPLE))
    if lines and (hint := _EXCEL_HINT.fullmatch(lines[0])):
        return hint.group(1)
    return max(DELIMITERS, key=lambda delimiter: _rate_delimiter(lines, delimiter))


def _rate_delimiter(lines: list[str], delimiter: str) -> tuple[bool, float, int]:
    """Rate a delimiter: whether it occurs in the header, how many rows are as wide as the header, and the width."""
    widths: list[int] = []
    try:
        widths.extend(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
    except csv.Error:
        return False, 0.0, 0
    if not widths:
        return False, 0.0, 0
    return widths[0] > 1, Counter(widths)[widths[0]] / len(widths), widths[0]


def read_csv(file: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows, each with the number of its first line; skips empty lines.

    Raises:
        RowFileError: for a NUL, broken quotes, and bytes that are no text.
    """
    reader = csv.reader(_check_lines(file), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            is_hint = line == 1 and _EXCEL_HINT.fullmatch(delimiter.join(row)) is not None
            if not is_hint and any(value.strip() for value in row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise RowFileError(_explain(line, str(error))) from None
    except UnicodeDecodeError:
        raise RowFileError(
            f"after line {line}: bytes that are no text in this encoding; name the encoding of the file"
        ) from None


def _explain(line: int, error: str) -> str:
    if "unexpected end of data" in error or "field larger" in error:
        return (
            f'line {line}: a value in quotes does not end: close the quote, and write "" for a quote within a value; '
            f"a value has at most {_LONGEST_VALUE} characters"
        )
    if "expected after" in error:
        return f'line {line}: text after the closing quote of a value; write "" for a quote within a value'
    return f"line {line}: no CSV ({error})"


def _check_lines(file: TextIO) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        if "\0" in line:
            raise RowFileError(f"line {number}: a NUL character, so the file is damaged or no CSV")
        yield line


def read_header(values: Iterable[object], place: str) -> list[str]:
    """Return the names of the columns; columns without a name are ignored later.

    Args:
        values: of the first row.
        place: where the row is, for errors.

    Raises:
        RowFileError: the first row holds no names, or one name twice.
    """
    names = ["" if value is None else str(value).strip() for value in values]
    if not any(names):
        raise RowFileError(f"{place}: no names of columns; the first row names them, such as: phone, name")
    data = next((name for name in names if _NUMBER.fullmatch(name)), None)
    if data is not None:
        raise RowFileError(f"{place}: a number instead of names of columns; put a row such as: phone, name on top")
    counted = Counter(name.casefold() for name in names if name)
    doubled = next((name for name in names if counted[name.casefold()] > 1), None)
    if doubled is not None:
        raise RowFileError(f"{place}: two columns are named {doubled[:_MOST_SHOWN]!r}; rename one")
    return names


def map_row(names: list[str], values: list[str], place: str) -> dict[str, str]:
    """Return a row by the names of its columns, without spaces around the values; what it lacks is empty.

    Raises:
        RowFileError: it has values beyond the columns, mostly because a delimiter within a value is not quoted.
    """
    if len(values) > len(names) and any(value.strip() for value in values[len(names) :]):
        raise RowFileError(
            f"{place}: {len(values)} values for {len(names)} columns; name all columns in the first row, and put a "
            "value with a delimiter in it into quotes"
        )
    return {name: value.strip() for name, value in zip_longest(names, values[: len(names)], fillvalue="") if name}
