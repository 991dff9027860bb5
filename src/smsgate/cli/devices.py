"""Commands `smsgate devices`: the phones of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smsgate.cli.output import Column, print_error
from smsgate.cli.session import Session, gateway_command

if TYPE_CHECKING:
    from smsgate import Device

devices: typer.Typer = typer.Typer(add_completion=False, help="List the phones of the account, or remove one.")


def _describe_sims(device: Device) -> str:
    return ", ".join(
        " ".join(str(part) for part in (one.sim_number, one.carrier_name, one.phone_number) if part)
        for one in device.sim_cards or ()
    )


COLUMNS: tuple[Column, ...] = (
    Column("id", lambda one: one.id, is_whole=True),
    Column("name", lambda one: one.name),
    Column("last seen", lambda one: one.last_seen),
    Column("SIM cards", _describe_sims),
)


@devices.command("list")
@gateway_command
def list_devices(session: Session) -> None:
    """List the phones of the account."""
    with session.open_client() as client:
        session.output.show(client.list_devices(), COLUMNS, empty="no phones: install the app and sign in")


@devices.command()
@gateway_command
def remove(session: Session, device_id: Annotated[str, typer.Argument(help="Id of the phone.", metavar="ID")]) -> None:
    """Remove a phone, with its messages and webhooks, from the account."""
    with session.open_client() as client:
        client.remove_device(device_id)
    print_error(f"removed {device_id}")
