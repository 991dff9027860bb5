"""Command `smsgate doctor`: checks of connection and account, with advice."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from smsgate.cli.connection import Connection
from smsgate.cli.examples import examples
from smsgate.cli.failures import CommandError, ExitCode
from smsgate.cli.findings import Finding, Level, find_exit_code
from smsgate.cli.output import format_json, print_error
from smsgate.cli.redaction import hide_numbers
from smsgate.cli.session import Session, gateway_command
from smsgate.constants import DEFAULT_URL, VERSION
from smsgate.errors import ConfigurationError

_STYLES = {
    Level.OK: ("✓", "green"),
    Level.NOTE: ("•", "cyan"),
    Level.WARNING: ("!", "yellow"),
    Level.ERROR: ("✗", "red"),
}
_LIBRARIES = ("pydantic", "httpx", "aiohttp", "requests", "pyreqwest", "cryptography", "fastapi", "typer", "certifi")


@examples(
    "smsgate doctor", "smsgate doctor https://sms.example.com/api/3rdparty/v1", "smsgate doctor --bundle report.json"
)
@gateway_command
def doctor(
    session: Session,
    address: Annotated[
        str | None,
        typer.Argument(help="Only examine this URL, without credentials.", metavar="URL", show_default=False),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Write a report for a bug tracker, without secrets, numbers and ids.", metavar="FILE"),
    ] = None,
) -> None:
    """Examine connection and account, and say what to do.

    Exit code 0 when all is well, 6 for warnings, else that of the first error: 2 wrong URL, 3 credentials, 4 not
    reached, 1 others.
    """
    findings: list[Finding] = []
    for finding in _examine(session, address):
        findings.append(finding)
        _show(session, finding)
    if session.output.form.value == "json":
        session.output.write(format_json([session.output.document(one) for one in findings], indent=2))
    if bundle is not None:
        _write_bundle(bundle, findings)
        print_error(f"report in {bundle}")
    code = find_exit_code(findings)
    if code:
        raise typer.Exit(code)


def _examine(session: Session, address: str | None) -> Iterator[Finding]:
    from smsgate import APIClient, RetryPolicy
    from smsgate.cli.account_checks import check_account, read_token
    from smsgate.cli.gateway_checks import check_gateway, is_local_mode
    from smsgate.cli.network_checks import check_network

    connection = None
    if address is None:
        try:
            connection = session.connection
        except ConfigurationError as error:
            yield Finding("credentials", Level.ERROR, str(error), "", ExitCode.CREDENTIALS)
            return
        yield Finding("source", Level.OK, f"gateway and credentials come from {connection.source}")
    url = address or (connection.url if connection else None) or DEFAULT_URL
    try:
        APIClient("unused", "unused", base_url=url).close()
    except ConfigurationError as error:
        raise CommandError(str(error), code=ExitCode.USAGE) from None
    for steps in (check_network, check_gateway):
        for finding in steps(url):
            yield finding
            if finding.level is Level.ERROR and finding.check not in {"clock", "health"}:
                return
    if connection is None:
        return
    yield from _check_secret(connection, read_token)
    with session.open_client(retry=RetryPolicy(max_retries=1, base_delay=0.1)) as client:
        yield from check_account(client, is_local=is_local_mode(url), has_passphrase=connection.passphrase is not None)


def _check_secret(connection: Connection, read_token: Any) -> Iterator[Finding]:
    if connection.token is not None:
        yield read_token(connection.token)


def _show(session: Session, finding: Finding) -> None:
    output = session.output
    if output.form.value == "jsonl":
        output.write(format_json(output.document(finding)))
    if not output.is_table:
        return
    from rich.text import Text

    mark, style = _STYLES[finding.level]
    line = Text.assemble((f"{mark} ", style), (f"{finding.check:<12}", "bold"), output.cell(finding.text))
    output.console.print(line)
    if finding.advice:
        output.console.print(Text(f"  {'':<12}→ {output.cell(finding.advice)}", style="dim"))


def _write_bundle(path: Path, findings: list[Finding]) -> None:
    """Write versions and findings; hosts, numbers and ids are replaced."""
    document = {
        "smsgate": VERSION,
        "python": platform.python_version(),
        "system": platform.platform(),
        "libraries": {name: found for name in _LIBRARIES if (found := _find_version(name)) is not None},
        "findings": [{name: _redact(value) for name, value in one.asdict().items()} for one in findings],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _redact(text: str) -> str:
    words = [f"https://…{urlsplit(word).path}" if "://" in word else word for word in text.split(" ")]
    return hide_numbers(" ".join(words))


def _find_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
