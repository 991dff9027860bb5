"""Commands `smsgate webhooks`: registrations of URLs for events."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from smsgate.cli.documents import parse_document
from smsgate.cli.examples import examples
from smsgate.cli.failures import CommandError, ExitCode
from smsgate.cli.json_types import as_list, as_mapping
from smsgate.cli.output import Column, print_error
from smsgate.cli.session import Session, gateway_command
from smsgate.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smsgate import Webhook

webhooks: typer.Typer = typer.Typer(add_completion=False, help="List, add, remove or synchronize webhooks.")

COLUMNS: tuple[Column, ...] = (
    Column("id", lambda one: one.id),
    Column("event", lambda one: one.event),
    Column("url", lambda one: one.url),
    Column("device", lambda one: one.device_id),
)
_FILE_FORM = (
    "a list of webhooks, each with url, events (or event) and, for one phone only, deviceId; for example: "
    '[{"url": "https://example.com/sms", "events": ["sms:received"]}]'
)


class Registration(NamedTuple):
    """What makes two webhooks the same: a URL, an event and the phone that delivers it."""

    url: str
    event: str
    device_id: str | None


@webhooks.command("list")
@gateway_command
def list_webhooks(session: Session) -> None:
    """List the webhooks of the account."""
    with session.open_client() as client:
        session.output.show(client.get_webhooks(), COLUMNS, empty="no webhooks")


@webhooks.command()
@examples("smsgate webhooks add https://example.com/sms sms:received sms:failed")
@gateway_command
def add(
    session: Session,
    target: Annotated[str, typer.Argument(help="Where phones deliver: https, or http://127.0.0.1.", metavar="URL")],
    event: Annotated[list[str], typer.Argument(help="Events, such as sms:received.", metavar="EVENT…")],
    device: Annotated[str | None, typer.Option(help="Only this phone delivers.", metavar="ID")] = None,
    allow_insecure: Annotated[bool, typer.Option("--allow-insecure", help="Let other http URLs pass.")] = False,
) -> None:
    """Register a URL for events."""
    from smsgate import Webhook, WebhookEvent

    wanted = [Webhook(url=target, event=WebhookEvent(one), device_id=device) for one in _check_events(event)]
    with session.open_client() as client:
        added = [client.create_webhook(one, allow_insecure=allow_insecure) for one in wanted]
    session.output.show(added, COLUMNS)


@webhooks.command()
@gateway_command
def remove(
    session: Session, webhook_id: Annotated[str, typer.Argument(help="Id of the webhook.", metavar="ID")]
) -> None:
    """Remove a webhook."""
    with session.open_client() as client:
        client.delete_webhook(webhook_id)
    print_error(f"removed {webhook_id}")


@webhooks.command()
@examples("smsgate webhooks sync webhooks.yaml --dry-run")
@gateway_command
def sync(
    session: Session,
    file: Annotated[Path, typer.Argument(help="YAML or JSON: a list with url, events and deviceId.", metavar="FILE")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes only.")] = False,
    keep_others: Annotated[bool, typer.Option("--keep-others", help="Remove no webhook that the file lacks.")] = False,
    allow_insecure: Annotated[bool, typer.Option("--allow-insecure", help="Let other http URLs pass.")] = False,
) -> None:
    """Make the account's webhooks those of a file: add the missing, remove all others. Repeating it changes nothing."""
    from smsgate import Webhook, WebhookEvent

    wanted = read_registrations(parse_document(file))
    checked = {one: Webhook(url=one.url, event=WebhookEvent(one.event), device_id=one.device_id) for one in wanted}
    with session.open_client() as client:
        existing = client.get_webhooks()
        missing, surplus = compare(wanted, existing)
        surplus = [] if keep_others else surplus
        for one in missing:
            _print_change("add", one)
            if not dry_run:
                client.create_webhook(checked[one], allow_insecure=allow_insecure)
        for webhook in surplus:
            _print_change("remove", _identify(webhook))
            if not dry_run and webhook.id is not None:
                with suppress(NotFoundError):  # removed by somebody else in the meantime
                    client.delete_webhook(webhook.id)
    prefix = "would be " if dry_run else ""
    print_error(f"{len(missing)} {prefix}added, {len(surplus)} {prefix}removed, {len(wanted) - len(missing)} unchanged")


def read_registrations(document: Any) -> list[Registration]:
    """Return the registrations of a file, each once.

    Raises:
        CommandError: when the file has another form.
    """
    listed = as_list((as_mapping(document) or {}).get("webhooks", document))
    if listed is None:
        raise CommandError(f"the file must hold {_FILE_FORM}", code=ExitCode.USAGE)
    found: dict[Registration, None] = {}
    for place, one in enumerate(listed):
        found.update(dict.fromkeys(_read_entry(place, one)))
    return [*found]


def compare(wanted: Iterable[Registration], existing: Iterable[Webhook]) -> tuple[list[Registration], list[Webhook]]:
    """Return the registrations that are missing, and the webhooks that are not wanted or there twice."""
    left = dict.fromkeys(wanted)
    surplus: list[Webhook] = []
    for webhook in existing:
        if _identify(webhook) in left:
            del left[_identify(webhook)]
        else:
            surplus.append(webhook)
    return [*left], surplus


def _read_entry(place: int, entry: Any) -> list[Registration]:
    known = {"url", "event", "events", "deviceId", "device_id"}
    fields = as_mapping(entry) or {}
    events = as_list(fields.get("events", [fields["event"]] if "event" in fields else []))
    device, url = fields.get("deviceId", fields.get("device_id")), fields.get("url")
    texts = events and all(isinstance(one, str) for one in events)
    if not texts or not known.issuperset(fields) or not isinstance(device, str | None) or not isinstance(url, str):
        raise CommandError(f"entry {place} is wrong: the file must hold {_FILE_FORM}", code=ExitCode.USAGE)
    return [Registration(url, event, device) for event in _check_events(events or [])]


def _check_events(events: list[str]) -> list[str]:
    from smsgate import WebhookEvent

    known = {one.value for one in WebhookEvent}
    for event in events:
        if event not in known:
            raise CommandError(f"there is no event {event!r}; known: {', '.join(sorted(known))}", code=ExitCode.USAGE)
    return [*dict.fromkeys(events)]


def _identify(webhook: Webhook) -> Registration:
    return Registration(webhook.url, webhook.event.value, webhook.device_id)


def _print_change(what: str, one: Registration) -> None:
    phone = "" if one.device_id is None else f" (phone {one.device_id})"
    print_error(f"{what:<7} {one.event:<18} {one.url}{phone}")
