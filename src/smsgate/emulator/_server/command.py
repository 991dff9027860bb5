"""``smsgate emulator``: a gateway over a port, until it is interrupted."""

from __future__ import annotations

import argparse
import gc
import signal
import sys
from contextlib import closing, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from smsgate._extras import missing
from smsgate._server_socket import open_listener
from smsgate.emulator._phone.phone_numbers import load
from smsgate.emulator._phone.webhook_sender import WebhookSender
from smsgate.emulator._server.data_file import DataFile, DataFileError
from smsgate.emulator._server.keeper import Keeper, Saver, saved_identity
from smsgate.emulator._server.origin import host_name
from smsgate.emulator.faults import FAULTS, Faults
from smsgate.emulator.gateway import Gateway
from smsgate.runtime.printable import escape

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from types import FrameType

DEFAULT_PORT = 8787
MISSING = missing("the emulator over a port", "emulator")
_MAX_PORT = 65_535
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - addresses that clients cannot open everywhere


def main(argv: Sequence[str]) -> int:
    """Serve a gateway until SIGINT or SIGTERM.

    Args:
        argv: the command's options, without its name.

    Returns:
        0 after a clean stop, 1 when it could not start, 2 for invalid options.
    """
    parser = _parser()
    try:
        options = parser.parse_args(argv)
        file, gateway = _open(parser, options)
        keeper = None if file is None else Keeper(gateway, file)
        _set_keys(gateway, options.signing_key)
    except DataFileError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    try:
        load()
        for name in ("starlette", "uvicorn"):
            import_module(name)
    except ImportError:
        print(MISSING, file=sys.stderr)  # noqa: T201 - a command talks to its terminal
        return 1
    try:
        listener = open_listener(options.host, options.port)
    except OSError as error:
        print(f"Cannot listen on {options.host}:{options.port}: {error.strerror}.", file=sys.stderr)  # noqa: T201
        return 1
    try:
        with closing(listener):
            _serve(gateway, keeper, options, listener)
    except DataFileError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _serve(gateway: Gateway, keeper: Keeper | None, options: argparse.Namespace, listener: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415 - an extra

    from smsgate.emulator._server.asgi import EmulatorApp  # noqa: PLC0415 - it needs starlette, of the same extra

    # a response that breaks off on purpose is an error to uvicorn, and one that never comes would hold up the end
    level, patience = ("critical", 1) if options.fault_rate else ("warning", None)
    app = EmulatorApp(gateway, allowed_hosts=options.allow_host, log=_print if options.log else None, keeper=keeper)
    config = uvicorn.Config(
        app,
        log_level=level,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=patience,
    )
    _collect_garbage_rarely()

    class Server(uvicorn.Server):
        """Server that ends event streams when a signal comes; uvicorn replaces other handlers while it runs."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.stop()
            super().handle_exit(sig, frame)

    server = Server(config)

    def stop_serving(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop_serving) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _print(_introduction(options, listener.getsockname()[1]))
        with nullcontext() if keeper is None else Saver(keeper), WebhookSender(gateway, rewrite=dict(options.rewrite)):
            server.run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _collect_garbage_rarely() -> None:
    """Spare the garbage collector the modules and, most of the time, stored messages: none of them is ever garbage."""
    gc.freeze()
    gc.set_threshold(20_000, 500, 100)


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command talks to its terminal


def _introduction(options: argparse.Namespace, port: int) -> str:
    """Return what a user needs to know; the first line is the base URL alone, for programs."""
    root = base_url(options.host, port, local=True)
    return "\n".join(
        [
            base_url(options.host, port, local=options.mode == "local"),
            f"  login      {escape(options.login)}",
            f"  password   {escape(options.password)}",
            f"  web page   {root}/",
            f"  control    {root}/_emulator/docs",
            "Press Ctrl+C to stop.",
        ]
    )


def base_url(host: str, port: int, *, local: bool) -> str:
    """Return the ``base_url`` for a client on this machine; that of a local server has no prefix."""
    host = _WILDCARDS.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}" + ("" if local else "/3rdparty/v1")


def _open(parser: argparse.ArgumentParser, options: argparse.Namespace) -> tuple[DataFile | None, Gateway]:
    if options.data is None:
        return None, _gateway(parser, options)
    file = DataFile(options.data)
    saved = saved_identity(file)
    if saved and saved["mode"] != options.mode:
        raise DataFileError(f"{options.data} holds a gateway in {saved['mode']} mode; use --mode {saved['mode']}.")
    if saved and options.seed not in {None, saved["seed"]}:
        raise DataFileError(f"{options.data} holds a gateway with another seed; leave --seed out.")
    options.seed = saved.get("seed", options.seed)
    return file, _gateway(parser, options)


def _gateway(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Gateway:
    try:
        return Gateway(
            login=options.login,
            password=options.password,
            mode=options.mode,
            devices=options.devices,
            phone=options.phone,
            seed=options.seed,
            faults=_faults(options),
        )
    except ValueError as error:
        parser.error(str(error))


def _set_keys(gateway: Gateway, keys: list[str]) -> None:
    for device, key in zip(gateway.devices, keys * len(gateway.devices), strict=False):
        device.signing_key = key


def _rewrite(text: str) -> tuple[str, str]:
    start, separator, replacement = text.partition("=")
    if not start or not separator:
        raise argparse.ArgumentTypeError("it has the form BEGINNING=REPLACEMENT")
    return start, replacement


def _filled(text: str) -> str:
    if not text.strip():  # such as an unset variable of a shell; an empty host would be all addresses
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _host_name(text: str) -> str:
    try:
        return host_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _faults(options: argparse.Namespace) -> Faults | None:
    if not options.fault_rate:
        return None
    kinds: list[str] = options.fault_kinds.split(",")
    return Faults.random(options.fault_rate, seed=options.fault_seed, kinds=kinds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="smsgate emulator", description="A pretend SMSGate server with pretend phones."
    )
    parser.add_argument("--host", type=_filled, default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_between(0, _MAX_PORT), default=DEFAULT_PORT, help="0 picks a free one (default: %(default)s)"
    )
    parser.add_argument("--login", default="demo", help="the account's login (default: %(default)s)")
    parser.add_argument("--password", default="demo-password", help="its password (default: %(default)s)")
    parser.add_argument("--mode", choices=["cloud", "local"], default="cloud", help="which server to imitate")
    parser.add_argument("--devices", type=_between(0, 100), default=1, help="number of phones (default: %(default)s)")
    parser.add_argument("--no-phone", dest="phone", action="store_false", help="the phones never act by themselves")
    _add_webhooks(parser)
    parser.add_argument("--seed", type=int, help="the same seed gives the same ids and keys (default: drawn)")
    parser.add_argument(
        "--allow-host",
        action="append",
        type=_host_name,
        default=[],
        metavar="NAME",
        help="a host name by which control requests and browsers may come, such as a compose service's; again for more",
    )
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="keep the state in this SQLite file, and continue from it"
    )
    parser.add_argument("--log", action="store_true", help="print a line for each request, without secrets")
    _add_faults(parser)
    return parser


def _add_webhooks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--signing-key",
        type=_filled,
        action="append",
        default=[],
        metavar="KEY",
        help="signs deliveries; again for further phones",
    )
    parser.add_argument(
        "--rewrite",
        action="append",
        type=_rewrite,
        default=[],
        metavar="FROM=TO",
        help="how the URL of a webhook begins, and what the phones put there: https://example.com=http://127.0.0.1:8000",
    )


def _add_faults(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fault-rate", type=float, default=0.0, help="share of exchanges that go wrong, 0 to 1")
    parser.add_argument("--fault-seed", type=int, default=0, help="the same seed gives the same faults")
    parser.add_argument(
        "--fault-kinds", default=",".join(FAULTS), help="which faults, separated by commas (default: %(default)s)"
    )


class _Between:
    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high

    def __call__(self, text: str) -> int:
        number = int(text)
        if not self._low <= number <= self._high:
            raise argparse.ArgumentTypeError(f"{number} is not between {self._low} and {self._high}")
        return number

    def __repr__(self) -> str:
        return "number"


def _between(low: int, high: int) -> _Between:
    return _Between(low, high)
