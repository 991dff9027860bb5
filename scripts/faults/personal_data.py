"""Personal and secret test values, and a scan of logs and errors for them."""

from __future__ import annotations

import base64
import logging
import re
import traceback
from typing import TYPE_CHECKING

from typing_extensions import Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["LOGIN", "PASSPHRASE", "PASSWORD", "TEXT", "Scan", "number", "text"]

LOGIN = "canary-login"
PASSWORD = "canary-password-3141"  # noqa: S105 - made up
PASSPHRASE = "canary-passphrase-2718"  # noqa: S105 - made up
TEXT = "canary text"
_NUMBERS = "+79991"
_ANY_NUMBER = re.compile(r"(?<![\d.])\+?79991\d{6}(?!\d)")  # alone, not among the digits of a duration
_MAX_CAUSES = 50


def text(index: int) -> str:
    """Return the text of the n-th message."""
    return f"{TEXT} {index:06d}"


def number(index: int) -> str:
    """Return the number of the n-th message: a valid mobile number."""
    return f"{_NUMBERS}{index:06d}"


class Scan(logging.Handler):
    """Scan of log records, errors and objects for the test values.

    As a context manager it receives every record of the logger ``smsgate``, DEBUG included.

    Attributes:
        seen: number of texts scanned.
        leaks: where a value was found: the kind of text, never the text itself.
    """

    def __init__(self, further: Iterable[str] = ()) -> None:
        super().__init__(logging.DEBUG)
        basic = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        self._values = [PASSWORD, PASSPHRASE, TEXT, basic, *further]
        self._before = logging.NOTSET
        self.seen = 0
        self.leaks: list[str] = []

    def __enter__(self) -> Self:
        logger = logging.getLogger("smsgate")
        self._before = logger.level
        logger.setLevel(logging.DEBUG)
        logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logger = logging.getLogger("smsgate")
        logger.removeHandler(self)
        logger.setLevel(self._before)

    def emit(self, record: logging.LogRecord) -> None:
        """Scan a record, its arguments and its traceback."""
        arguments = record.args if isinstance(record.args, tuple) else (record.args,)
        self.look("log record", record.getMessage(), *map(repr, arguments))
        if record.exc_info and record.exc_info[1]:
            self.error(record.exc_info[1])

    def add_value(self, value: str) -> None:
        """Add a value to scan for, such as a token just issued."""
        self._values.append(value)

    def error(self, error: BaseException) -> None:
        """Scan an exception, its causes, and the text of its traceback."""
        for link in _chain(error):
            self.look(f"repr or str of {type(link).__name__}", repr(link), str(link))
        self.look(f"traceback of {type(error).__name__}", "".join(traceback.format_exception(error)))

    def object(self, *objects: object) -> None:
        """Scan the `repr` and `str` of objects."""
        for item in objects:
            self.look(f"repr or str of {type(item).__name__}", repr(item), str(item))

    def look(self, kind: str, *texts: str) -> None:
        """Scan texts."""
        self.seen += len(texts)
        if any(_ANY_NUMBER.search(shown) or any(value in shown for value in self._values) for shown in texts):
            self.leaks.append(kind)


def _chain(error: BaseException) -> Iterator[BaseException]:
    pending, seen = [error], set[int]()
    while pending and len(seen) < _MAX_CAUSES:
        link = pending.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        further = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        pending += [further] if further is not None else []
