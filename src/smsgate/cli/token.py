"""Commands `smsgate token`: access tokens."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Annotated

import typer

from smsgate.cli.examples import examples
from smsgate.cli.failures import print_warning
from smsgate.cli.output import print_error
from smsgate.cli.session import Session, gateway_command

token: typer.Typer = typer.Typer(add_completion=False, help="Issue and revoke access tokens.")
_TOLERANCE = timedelta(minutes=1)
"""Difference of clocks that is no shorter lifetime."""


@token.command()
@examples("SMSGATE_TOKEN=$(smsgate token create --scope messages:send --ttl 3600)")
@gateway_command
def create(
    session: Session,
    scope: Annotated[
        list[str], typer.Option(help="What the token may do, such as messages:send; again for more.", metavar="SCOPE")
    ],
    ttl: Annotated[int | None, typer.Option(help="Seconds until it expires.", metavar="SECONDS")] = None,
) -> None:
    """Issue a token. Alone on a line, for pipes; --output shows its id and its refresh token, too."""
    from smsgate import TokenRequest

    with session.open_client() as client:
        issued = client.generate_token(TokenRequest(scopes=scope, ttl=ttl))
    if ttl is not None and issued.expires_at < datetime.now(timezone.utc) + timedelta(seconds=ttl) - _TOLERANCE:
        print_warning("it expires sooner than asked: the gateway limits the lifetime of tokens")
    if session.output.is_chosen:
        session.output.show_one(issued, ())
        return
    session.output.write(issued.access_token)
    print_error(f"id {issued.id}, expires {session.output.cell(issued.expires_at)}")


@token.command()
@gateway_command
def revoke(session: Session, jti: Annotated[str, typer.Argument(help="Id of the token.", metavar="JTI")]) -> None:
    """Revoke a token."""
    with session.open_client() as client:
        client.revoke_token(jti)
    print_error(f"revoked {jti}")
