"""Exit codes, and errors as one sentence and a hint on the standard error."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import TYPE_CHECKING, NoReturn

import typer

from smsgate import errors
from smsgate._extras import MissingExtraError
from smsgate._standard_streams import discard_output
from smsgate.cli.redaction import hide_numbers
from smsgate.runtime.printable import escape

if TYPE_CHECKING:
    from collections.abc import Generator


class ExitCode(IntEnum):
    """Exit codes of all commands."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CREDENTIALS = 3
    NOT_REACHED = 4
    UNKNOWN_OUTCOME = 5
    PARTLY_DONE = 6
    INTERRUPTED = 130


class CredentialsError(errors.ConfigurationError):
    """No usable credentials."""


class CommandError(Exception):
    """A command cannot go on.

    Attributes:
        text: one sentence.
        code: the exit code.
        hint: what to do about it.
    """

    def __init__(self, text: str, *, code: ExitCode = ExitCode.FAILED, hint: str = "") -> None:
        super().__init__(text)
        self.text: str = text
        self.code: ExitCode = code
        self.hint: str = hint


@contextmanager
def exit_on_failure(*, redact: bool = False) -> Generator[None, None, None]:
    """Run a command; print its error and raise the exit that belongs to it.

    Args:
        redact: whether phone numbers in the error are hidden.

    Raises:
        typer.Exit: with the exit code, for every error that a command expects.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:  # the reader has gone
        discard_output(sys.stdout)
        raise typer.Exit(ExitCode.FAILED) from None
    except CommandError as error:
        _exit(error, redact=redact)
    except Exception as error:
        failure = _describe(error)
        if failure is None:
            raise
        _exit(failure, redact=redact)


def _exit(failure: CommandError, *, redact: bool) -> NoReturn:
    print_failure(hide_numbers(failure.text) if redact else failure.text, failure.hint)
    raise typer.Exit(failure.code) from None


def print_failure(text: str, hint: str = "") -> None:
    """Print an error and its hint; a closed terminal is ignored."""
    with suppress(OSError):
        _print_line("error", text, "31")
        if hint:
            _print_line("hint", hint, "36")


def print_warning(text: str) -> None:
    """Print a warning to the standard error."""
    with suppress(OSError):
        _print_line("warning", text, "33")


def _print_line(label: str, text: str, colour: str) -> None:
    shown = escape(text, sys.maxsize)
    start, end = (f"\033[1;{colour}m", "\033[0m") if has_colour(sys.stderr) else ("", "")
    print(f"{start}{label}:{end} {shown}", file=sys.stderr, flush=True)


def has_colour(stream: object) -> bool:
    """Tell whether a stream is a terminal whose user wants colours (``NO_COLOR`` and ``TERM=dumb`` mean no)."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and bool(getattr(stream, "isatty", bool)())


def _describe(error: Exception) -> CommandError | None:
    """Return the failure for an error of the client, of a model or of the operating system; None for any other."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return CommandError(_describe_fields(error), code=ExitCode.USAGE)
    if isinstance(error, UnicodeEncodeError):
        return CommandError("an argument or a file has characters that are no UTF-8 text", code=ExitCode.USAGE)
    if isinstance(error, OSError) and not isinstance(error, errors.SMSGateError):
        return CommandError(f"{error.filename or 'the operating system'}: {error.strerror or error}")
    if not isinstance(error, errors.SMSGateError):
        return None
    return CommandError(str(error), code=_find_code(error), hint=_find_hint(error))


def _find_unknown_message(error: Exception) -> str | None:
    """Return the id of a message whose state no response has shown, though it may have arrived; None without one."""
    is_unknown = isinstance(error, errors.SendOutcomeUnknownError | errors.ResponseError)
    return getattr(error, "message_id", None) if is_unknown else None


def _find_code(error: Exception) -> ExitCode:
    if _find_unknown_message(error) is not None:
        return ExitCode.UNKNOWN_OUTCOME
    codes: tuple[tuple[type[Exception] | tuple[type[Exception], ...], ExitCode], ...] = (
        ((CredentialsError, errors.UnauthorizedError, errors.ForbiddenError), ExitCode.CREDENTIALS),
        (MissingExtraError, ExitCode.FAILED),
        ((errors.ConfigurationError, errors.InvalidRequestError), ExitCode.USAGE),
        (errors.TransportError, ExitCode.NOT_REACHED),
    )
    return next((code for kinds, code in codes if isinstance(error, kinds)), ExitCode.FAILED)


def _find_hint(error: Exception) -> str:
    if (message_id := _find_unknown_message(error)) is not None:
        return f"smsgate status {message_id} tells whether it arrived; sending again could double the message"
    if isinstance(error, errors.ForbiddenError):
        return "smsgate token create --scope SCOPE issues a token with that scope; it needs login and password"
    if isinstance(error, errors.TransportError):
        return "smsgate doctor checks address, name, proxy and certificate"
    return ""


def _describe_fields(error: Exception) -> str:
    """Return what is wrong with the fields of a model, without the values."""
    from pydantic import ValidationError

    assert isinstance(error, ValidationError)  # noqa: S101 - for type checkers
    found = [
        ": ".join([*[".".join(map(str, one["loc"]))] * bool(one["loc"]), one["msg"].removeprefix("Value error, ")])
        for one in error.errors(include_url=False, include_input=False)
    ]
    return "; ".join(found)
