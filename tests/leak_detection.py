"""Pytest plugin that fails a test when personal or secret data appears in a log record or an expected exception.

Load it with ``pytest_plugins`` or by importing its fixture into a conftest. It looks at every record of the logger
``smsgate``, DEBUG included, at the text of every `SMSGateError` that is made, whoever catches it, and at the chain of
causes of everything that `pytest.raises` catches in this package, as far as a traceback would show it.
Phone numbers and tokens are known by their form, passwords and texts by the values that tests use.
"""

from __future__ import annotations

import base64
import logging
import re

import pytest
from pydantic import ValidationError

from smsgate.errors import SMSGateError

WORDS = (
    "demo-password",
    "canary-password",
    "canary-passphrase",
    "canary text",
    "canary-token",
    base64.b64encode(b"demo:demo-password").decode(),
)
FORMS = re.compile(
    r"""
    \+\d{9,15}\b                           # a phone number in international form
    | \beyJ[\w-]{8,}\.eyJ[\w-]{8,}         # a JSON Web Token
    | \b(?:Basic|Bearer)\s+[\w+/=.-]{8,}   # an Authorization header
    | \$i=\d+\$[\w+/=]{20,}\$[\w+/=]{20,}  # a ciphertext
    """,
    re.VERBOSE,
)
_LONGEST_CHAIN = 20


def leaks(text: str) -> bool:
    """Return whether a text contains something secret or personal."""
    return FORMS.search(text) is not None or any(word in text for word in WORDS)


class Watch(logging.Handler):
    """Log handler that collects the places of leaks, never the text itself."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Scan a log record."""
        arguments = record.args if isinstance(record.args, tuple) else (record.args,)
        words = [repr(item) for item in arguments if isinstance(item, str | bytes | BaseException)]
        if record.exc_info and record.exc_info[1]:
            self.error(record.exc_info[1])
        if any(map(leaks, [record.getMessage(), *words])):
            self.found.append(f"log record at {record.module}:{record.lineno}")

    def error(self, error: BaseException) -> None:
        """Scan an exception and the causes that a traceback would show."""
        pending: list[BaseException] = [error]
        for _ in range(_LONGEST_CHAIN):
            if not pending:
                return
            link = pending.pop()
            if any(map(leaks, [str(link), repr(link), *getattr(link, "__notes__", ())])):
                self.found.append(f"{type(link).__name__} behind {type(error).__name__}")
            further = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
            pending += [further] if further is not None else []


@pytest.fixture(autouse=True)
def nothing_personal_shows(monkeypatch):
    """Fail a test in which something secret or personal appeared."""
    watch = Watch()
    logger = logging.getLogger("smsgate")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(watch)
    context = type(pytest.raises(SMSGateError))
    leave = context.__exit__

    def scan_and_exit(self, kind, error, trace):
        if isinstance(error, SMSGateError | ValidationError):
            watch.error(error)
        return leave(self, kind, error, trace)

    def make(self, *args):
        if any(leaks(str(argument)) for argument in args):
            watch.found.append(f"text of a {type(self).__name__}")
        Exception.__init__(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(context, "__exit__", scan_and_exit)
        patch.setattr(SMSGateError, "__init__", make)
        yield watch
    logger.removeHandler(watch)
    logger.setLevel(level)
    assert watch.found == []
