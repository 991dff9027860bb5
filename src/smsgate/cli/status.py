"""Commands `smsgate status`, `wait` and `cancel`."""

from __future__ import annotations

from typing import Annotated

import typer

from smsgate.cli.examples import examples
from smsgate.cli.progress import Until, finish, follow, show_state
from smsgate.cli.session import Session, gateway_command

MessageId = Annotated[str, typer.Argument(help="Id of the message.", metavar="ID", show_default=False)]


@examples("smsgate status 9fzq0jjr5eh1kcjm2f0nw", "smsgate status ID --output json")
@gateway_command
def status(session: Session, message_id: MessageId) -> None:
    """Show the state of a message and of each recipient.

    Exit code 1 when all recipients failed, 6 when some did.
    """
    with session.open_client() as client:
        state = client.get_state(message_id)
    finish(session, state)


@examples("smsgate wait ID --until sent --wait-timeout 60")
@gateway_command
def wait(
    session: Session,
    message_id: MessageId,
    until: Annotated[Until, typer.Option(help="Where to stop.")] = Until.DELIVERED,
    wait_timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=0, metavar="SECONDS")] = 300.0,
) -> None:
    """Wait until a message is delivered, or nothing can change any more.

    Exit code 1 when the time is over or all recipients failed, 6 when some did.
    """
    with session.open_client() as client:
        state = follow(session, client, message_id, until=until, timeout=wait_timeout)
    finish(session, state)


@examples("smsgate cancel ID")
@gateway_command
def cancel(session: Session, message_id: MessageId) -> None:
    """Cancel a message that no phone has sent yet."""
    with session.open_client() as client:
        state = client.cancel_message(message_id)
    show_state(session, state)
