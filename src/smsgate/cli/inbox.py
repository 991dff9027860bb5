"""Commands `smsgate inbox`: received messages."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smsgate.cli.failures import CommandError, ExitCode
from smsgate.cli.inputs import choose
from smsgate.cli.output import Column, print_error
from smsgate.cli.session import Session, gateway_command
from smsgate.cli.times import parse_time

if TYPE_CHECKING:
    from smsgate import IncomingMessage

inbox: typer.Typer = typer.Typer(
    add_completion=False, help="List received messages, fetch attachments, or let phones deliver them again."
)


def _describe_attachments(message: IncomingMessage) -> str:
    return ", ".join(f"{one.part_id}: {one.name} ({one.size} bytes)" for one in message.attachments or ())


COLUMNS: tuple[Column, ...] = (
    Column("time", lambda one: one.created_at),
    Column("id", lambda one: one.id, is_whole=True),
    Column("type", lambda one: one.type),
    Column("sender", lambda one: one.sender),
    Column("text", lambda one: one.content_preview),
    Column("attachments", _describe_attachments),
)


@inbox.command("list")
@gateway_command
def list_messages(
    session: Session,
    kind: Annotated[
        str | None, typer.Option("--type", help="SMS, DATA_SMS, MMS or MMS_DOWNLOADED.", metavar="TYPE")
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Only messages since this time.", metavar="TIME")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Only messages before this time.", metavar="TIME")] = None,
    device: Annotated[str | None, typer.Option(help="Only messages of this phone.", metavar="ID")] = None,
    limit: Annotated[int, typer.Option(help="At most so many; 0 for all.", min=0, metavar="N")] = 50,
) -> None:
    """List received messages, newest first."""
    from smsgate import IncomingMessageType

    message_type = choose("--type", kind, (one.value for one in IncomingMessageType))
    with session.open_client() as client:
        found = client.iter_inbox(
            message_type=message_type,
            from_=parse_time("--from", from_),
            to=parse_time("--to", to),
            device_id=device,
            include_attachments=True,
        )
        session.output.show(islice(found, limit or None), COLUMNS, empty="no received messages")


@inbox.command()
@gateway_command
def get(
    session: Session,
    message_id: Annotated[str, typer.Argument(help="Id of the message.", metavar="ID")],
    part_id: Annotated[int, typer.Argument(help="Number of the attachment, as inbox list shows it.", metavar="PART")],
    file: Annotated[str, typer.Option(help="Where to write it; - for the standard output.", metavar="FILE")] = "-",
) -> None:
    """Fetch one attachment of a received MMS."""
    if file == "-" and sys.stdout.isatty():
        raise CommandError(
            "an attachment is binary data: give --file FILE, or redirect the output", code=ExitCode.USAGE
        )
    with session.open_client() as client:
        content = client.download_attachment(message_id, part_id)
    if file == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        Path(file).write_bytes(content)
        print_error(f"{len(content)} bytes in {os.fspath(file)}")


@inbox.command()
@gateway_command
def refresh(
    session: Session,
    since: Annotated[
        str | None, typer.Option(help="Start of the period; by default a day ago.", metavar="TIME")
    ] = None,
    until: Annotated[str | None, typer.Option(help="End of the period; by default now.", metavar="TIME")] = None,
    device: Annotated[str | None, typer.Option(help="Only this phone.", metavar="ID")] = None,
    webhooks: Annotated[bool, typer.Option("--webhooks", help="Deliver them to webhooks again, too.")] = False,
) -> None:
    """Ask phones to upload the messages that they received in a period."""
    from smsgate import InboxRefreshRequest

    now = datetime.now(timezone.utc)
    start, end = parse_time("--since", since) or now - timedelta(days=1), parse_time("--until", until) or now
    with session.open_client() as client:
        client.refresh_inbox(
            InboxRefreshRequest(since=start, until=end, device_id=device, trigger_webhooks=webhooks or None)
        )
    print_error("phones upload their messages as soon as they are reached")
