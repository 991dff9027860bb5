"""Command `smsgate send`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smsgate.cli.examples import examples
from smsgate.cli.failures import CommandError, ExitCode, print_warning
from smsgate.cli.inputs import decode_argument, read_input
from smsgate.cli.progress import Until, finish, follow
from smsgate.cli.session import Session, gateway_command
from smsgate.cli.times import parse_time
from smsgate.errors import NotFoundError

if TYPE_CHECKING:
    from smsgate import APIClient, Message, MessageState, RequestEvent

_SCHEDULE = "Schedule"
_PHONE = "Phone"


@examples(
    'smsgate send "Your table is ready" --to +12025550100 --wait',
    "date | smsgate send - --to +12025550100 --to +12025550101",
    'smsgate send "Invoice 17" --to +12025550100 --id invoice-17     # repeat it freely: sent once',
    "smsgate send --data-file ping.bin --port 4000 --to +12025550100",
)
@gateway_command
def send(
    session: Session,
    text: Annotated[
        str | None,
        typer.Argument(help="The text; - reads it from the standard input.", show_default=False, metavar="TEXT"),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(help="Phone number of a recipient; again for more.", metavar="NUMBER", show_default=False),
    ] = None,
    id: Annotated[
        str | None,
        typer.Option("--id", help="Id of the message; with it, a repeated command sends once.", metavar="ID"),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show the states until the message has arrived or failed.")
    ] = False,
    until: Annotated[Until, typer.Option(help="With --wait: where to stop.")] = Until.DELIVERED,
    wait_timeout: Annotated[float, typer.Option(help="With --wait: seconds.", min=0, metavar="SECONDS")] = 300.0,
    region: Annotated[
        str | None,
        typer.Option(help="Country of numbers without +, such as DE; needs smsgate\\[numbers].", metavar="REGION"),
    ] = None,
    skip_validation: Annotated[
        bool, typer.Option("--skip-phone-validation", help="Let short codes and other texts pass as numbers.")
    ] = False,
    device: Annotated[
        str | None, typer.Option(help="Id of the phone to send with.", rich_help_panel=_PHONE, metavar="ID")
    ] = None,
    sim: Annotated[
        int | None, typer.Option(help="Number of the SIM card, from 1.", rich_help_panel=_PHONE, metavar="N")
    ] = None,
    pin_device: Annotated[
        bool,
        typer.Option(
            "--pin-device", help="Choose a phone first: safe retries with several phones.", rich_help_panel=_PHONE
        ),
    ] = False,
    priority: Annotated[
        int | None,
        typer.Option(
            help="-128 to 127; from 100 on limits and delays do not apply.", rich_help_panel=_SCHEDULE, metavar="N"
        ),
    ] = None,
    ttl: Annotated[
        int | None,
        typer.Option(help="Seconds after which it is not sent any more.", rich_help_panel=_SCHEDULE, metavar="SECONDS"),
    ] = None,
    valid_until: Annotated[
        str | None,
        typer.Option(help="Time after which it is not sent any more.", rich_help_panel=_SCHEDULE, metavar="TIME"),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="Time to send it, such as 2030-01-01T09:00:00Z.", rich_help_panel=_SCHEDULE, metavar="TIME"),
    ] = None,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Ask for no delivery report.", rich_help_panel=_SCHEDULE)
    ] = False,
    data_file: Annotated[
        Path | None,
        typer.Option(help="Send this file as a data message.", metavar="FILE", rich_help_panel="Data message"),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the data message.", metavar="PORT", rich_help_panel="Data message")
    ] = None,
) -> None:
    """Send a text or a data message, safely: it is stored once, or the exit code is 5 and the error names its id."""
    if not to:
        raise CommandError("give at least one recipient: --to NUMBER", code=ExitCode.USAGE)
    if text == "-" and session.reads_password:
        raise CommandError("the standard input holds the text: put the password into a file", code=ExitCode.USAGE)
    message = build_message(
        id=id,
        phone_numbers=to,
        **_build_content(text, data_file, port),
        device_id=device,
        sim_number=sim,
        priority=priority,
        ttl=ttl,
        valid_until=parse_time("--valid-until", valid_until),
        schedule_at=parse_time("--at", at),
        with_delivery_report=False if no_report else None,
    )
    ids: list[str] = []  # of the message, as soon as it may leave

    def note_id(event: RequestEvent) -> None:
        ids.extend([] if event.message_id is None else [event.message_id])

    with session.open_client(pin_device=pin_device, default_region=region, on_request=note_id) as client:
        state = None if id is None else _find_sent(client, message, region)
        if state is None:
            state = _send(client, message, ids, skip_validation=skip_validation)
        if wait:
            try:
                state = follow(session, client, state.id, until=until, timeout=wait_timeout, first=state)
            except KeyboardInterrupt:
                print_warning(f"message {state.id} was accepted; smsgate wait {state.id} goes on waiting")
                raise
    finish(session, state)


def _send(client: APIClient, message: Message, ids: list[str], *, skip_validation: bool) -> MessageState:
    try:
        return client.send(message, skip_phone_validation=skip_validation)
    except KeyboardInterrupt:
        if ids:
            print_warning(f"interrupted while sending: smsgate status {ids[-1]} tells whether the message has arrived")
        raise


def _find_sent(client: APIClient, message: Message, region: str | None) -> MessageState | None:
    """Return the state of a message that an earlier command has sent under the same id, None without one.

    Raises:
        CommandError: when the id belongs to a message with other recipients or another content.
    """
    try:
        state = client.get_state(str(message.id))
    except NotFoundError:
        return None
    if not _is_same(message, state, has_region=region is not None):
        raise CommandError(
            f"the id {message.id} belongs to another message, which was sent before", hint="choose another --id"
        )
    print_warning(f"message {message.id} was sent before, and is not sent again")
    return state


def _is_same(message: Message, state: MessageState, *, has_region: bool) -> bool:
    """Tell whether a state belongs to the message, as far as the gateway shows recipients and content."""
    if state.is_encrypted:
        return True
    numbers = {_digits(one.phone_number) for one in state.recipients}
    if not (has_region or state.is_hashed) and not numbers.issuperset(map(_digits, message.phone_numbers)):
        return False
    if state.hashed_message is not None:
        from hashlib import sha256  # not for help, which its import would slow down

        return state.hashed_message.hash == sha256(_get_content(message).encode()).hexdigest()
    shown = state.text_message or state.data_message
    return shown is None or shown == (message.text_message or message.data_message)


def _get_content(message: Message) -> str:
    """Return what the cloud server hashes some minutes after a message was sent: a text, or data in Base64."""
    if message.text_message is not None:
        return message.text_message.text
    return "" if message.data_message is None else message.data_message.data


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number)) or number


def build_message(**fields: Any) -> Message:
    """Return a message of the fields that are not None.

    Raises:
        pydantic.ValidationError: for fields that the gateway would refuse.
    """
    from smsgate import Message

    return Message(**{name: value for name, value in fields.items() if value is not None})


def _build_content(text: str | None, data_file: Path | None, port: int | None) -> dict[str, Any]:
    from smsgate import DataMessage, TextMessage

    if data_file is not None:
        if text is not None:
            raise CommandError("give a text or --data-file, not both", code=ExitCode.USAGE)
        if port is None:
            raise CommandError("--data-file needs --port", code=ExitCode.USAGE)
        return {"data_message": DataMessage.with_bytes(data_file.read_bytes(), port)}
    if port is not None:
        raise CommandError("--port belongs to --data-file", code=ExitCode.USAGE)
    if text is None:
        raise CommandError("give a text, - to read it from the standard input, or --data-file", code=ExitCode.USAGE)
    return {"text_message": TextMessage(text=read_input() if text == "-" else decode_argument(text))}
