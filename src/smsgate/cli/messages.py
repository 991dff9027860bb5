"""Command `smsgate messages`."""

from __future__ import annotations

import time
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smsgate.cli.examples import examples
from smsgate.cli.failures import print_warning
from smsgate.cli.inputs import choose
from smsgate.cli.output import Column, Format, print_error
from smsgate.cli.session import Session, gateway_command
from smsgate.cli.times import parse_time
from smsgate.errors import APIError, RateLimitError, ResponseError, ServerError, SMSGateError, TransportError

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from datetime import datetime

    from smsgate import APIClient, MessageState

_PAGE = 100
_MOST_KNOWN = 10_000
"""Messages whose states are remembered to tell what has changed."""


def _get_time(state: MessageState) -> datetime | None:
    return state.created_at or min(state.states.values(), default=None)


def _get_content(state: MessageState) -> str | None:
    if state.text_message is not None:
        return state.text_message.text
    return None if state.data_message is None else f"data for port {state.data_message.port}"


COLUMNS: tuple[Column, ...] = (
    Column("time", _get_time),
    Column("id", lambda one: one.id, is_whole=True),
    Column("state", lambda one: one.state, is_whole=True),
    Column("recipients", lambda one: ", ".join(each.phone_number for each in one.recipients)),
    Column("device", lambda one: one.device_id),
)
CONTENT = Column("content", _get_content)


@examples(
    "smsgate messages --state Failed --from 2026-11-01T00:00:00Z",
    "smsgate messages --limit 5 --content",
    "smsgate messages --follow --output jsonl | jq .id",
)
@gateway_command
def messages(
    session: Session,
    state: Annotated[
        str | None,
        typer.Option(
            help="Only messages in this state: Pending, Processed, Sent, Delivered, Failed, Cancelled.", metavar="STATE"
        ),
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Only messages since this time.", metavar="TIME")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Only messages before this time.", metavar="TIME")] = None,
    device: Annotated[str | None, typer.Option(help="Only messages of this phone.", metavar="ID")] = None,
    limit: Annotated[int, typer.Option(help="At most so many; 0 for all.", min=0, metavar="N")] = 50,
    content: Annotated[bool, typer.Option("--content", help="Show the texts, too.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new messages until Ctrl-C.")] = False,
    interval: Annotated[
        float, typer.Option(help="With --follow: seconds between polls.", min=0.1, metavar="SECONDS")
    ] = 2.0,
) -> None:
    """List messages, newest first; with --follow new ones and changed states, as they come."""
    from smsgate import ProcessState

    query: dict[str, Any] = {
        "state": choose("--state", state, (one.value for one in ProcessState)),
        "device_id": device,
        "include_content": content,
        "from_": parse_time("--from", from_),
        "to": parse_time("--to", to),
    }
    columns = (*COLUMNS, CONTENT) if content else COLUMNS
    with session.open_client() as client:
        if not follow:
            session.output.show(islice(client.iter_messages(**query), limit or None), columns, empty="no messages")
            return
        print_error("following messages; Ctrl-C ends it")
        for one in _follow(client, query, interval, limit):
            _show_line(session, one, columns)


def _follow(client: APIClient, query: dict[str, Any], interval: float, limit: int) -> Iterator[MessageState]:
    """Yield the newest messages and then each new one and each changed state, oldest first."""
    seen: dict[tuple[str, str], list[str]] = {}
    shown = limit or None
    reached, started = True, False
    while True:
        try:
            found = [*_read_until_known(client, query, seen if started else None)]
        except SMSGateError as error:
            if not _is_passing(error, is_started=started):
                raise
            if reached:
                print_warning(f"{error}; trying again")
            reached, found = False, []
        else:
            reached = started = True
        for one in reversed(found[:shown]):
            key, states = (one.id, one.device_id), [one.state.value, *(each.state.value for each in one.recipients)]
            if seen.get(key) != states:
                yield one
        shown = None if started else shown
        for one in reversed(found):
            seen.pop((one.id, one.device_id), None)  # so that the newest are at the end
            seen[one.id, one.device_id] = [one.state.value, *(each.state.value for each in one.recipients)]
        for key in [*seen][:-_MOST_KNOWN]:
            del seen[key]
        time.sleep(interval)


def _is_passing(error: SMSGateError, *, is_started: bool) -> bool:
    """Tell whether a later poll may succeed; a page of a proxy passes if the gateway has responded before."""
    if isinstance(error, ResponseError):
        return is_started
    passing = isinstance(error, TransportError | ServerError | RateLimitError)
    return passing or (isinstance(error, APIError) and error.status_code == HTTPStatus.REQUEST_TIMEOUT)


def _read_until_known(
    client: APIClient, query: dict[str, Any], seen: Container[tuple[str, str]] | None
) -> Iterator[MessageState]:
    """Yield the newest page of messages, and further ones until one is known; without ``seen`` the page alone."""
    for place, one in enumerate(client.iter_messages(page_size=_PAGE, **query), 1):
        yield one
        if place >= _PAGE and (seen is None or (one.id, one.device_id) in seen):
            return


def _show_line(session: Session, state: MessageState, columns: tuple[Column, ...]) -> None:
    if session.output.form is not Format.TABLE:
        session.output.show_one(state, ())
        return
    session.output.write("  ".join(session.output.cell(column.text(state)) for column in columns))
