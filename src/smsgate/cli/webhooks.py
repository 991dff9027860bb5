"""Commands `smsgate webhooks`: registrations of URLs for events."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from smsgate.cli.documents import parse_document
from smsgate.cli.event_names import check_events
from smsgate.cli.examples import examples
from smsgate.cli.failures import CommandError, ExitCode, print_warning
from smsgate.cli.json_types import as_list, as_mapping
from smsgate.cli.output import Column, print_error
from smsgate.cli.session import Session, gateway_command
from smsgate.cli.webhook_outcome import may_be_stored
from smsgate.errors import NotFoundError, SMSGateError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smsgate import APIClient, Webhook

webhooks: typer.Typer = typer.Typer(add_completion=False, help="List, add, remove or synchronize webhooks.")

COLUMNS: tuple[Column, ...] = (
    Column("id", lambda one: one.id, is_whole=True),
    Column("event", lambda one: one.event),
    Column("url", lambda one: one.url),
    Column("device", lambda one: one.device_id),
)
_FILE_FORM = (
    "a list of webhooks, each with url, events (or event) and, for one phone only, deviceId; for example: "
    '[{"url": "https://example.com/sms", "events": ["sms:received"]}]'
)


class Change(NamedTuple):
    """A step of `sync`: ``add`` or ``remove``, and the webhook."""

    action: str
    webhook: Webhook

    def __str__(self) -> str:
        one = self.webhook
        phone = "" if one.device_id is None else f" (phone {one.device_id})"
        return f"{self.action:<7} {one.id} {one.event.value:<18} {one.url}{phone}"


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
    event: Annotated[list[str], typer.Argument(help="Events, such as sms:received.", metavar="EVENT")],
    device: Annotated[str | None, typer.Option(help="Only this phone delivers.", metavar="ID")] = None,
    allow_insecure: Annotated[bool, typer.Option("--allow-insecure", help="Let other http URLs pass.")] = False,
) -> None:
    """Register a URL for events."""
    wanted = [_build_webhook(Registration(target, one, device)) for one in check_events(event)]
    added: list[Webhook] = []
    try:
        with session.open_client() as client:
            added.extend(_create(client, one, allow_insecure=allow_insecure) for one in wanted)
    except SMSGateError as error:
        if not added:
            raise
        missing = " ".join(one.event.value for one in wanted[len(added) :])
        raise CommandError(
            f"{len(added)} of {len(wanted)} webhooks were added: {error}",
            code=ExitCode.PARTLY_DONE,
            hint=f"still missing: {missing}",
        ) from None
    finally:
        if added:
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
    wanted = read_registrations(parse_document(file))
    checked = {one: _build_webhook(one) for one in wanted}
    with session.open_client() as client:
        missing, surplus = compare(wanted, client.get_webhooks())
        changes = [Change("add", checked[one]) for one in missing]
        changes += [Change("remove", one) for one in surplus if not keep_others]
        if dry_run:
            for change in changes:
                print_error(f"{change}")
        else:
            _apply(client, changes, allow_insecure=allow_insecure)
    counts = Counter(change.action for change in changes)
    prefix = "would be " if dry_run else ""
    print_error(
        f"{counts['add']} {prefix}added, {counts['remove']} {prefix}removed, {len(wanted) - counts['add']} unchanged"
    )


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
    return [Registration(url, event, device) for event in check_events(events or [])]


def _identify(webhook: Webhook) -> Registration:
    return Registration(webhook.url, webhook.event.value, webhook.device_id)


def _build_webhook(one: Registration) -> Webhook:
    """Return the webhook with an id, by which errors can name it."""
    from smsgate import Webhook, WebhookEvent, new_id

    return Webhook(id=new_id(), url=one.url, event=WebhookEvent(one.event), device_id=one.device_id)


def _create(client: APIClient, webhook: Webhook, *, allow_insecure: bool) -> Webhook:
    """Register a webhook; when it is unknown whether the gateway has stored it, print its id."""
    try:
        return client.create_webhook(webhook, allow_insecure=allow_insecure)
    except (SMSGateError, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt) or may_be_stored(error):
            print_warning(f"webhook {webhook.id} for {webhook.event.value} may be registered: smsgate webhooks list")
        raise


def _apply(client: APIClient, changes: list[Change], *, allow_insecure: bool) -> None:
    """Make the changes, and print each.

    Raises:
        CommandError: when one fails after others; repeating the command makes the rest.
    """
    done = 0
    try:
        for change in changes:
            if change.action == "add":
                _create(client, change.webhook, allow_insecure=allow_insecure)
            elif change.webhook.id is not None:
                with suppress(NotFoundError):  # removed by somebody else in the meantime
                    client.delete_webhook(change.webhook.id)
            print_error(f"{change}")
            done += 1
    except SMSGateError as error:
        if not done:
            raise
        raise CommandError(
            f"{done} of {len(changes)} changes were made: {error}",
            code=ExitCode.PARTLY_DONE,
            hint="the same command makes the others",
        ) from None
