"""`smsgate listen`: show verified events as they come, until it is interrupted."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import signal
import socket
import sys
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from smsgate import APIClient, SMSGateError, Webhook, WebhookEvent, webhooks
from smsgate.cli.showing import FORMATS, show
from smsgate.receiver import WebhookApp

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

KEY_VARIABLE = "SMSGATE_SIGNING_KEY"
DEFAULT_PORT = 8000
DEFAULT_EVENTS = ("sms:received", "sms:sent", "sms:delivered", "sms:failed")
"""Known to every app since 1.19; an app that does not know one of an account's events ignores them all."""

MISSING = "Listening needs a web server: install smsgate[emulator]."
_MAX_PORT = 65_535
_receiver_log = logging.getLogger("smsgate.receiver")
_TOLERANCE = timedelta(minutes=5)


def main(argv: Sequence[str]) -> int:
    """Receive and show events until SIGINT or SIGTERM.

    Args:
        argv: the command's options, without its name.

    Returns:
        0 after a clean stop, 1 when it could not start, register or unregister, 2 for options that make no sense.
    """
    parser = _parser()
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
        listener = socket.create_server((options.host, options.port), family=_family(options.host))
    except OSError as error:
        return _fail(f"cannot listen on {options.host}:{options.port}: {error.strerror}")
    with listener:
        return _listen(app, uvicorn, listener, options)


def _listen(app: WebhookApp, uvicorn: Any, listener: socket.socket, options: argparse.Namespace) -> int:
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))

    @app.on()
    async def show_event(event: webhooks.Event) -> None:
        try:
            print(show(event, options.output), flush=True)  # noqa: T201 - what the command is for
        except BrokenPipeError:  # nobody reads any more, not even what Python writes at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            server.should_exit = True

    def stop(*_signal: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    refusals = logging.StreamHandler()
    _receiver_log.addHandler(refusals)
    try:
        with _registered(options):
            host, port = listener.getsockname()[:2]
            _say(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}")
            server.run(sockets=[listener])
    except SMSGateError as error:
        return _fail(str(error))
    finally:
        _receiver_log.removeHandler(refusals)
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


@contextmanager
def _registered(options: argparse.Namespace) -> Generator[None, None, None]:
    """Register a webhook for each event, and remove all of them at the end, whatever happens."""
    if options.register is None:
        yield
        return
    given: dict[str, Any] = {"base_url": options.base_url, "login": options.login, "password": options.password}
    ids: list[str] = []
    with APIClient.from_env(**{name: value for name, value in given.items() if value is not None}) as client:
        try:
            for event in options.event or DEFAULT_EVENTS:
                ids.append(f"listen-{secrets.token_hex(8)}")  # before the call: it may be stored without an answer
                hook = Webhook(id=ids[-1], url=options.register, event=WebhookEvent(event), device_id=options.device_id)
                client.create_webhook(hook)
            _say(f"registered {len(ids)} webhooks; cloud phones take a moment to fetch them")
            yield
        finally:
            _unregister(client, ids)


def _unregister(client: APIClient, ids: list[str]) -> None:
    """Remove webhooks, all that can be removed; raises the last error."""
    failure: SMSGateError | None = None
    while ids:
        hook = ids.pop()
        try:
            client.delete_webhook(hook)
        except SMSGateError as error:
            failure = error
            _say(f"webhook {hook} is still registered")
    if failure:
        raise failure


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command talks to its terminal


def _fail(text: str, *, code: int = 1) -> int:
    _say(f"smsgate listen: {text}")
    return code


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{number} is no port")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="smsgate listen",
        description="Receive events of phones and show them. Events go to the standard output, all else to the error.",
        epilog=f"{KEY_VARIABLE} holds the signing key; SMSGATE_USERNAME, SMSGATE_PASSWORD, SMSGATE_TOKEN and "
        "SMSGATE_BASE_URL say how to register.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=_port, default=DEFAULT_PORT, help="0 picks a free one (default: %(default)s)")
    add("--signing-key", action="append", metavar="KEY", help="as the app shows it; again for further phones")
    add("--output", choices=FORMATS, default="table", help="how events are shown (default: %(default)s)")
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
    add("--login", help="user name of the account, for --register")
    add("--password", help="the account's password; better in the environment, where others cannot see it")
    add("--base-url", metavar="URL", help="where the gateway's API is")
    return parser
