"""Files with rows of a campaign (CSV, XLSX, JSON lines), and files of numbers that opted out."""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import tempfile
from contextlib import contextmanager, nullcontext
from typing import IO, TYPE_CHECKING, Any, TextIO

from smsgate.bulk._csv_rows import DELIMITERS, detect_delimiter, map_row, read_csv, read_header
from smsgate.bulk._errors import RowFileError
from smsgate.bulk._jsonl_rows import read_jsonl
from smsgate.bulk._text_files import Encoding, detect_encoding, named_encoding
from smsgate.bulk._xlsx_rows import describe_sheet, open_sheet, read_sheet
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from typing_extensions import Self

_START = 4096  # bytes
_DELIMITERS = re.compile(r"[,;|\t]")
_OTHER_FORMATS = {
    b"\xd0\xcf\x11\xe0": "an old Excel file (XLS), or a workbook with a password; save it as XLSX without one",
    b"\x1f\x8b": "compressed; unpack it",
    b"%PDF": "a PDF document, no table",
    b"SQLite format 3\0": "an SQLite database, no table; is it a journal?",
}


class RowFile:
    """A table of recipients: CSV, XLSX or JSON lines. Iterating reads it row by row, in constant memory.

    The format is detected by the content, as are encoding and delimiter of a CSV file; `description` says what was
    found. All values are texts, without spaces around them; numbers of a workbook and of JSON have no exponents.

    Args:
        path: the file; what cannot be rewound, such as a pipe, is copied into a temporary file first.
        encoding: of a text file; detected when absent.
        delimiter: of a CSV file, one character; detected when absent.
        sheet: name of a sheet of a workbook; the first one that is not hidden when absent.
        number_column: name of the column with the phone numbers, if it is not ``phone``, ``phone_number``,
            ``number`` or ``to``.

    Attributes:
        path: the file.
        description: format, encoding and delimiter in a sentence.
        guess: a word of the text if the encoding had to be guessed, to be checked by a person; else empty.
        columns: names of the columns; empty for JSON lines.

    Raises:
        RowFileError: the file is missing, empty or no table. Iterating raises it for a broken row, with its place.
        ConfigurationError: wrong options, or the extra ``bulk`` is not installed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        encoding: str | None = None,
        delimiter: str | None = None,
        sheet: str | None = None,
        number_column: str | None = None,
    ) -> None:
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n '):
            raise ConfigurationError("delimiter takes one character, such as ';'")
        self.path: str = os.fspath(path)
        self.guess: str = ""
        self.columns: tuple[str, ...] = ()
        self._number_column = number_column
        self._sheet = sheet
        self._delimiter = delimiter or ","
        self._encoding = Encoding("utf-8", "UTF-8")
        self._copy = _copy_pipe(self.path)
        try:
            with self._errors():
                self._format = self._detect_format()
                self.description: str = self._describe(encoding, delimiter)
                self._check_columns()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the rows.

        Raises:
            RowFileError: for a broken row.
        """
        with self._errors(), self._open() as file:
            if self._format == "jsonl":
                for row in read_jsonl(self._text(file)):
                    yield self._rename(row)
                return
            for place, values in self._read_table(file):
                yield self._rename(map_row(list(self.columns), values, place))

    def close(self) -> None:
        """Remove the copy of a pipe; other files are closed after each reading."""
        if self._copy is not None:
            self._copy.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"RowFile({self.path!r})"

    def _detect_format(self) -> str:
        with self._open() as file:
            start = file.read(_START)
        if not start.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0"):
            raise RowFileError("the file is empty")
        for signature, what in _OTHER_FORMATS.items():
            if start.startswith(signature):
                raise RowFileError(f"the file is {what}")
        if start.startswith(b"PK\x03\x04"):
            return "xlsx"
        first = start.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe \t\r\n")[:1]
        return "jsonl" if first in {b"{", b"["} else "csv"

    def _describe(self, encoding: str | None, delimiter: str | None) -> str:
        with self._open() as file:
            if self._format == "xlsx":
                with open_sheet(file, self._sheet) as sheet:
                    return f"XLSX, {describe_sheet(sheet, self._sheet)}"
            self._encoding = named_encoding(encoding) if encoding else detect_encoding(file)
            self.guess = self._encoding.example
            if self._format == "jsonl":
                return f"JSON lines, {self._encoding.name}"
            if delimiter is None:
                self._delimiter = self._detect_delimiter(file)
        name = DELIMITERS.get(self._delimiter, repr(self._delimiter))
        return f"CSV, {self._encoding.name}, separated by {name}"

    def _detect_delimiter(self, file: IO[bytes]) -> str:
        try:
            return detect_delimiter(self._text(file))
        except UnicodeDecodeError:
            raise RowFileError("bytes that are no text in this encoding; name the encoding of the file") from None

    def _check_columns(self) -> None:
        if self._format == "jsonl":
            return
        with self._open() as file:
            for _ in self._read_table(file):
                break
        if self._number_column is not None and self._number_column not in self.columns:
            raise RowFileError(f"no column {self._number_column!r}; the columns are: {', '.join(self.columns)}")

    def _read_table(self, file: IO[bytes]) -> Iterator[tuple[str, list[str]]]:
        """Read the names of the columns; yield the rows after them, each with its place."""
        is_sheet = self._format == "xlsx"
        with open_sheet(file, self._sheet) if is_sheet else nullcontext(self._text(file)) as source:
            numbered = read_sheet(source) if is_sheet else read_csv(source, self._delimiter)
            unit = "row" if is_sheet else "line"
            header = next(numbered, None)
            if header is None:
                title = getattr(source, "title", "")
                other = f"; if another sheet than {title!r} holds the rows, name it" if is_sheet else ""
                raise RowFileError(f"the file is empty{other}")
            self.columns = tuple(read_header(header[1], f"{unit} {header[0]}"))
            for number, values in numbered:
                yield f"{unit} {number}", values

    def _rename(self, row: dict[str, Any]) -> dict[str, Any]:
        if self._number_column is None:
            return row
        return {**row, "phone": row.get(self._number_column)}

    def _text(self, file: IO[bytes]) -> TextIO:
        file.seek(0)
        return _Text(file, encoding=self._encoding.codec, newline="")

    @contextmanager
    def _open(self) -> Generator[IO[bytes]]:
        if self._copy is None:
            with _open(self.path) as file:
                yield file
        else:
            self._copy.seek(0)
            yield self._copy

    @contextmanager
    def _errors(self) -> Generator[None]:
        """Name the file in errors of its content."""
        try:
            yield
        except RowFileError as error:
            raise RowFileError(f"{self.path}: {error}") from None


class _Text(io.TextIOWrapper):
    """Text of a file that stays open when the text is closed."""

    def close(self) -> None:
        self.detach()


@contextmanager
def _open(path: str, buffering: int = -1) -> Generator[IO[bytes]]:
    """Open a file for reading.

    Raises:
        RowFileError: it cannot be read.
    """
    try:
        file = open(path, "rb", buffering)  # noqa: PTH123, SIM115 - closed below; errors of the content are others
    except OSError as error:
        raise RowFileError(f"{path}: {error.strerror or error}") from None
    with file:
        yield file


def _copy_pipe(path: str) -> IO[bytes] | None:
    """Return a copy of what cannot be rewound; None for a file.

    Raises:
        RowFileError: it cannot be read.
    """
    with _open(path, 0) as file:  # a buffer would keep Ctrl-C waiting until it is full
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - kept open
        shutil.copyfileobj(file, copy)
        return copy


def read_opt_outs(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yield the numbers of a file of people who want no messages: one a line; ``#`` begins a comment.

    Args:
        path: the file; a CSV file works if the numbers are its first column.

    Raises:
        RowFileError: the file cannot be read.
    """
    with _open(os.fspath(path)) as file:
        encoding = detect_encoding(file)
        file.seek(0)
        for line in _Text(file, encoding=encoding.codec):
            number = _DELIMITERS.split(line.split("#", 1)[0], maxsplit=1)[0].strip().strip("\"'")
            if number:
                yield number
