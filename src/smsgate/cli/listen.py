"""Command `smsgate listen`: prints verified events until it is interrupted."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smsgate._extras import MissingExtraError
from smsgate._server_socket import open_listener
from smsgate._standard_streams import discard_output
from smsgate.cli.event_names import check_events
from smsgate.cli.examples import examples
from smsgate.cli.failures import CommandError, ExitCode
from smsgate.cli.output import format_event, print_error
from smsgate.cli.session import Session, gateway_command, show_log_records
from smsgate.cli.termination import handle_signals

if TYPE_CHECKING:
    import socket
    from collections.abc import Generator

    from smsgate import webhooks
    from smsgate.receiver import WebhookApp

KEY_VARIABLE = "SMSGATE_SIGNING_KEY"
DEFAULT_PORT = 8000
DEFAULT_EVENTS = ("sms:received", "sms:sent", "sms:delivered", "sms:failed")
"""Every app since 1.19 knows them; an app ignores all webhooks of an account with an event that it does not know."""

_REGISTRATION = "Registration"
_MAX_PORT = 65_535
_receiver_log = logging.getLogger("smsgate.receiver")
_server_log = logging.getLogger("uvicorn.error")
_TOLERANCE = timedelta(minutes=5)
_GRACE = 3  # seconds for requests that are running when the command is stopped
_MAX_SECONDS = 10.0  # of one call to the gateway: the end of the command waits for it
_MAX_INTERRUPTIONS = 2  # one while registering, one while removing
_ALL_RECORDS = 2  # the -vv that shows the receiver's log records, too


@examples(
    "smsgate listen --register https://example.com/sms",
    "smsgate listen -o jsonl | jq .payload.message",
)
@gateway_command
def listen(
    session: Session,
    host: Annotated[str, typer.Option(help="Address to listen on.", metavar="HOST")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 picks a free one.", min=0, max=_MAX_PORT, metavar="PORT")
    ] = DEFAULT_PORT,
    signing_key: Annotated[
        list[str] | None,
        typer.Option(
            help=f"As the app shows it, again for further phones; better in {KEY_VARIABLE}, as ps shows options.",
            metavar="KEY",
            show_default=False,
        ),
    ] = None,
    any_age: Annotated[
        bool, typer.Option("--any-age", help="Take requests whose time stamp is far from now, too.")
    ] = False,
    register: Annotated[
        str | None,
        typer.Option(
            help="Where phones reach this command: registered now, removed at the end.",
            metavar="URL",
            rich_help_panel=_REGISTRATION,
        ),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Event to register for; again for more. Default: {' '.join(DEFAULT_EVENTS)}.",
            metavar="EVENT",
            rich_help_panel=_REGISTRATION,
            show_default=False,
        ),
    ] = None,
    device_id: Annotated[
        str | None,
        typer.Option(
            "--device-id", "--device", help="Only this phone delivers.", metavar="ID", rich_help_panel=_REGISTRATION
        ),
    ] = None,
) -> None:
    """Receive events of phones and print them until Ctrl-C.

    Events go to the standard output, all else to the standard error. Exit code 0 after Ctrl-C or SIGTERM, when no
    webhook is left behind. Gateway and credentials are needed for --register only.
    """
    keys = signing_key or [key for key in [os.environ.get(KEY_VARIABLE, "")] if key]
    if not keys:
        raise CommandError(
            f"a signing key is needed: --signing-key or {KEY_VARIABLE}; the app shows it in its settings",
            code=ExitCode.USAGE,
        )
    events = check_events(event or DEFAULT_EVENTS)
    passphrase = session.find_passphrase() if register is None else session.connection.passphrase
    app = _build_app(keys, passphrase, None if any_age else _TOLERANCE)
    server = _build_server(_print_requests(app) if session.verbose else app)
    registration = _register(session, register, events, device_id)
    try:
        listener = open_listener(host, port)
    except OSError as error:
        raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    with listener, _show_log(session):
        _listen(session, app, server, listener, registration)


def _build_app(keys: list[str], passphrase: str | None, tolerance: timedelta | None) -> WebhookApp:
    from smsgate import Encryptor
    from smsgate.receiver import WebhookApp

    encryptor = None if passphrase is None else Encryptor(passphrase)
    return WebhookApp(signing_key=keys, encryptor=encryptor, tolerance=tolerance)


def _build_server(app: Any) -> Any:
    try:
        uvicorn: Any = import_module("uvicorn")
    except ImportError:
        raise MissingExtraError("listening", "cli") from None
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_GRACE))


def _register(
    session: Session, url: str | None, events: list[str], device_id: str | None
) -> AbstractContextManager[None]:
    if url is None:
        return nullcontext()
    from smsgate.cli.temporary_webhooks import temporary_webhooks

    open_client = partial(session.open_client, timeout=min(session.timeout, _MAX_SECONDS))
    return temporary_webhooks(url, events, device_id=device_id, open_client=open_client)


def _listen(
    session: Session,
    app: WebhookApp,
    server: Any,
    listener: socket.socket,
    registration: AbstractContextManager[None],
) -> None:
    failures: list[OSError] = []

    @app.on()
    async def show_event(event: webhooks.Event) -> None:
        try:
            print(format_event(event, session.output.form.value, redact=session.output.redact), flush=True)
        except OSError as error:
            discard_output(sys.stdout)
            if not isinstance(error, BrokenPipeError):  # else the reader has gone
                failures.append(error)
            server.should_exit = True

    signals = _Signals(server)
    with handle_signals(_list_signals(), signals), registration:
        host, port = listener.getsockname()[:2]
        signals.serving = True  # before others learn that it listens, and may stop it
        try:
            print_error(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}")
            server.run(sockets=[listener])
        finally:
            signals.serving = False
    if failures:
        raise failures[0]


class _Signals:
    """Signal handler: stops the server while it runs, and interrupts calls to the gateway before and after."""

    def __init__(self, server: Any) -> None:
        self.serving = False
        self._server = server
        self._interruptions = 0

    def __call__(self, *_signal: object) -> None:
        if self.serving:
            self._server.should_exit = True
        elif self._interruptions < _MAX_INTERRUPTIONS:
            self._interruptions += 1
            raise KeyboardInterrupt


def _list_signals() -> list[signal.Signals]:
    numbers = [signal.SIGINT, signal.SIGTERM]
    hang_up: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:  # nohup ignores it
        numbers.append(hang_up)
    return numbers


@contextmanager
def _show_log(session: Session) -> Generator[None, None, None]:
    """Print why requests are rejected; with ``-vv`` all records."""
    rejections = logging.StreamHandler()
    if session.verbose < _ALL_RECORDS:
        _receiver_log.addHandler(rejections)
    else:
        show_log_records()
    _server_log.addFilter(_is_relevant)
    try:
        yield
    finally:
        _receiver_log.removeHandler(rejections)
        _server_log.removeFilter(_is_relevant)


def _is_relevant(record: logging.LogRecord) -> bool:
    """Tell whether a log record of the server is no traceback of a request that was cancelled at the end."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def _print_requests(app: WebhookApp) -> Any:
    """Return the application with a line on the standard error for each response."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        async def send_and_print(message: Any) -> None:
            if message["type"] == "http.response.start":
                print_error(f"< {scope['method']} {scope['path']}: {message['status']}")
            await send(message)

        await app(scope, receive, send_and_print)

    return serve
