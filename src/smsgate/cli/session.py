"""Session of a command: the options that all commands share, and the client that they make."""

from __future__ import annotations

import inspect
import sys
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer

from smsgate.cli.failures import CommandError, ExitCode, exit_on_failure, print_warning
from smsgate.cli.output import Format, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smsgate import APIClient, RequestEvent, ResponseEvent
    from smsgate.cli.connection import Connection

    F = TypeVar("F", bound=Callable[..., None])

_CONNECTION = "Connection"
_PS_HINT = "visible in ps; prefer the prompt, --password-file or the environment"


class Session:
    """Connection and output of one command.

    Args:
        output: the standard output.
        verbose: 0 for no request log, 1 for a line for each request, 2 for log records of the client, too.
        options: values of the connection options by their names.
    """

    def __init__(self, output: Output, verbose: int = 0, **options: Any) -> None:
        self.output = output
        self.verbose = verbose
        self._options = options

    @property
    def reads_password(self) -> bool:
        """Whether the password comes from the standard input, which then holds nothing else."""
        return bool(self._options["password_file"] == "-")  # noqa: S105 - a path

    @cached_property
    def connection(self) -> Connection:
        """The gateway and its credentials; asks for a missing password on a terminal."""
        from smsgate.cli.connection import ask_secret, choose_connection, read_password

        given = self._options
        password = given["password"]
        if given["password_file"] is not None:
            if password is not None:
                raise CommandError("give --password or --password-file, not both", code=ExitCode.USAGE)
            password = read_password(given["password_file"])
        elif password is not None or given["token"] is not None:
            print_warning(f"a secret on the command line is {_PS_HINT}")
        if given["login"] is not None and password is None and sys.stdin.isatty():
            password = ask_secret(f"Password of {given['login']}")
        return choose_connection(self._read_options(password), profile=given["profile"])

    @property
    def timeout(self) -> float:
        """Seconds for one exchange."""
        return float(self._options["timeout"])

    def find_passphrase(self) -> str | None:
        """Return the passphrase of the connection, also without credentials; None without one."""
        from smsgate.cli.connection import find_connection

        return find_connection(self._read_options(), profile=self._options["profile"]).passphrase

    def _read_options(self, password: str | None = None) -> Connection:
        from smsgate.cli.connection import Connection

        given = self._options
        return Connection("the options", given["url"], given["login"], password, given["token"], given["passphrase"])

    def open_client(self, **options: Any) -> APIClient:
        """Return a client for the connection.

        Args:
            options: further arguments of `APIClient`.

        Raises:
            ConfigurationError: for a connection that could never work.
        """
        if self.verbose:
            first: Callable[[RequestEvent], object] | None = options.get("on_request")

            def log_request(event: RequestEvent) -> None:
                _log_request(event)
                if first is not None:
                    first(event)

            options.update(on_request=log_request, on_response=_log_response)
        if self.verbose > 1:
            show_log_records()
        return self.connection.open_client(**{"timeout": self.timeout, **options})


def _log_request(event: RequestEvent) -> None:
    attempt = f" (attempt {event.attempt})" if event.attempt > 1 else ""
    _print_log(f"> {event.method} {event.path}{attempt}")


def _log_response(event: ResponseEvent) -> None:
    result = event.status if event.error is None else type(event.error).__name__
    _print_log(f"< {result} in {event.seconds * 1000:.0f} ms")


def show_log_records() -> None:
    """Show the client's log records, which hold no secrets, numbers or texts."""
    import logging

    logger = logging.getLogger("smsgate")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)


def _print_log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _output_options(
    output: Annotated[
        Format | None,
        typer.Option(
            "--output", "-o", help="Form of the data; a table on a terminal, JSON lines in a pipe.", show_default=False
        ),
    ] = None,
    redact: Annotated[bool, typer.Option("--redact", help="Hide phone numbers but for two digits.")] = False,
) -> None: ...


def _connection_options(
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            "--base-url",
            help="Base URL of the API; the public cloud by default.",
            rich_help_panel=_CONNECTION,
            metavar="URL",
        ),
    ] = None,
    login: Annotated[
        str | None, typer.Option(help="User name of the account.", rich_help_panel=_CONNECTION, metavar="NAME")
    ] = None,
    password: Annotated[
        str | None, typer.Option(help=f"Password ({_PS_HINT}).", rich_help_panel=_CONNECTION, metavar="SECRET")
    ] = None,
    password_file: Annotated[
        str | None,
        typer.Option(
            help="File whose first line is the password; - for the standard input.",
            rich_help_panel=_CONNECTION,
            metavar="FILE",
        ),
    ] = None,
    token: Annotated[
        str | None, typer.Option(help=f"Access token ({_PS_HINT}).", rich_help_panel=_CONNECTION, metavar="TOKEN")
    ] = None,
    passphrase: Annotated[
        str | None,
        typer.Option(
            help="Passphrase of end-to-end encryption; better in SMSGATE_PASSPHRASE.",
            rich_help_panel=_CONNECTION,
            metavar="SECRET",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="Stored connection: smsgate profile list.", rich_help_panel=_CONNECTION, metavar="NAME"),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds for one exchange.", rich_help_panel=_CONNECTION, min=0.001, metavar="SECONDS")
    ] = 30.0,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            help="Log requests without secrets; -vv shows more.",
            rich_help_panel=_CONNECTION,
            show_default=False,
        ),
    ] = 0,
) -> None: ...


def gateway_command(function: F) -> F:
    """Give a command the options of output and connection, and its first parameter a `Session`."""
    return _with_options(function, _output_options, _connection_options)


def local_command(function: F) -> F:
    """Give a command that talks to no gateway the options of output, and its first parameter a `Session`."""
    return _with_options(function, _output_options)


def plain_command(function: F) -> F:
    """Let a command without data exit on failures as all others do."""

    @wraps(function)
    def run(**values: Any) -> None:
        with exit_on_failure():
            function(**values)

    return cast("F", run)


def _with_options(function: F, *shared: Callable[..., None]) -> F:
    own = [one for one in _list_parameters(function) if one.annotation is not Session]
    added = [one for source in shared for one in _list_parameters(source)]
    names = {one.name for one in added}

    @wraps(function)
    def run(**values: Any) -> None:
        options = {name: values.pop(name) for name in names}
        redact = options.pop("redact")
        with exit_on_failure(redact=redact):
            output = Output(options.pop("output"), redact=redact)
            function(Session(output, **options), **values)

    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in [*own, *added]]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return cast("F", run)


def _list_parameters(function: Callable[..., None]) -> Sequence[inspect.Parameter]:
    return [*inspect.signature(function, eval_str=True).parameters.values()]
