"""States of a message: following them, showing them, and the exit code that they mean."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import TYPE_CHECKING, Any

import typer

from smsgate.cli.failures import CommandError, ExitCode, has_colour
from smsgate.cli.output import Column, Format, print_error

if TYPE_CHECKING:
    from typing_extensions import Self

    from smsgate import APIClient, MessageState
    from smsgate.cli.session import Session


class Until(str, Enum):
    """Where `--wait` stops."""

    PROCESSED = "processed"
    SENT = "sent"
    DELIVERED = "delivered"


RECIPIENTS: tuple[Column, ...] = (
    Column("recipient", lambda one: one.phone_number, is_whole=True),
    Column("state", lambda one: one.state, is_whole=True),
    Column("error", lambda one: one.error),
)


def follow(
    session: Session,
    client: APIClient,
    message_id: str,
    *,
    until: Until,
    timeout: float,
    first: MessageState | None = None,
) -> MessageState:
    """Wait for a message; show its states as they change, on the standard error.

    Args:
        session: the command's session.
        client: an open client.
        message_id: the message.
        until: where to stop; nothing can change any more always stops.
        timeout: seconds.
        first: the state to show at once.

    Returns:
        The last state.

    Raises:
        CommandError: when the time is over; the last state has been printed.
    """
    from smsgate import SMSGateError, WaitTimeoutError

    with _open_view(session) as show:
        if first is not None:
            show(first)

        def is_done(state: MessageState) -> bool:
            show(state)
            return _is_reached(state, until)

        try:
            return client.wait(message_id, until=is_done, timeout=timeout)
        except WaitTimeoutError as error:
            state, cause = error.state or first, error.__cause__
        except SMSGateError as error:
            if first is None:
                raise
            state, cause = first, error
    if state is None and isinstance(cause, SMSGateError):
        raise cause  # the gateway was never reached
    if state is not None:
        show_state(session, state)
    if first is not None and isinstance(cause, SMSGateError):
        raise CommandError(
            f"message {message_id} was accepted, but its state cannot be read: {cause}",
            hint=f"do not send it again: smsgate wait {message_id} goes on waiting",
        )
    raise CommandError(
        f"message {message_id} was not {until.value} within {timeout:g} s",
        hint=f"smsgate wait {message_id} goes on waiting",
    )


def finish(session: Session, state: MessageState) -> None:
    """Print a state and exit with what it means.

    Raises:
        typer.Exit: 1 when all recipients failed or the message was cancelled, 6 when some failed.
    """
    show_state(session, state)
    failed = sum(one.state.value in {"Failed", "Cancelled"} for one in state.recipients)
    if failed and failed == len(state.recipients):
        raise typer.Exit(ExitCode.FAILED)
    if failed:
        raise typer.Exit(ExitCode.PARTLY_DONE)


def show_state(session: Session, state: MessageState) -> None:
    """Print a message's state; on a terminal with a table of its recipients."""
    output = session.output
    if output.form is not Format.TABLE:
        output.show_one(state, ())
        return
    output.show_one(
        state,
        (
            Column("id", lambda one: one.id),
            Column("state", lambda one: one.state),
            Column("device", lambda one: one.device_id),
            Column("hint", lambda one: "recipients are hashed by the gateway" if one.is_hashed else None),
        ),
    )
    output.show(state.recipients, RECIPIENTS, empty="no recipients")


def _is_reached(state: MessageState, until: Until) -> bool:
    waiting = {"processed": {"Pending"}, "sent": {"Pending", "Processed"}}.get(until.value)
    states = [one.state.value for one in state.recipients] or [state.state.value]
    return waiting is not None and not waiting.intersection(states)


def _open_view(session: Session) -> AbstractContextManager[Any]:
    """Return a context whose value shows a state: a table that changes in place, or a line for each change."""
    if sys.stderr.isatty() and session.output.form is Format.TABLE:
        return _LiveTable(session)
    return nullcontext(_Lines(session))


class _Lines:
    """View that prints a line to the standard error for each recipient whose state changed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._shown: dict[str, str] = {}

    def __call__(self, state: MessageState) -> None:
        for one in state.recipients:
            if self._shown.get(one.phone_number) != one.state.value:
                self._shown[one.phone_number] = one.state.value
                cell = self._session.output.cell
                error = f": {cell(one.error)}" if one.error else ""
                print_error(f"{cell(one.phone_number)} {cell(one.state)}{error}")


class _LiveTable:
    """View that redraws a table of the recipients on the terminal, and removes it at the end."""

    def __init__(self, session: Session) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True, highlight=False, markup=False, emoji=False, no_color=not has_colour(sys.stderr))
        self._session = session
        self._live = Live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._live.stop()

    def __call__(self, state: MessageState) -> None:
        self._live.update(self._session.output.table(state.recipients, RECIPIENTS), refresh=True)
