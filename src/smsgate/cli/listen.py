"""Command `smsgate listen`: prints verified events until it is interrupted."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from smsgate import SMSGateError, WebhookEvent, webhooks
from smsgate._extras import missing
from smsgate._server_socket import open_listener
from smsgate.cli.connection import Connection, choose_connection, read_password
from smsgate.cli.output import FORMATS, format_event, print_error
from smsgate.cli.temporary_webhooks import Interrupted, temporary_webhooks
from smsgate.receiver import WebhookApp

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

KEY_VARIABLE = "SMSGATE_SIGNING_KEY"
DEFAULT_PORT = 8000
DEFAULT_EVENTS = ("sms:received", "sms:sent", "sms:delivered", "sms:failed")
"""Every app since 1.19 knows them; an app ignores all webhooks of an account with an event that it does not know."""

MISSING = missing("listening", "cli")
_MAX_PORT = 65_535
_receiver_log = logging.getLogger("smsgate.receiver")
_server_log = logging.getLogger("uvicorn.error")
_TOLERANCE = timedelta(minutes=5)
_GRACE = 3  # seconds for requests that are running when the command is stopped
_MAX_INTERRUPTIONS = 2  # one while registering, one while removing


def main(argv: Sequence[str]) -> int:
    """Receive and print events until SIGINT, SIGTERM or SIGHUP; a second signal also ends removing the webhooks.

    Args:
        argv: the command's options, without its name.

    Returns:
        0 after a clean stop, 1 when it could not start, register or remove webhooks, 2 for wrong options.
    """
    parser = _build_parser()
    try:
        options = parser.parse_args(argv)
        keys = options.signing_key or [key for key in [os.environ.get(KEY_VARIABLE, "")] if key]
        if not keys:
            parser.error(f"a signing key is needed: --signing-key or {KEY_VARIABLE}; the app shows it in its settings")
        app = WebhookApp(signing_key=keys, tolerance=None if options.any_age else _TOLERANCE)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except SMSGateError as error:
        return _fail(str(error), code=2)
    try:
        uvicorn: Any = import_module("uvicorn")
    except ImportError:
        return _fail(MISSING)
    try:
        listener = open_listener(options.host, options.port)
    except OSError as error:
        return _fail(f"cannot listen on {options.host}:{options.port}: {error.strerror}")
    with listener:
        return _listen(app, uvicorn, listener, options)


def _listen(app: WebhookApp, uvicorn: Any, listener: socket.socket, options: argparse.Namespace) -> int:
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_GRACE))
    signals = _Signals(server)

    @app.on()
    async def show_event(event: webhooks.Event) -> None:
        try:
            print(format_event(event, options.output, redact=options.redact), flush=True)
        except BrokenPipeError:  # the reader has gone; Python itself flushes to the descriptor at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            server.should_exit = True

    before = {number: signal.signal(number, signals) for number in _list_signals()}
    rejections = logging.StreamHandler()
    _receiver_log.addHandler(rejections)
    _server_log.addFilter(_is_relevant)
    try:
        with _register_webhooks(options):
            host, port = listener.getsockname()[:2]
            print_error(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}")
            signals.serving = True
            try:
                server.run(sockets=[listener])
            finally:
                signals.serving = False
    except SMSGateError as error:
        return _fail(str(error))
    except Interrupted:
        return _fail("interrupted")
    finally:
        _receiver_log.removeHandler(rejections)
        _server_log.removeFilter(_is_relevant)
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


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
            raise Interrupted


def _is_relevant(record: logging.LogRecord) -> bool:
    """Tell whether a log record of the server is no traceback of a request that was cancelled at the end."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def _list_signals() -> list[signal.Signals]:
    numbers = [signal.SIGINT, signal.SIGTERM]
    hang_up: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:  # nohup ignores it
        numbers.append(hang_up)
    return numbers


def _register_webhooks(options: argparse.Namespace) -> AbstractContextManager[None]:
    if options.register is None:
        return nullcontext()
    password = options.password if options.password_file is None else read_password(options.password_file)
    given = Connection("the options", options.url, options.login, password, options.token)
    open_client = choose_connection(given, profile=options.profile).open_client
    events = options.event or DEFAULT_EVENTS
    return temporary_webhooks(options.register, events, device_id=options.device_id, open_client=open_client)


def _fail(text: str, *, code: int = 1) -> int:
    print_error(f"smsgate listen: {text}")
    return code


def _parse_port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{number} is no port")
    return number


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="smsgate listen",
        description="Receive events of phones and show them. Events go to the standard output, all else to the error.",
        epilog=f"{KEY_VARIABLE} holds the signing key. Gateway and credentials for --register come from options, "
        "SMSGATE_* variables, a file .env, or a profile.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=_parse_port, default=DEFAULT_PORT, help="0 picks a free one (default: %(default)s)")
    add("--signing-key", action="append", metavar="KEY", help="as the app shows it; again for further phones")
    add("--output", choices=FORMATS, default="table", help="how events are shown (default: %(default)s)")
    add("--redact", action="store_true", help="hide phone numbers but for two digits")
    add("--any-age", action="store_true", help="take requests whose time stamp is far from now, too")
    add("--register", metavar="URL", help="where phones reach this command; registered now, unregistered at the end")
    add(
        "--event",
        action="append",
        choices=[one.value for one in WebhookEvent],
        metavar="NAME",
        help=f"to register for; again for more; default: {' '.join(DEFAULT_EVENTS)}",
    )
    add("--device-id", metavar="ID", help="register for this phone only")
    add("--url", "--base-url", metavar="URL", help="base URL of the API, for --register")
    add("--login", help="user name of the account")
    add("--password", help="the account's password; visible in ps")
    add("--password-file", metavar="FILE", help="file whose first line is the password; - for the standard input")
    add("--token", help="access token; visible in ps")
    add("--profile", metavar="NAME", help="stored connection: smsgate profile list")
    return parser
