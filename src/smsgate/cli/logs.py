"""Commands `smsgate logs` and `smsgate health`."""

from __future__ import annotations

from typing import Annotated

import typer

from smsgate.cli.failures import ExitCode
from smsgate.cli.output import Column
from smsgate.cli.session import Session, gateway_command
from smsgate.cli.times import parse_time

LOG_COLUMNS: tuple[Column, ...] = (
    Column("time", lambda one: one.created_at),
    Column("priority", lambda one: one.priority),
    Column("module", lambda one: one.module),
    Column("message", lambda one: one.message),
)
CHECK_COLUMNS: tuple[Column, ...] = (
    Column("check", lambda one: one[0]),
    Column("status", lambda one: one[1].status),
    Column("value", lambda one: one[1].observed_value),
    Column("unit", lambda one: one[1].observed_unit),
    Column("description", lambda one: one[1].description),
)


@gateway_command
def logs(
    session: Session,
    from_: Annotated[str | None, typer.Option("--from", help="Only entries since this time.", metavar="TIME")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Only entries before this time.", metavar="TIME")] = None,
) -> None:
    """Show the log entries of a phone's local server."""
    with session.open_client() as client:
        found = client.get_logs(from_=parse_time("--from", from_), to=parse_time("--to", to))
    session.output.show(found, LOG_COLUMNS, empty="no log entries")


@gateway_command
def health(session: Session) -> None:
    """Show the health of the gateway; exit code 1 when it reports a failure."""
    with session.open_client() as client:
        found = client.health_check()
    session.output.show_one(
        found,
        (
            Column("status", lambda one: one.status),
            Column("version", lambda one: one.version),
            Column("release", lambda one: one.release_id),
        ),
    )
    if session.output.is_table and found.checks:
        session.output.show(found.checks.items(), CHECK_COLUMNS)
    if found.status.value == "fail":
        raise typer.Exit(ExitCode.FAILED)
