"""Commands without a gateway: `smsgate encrypt`, `decrypt`, `segments` and `spec`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from smsgate.cli.connection import VARIABLES, ask_secret, read_password
from smsgate.cli.examples import examples
from smsgate.cli.failures import CommandError, ExitCode
from smsgate.cli.inputs import decode_argument, read_input
from smsgate.cli.output import Column
from smsgate.cli.redaction import hide_numbers
from smsgate.cli.session import Session, local_command, plain_command

PassphraseFile = Annotated[
    str | None,
    typer.Option(
        help="File whose first line is the passphrase; by default SMSGATE_PASSPHRASE, or the terminal is asked.",
        metavar="FILE",
    ),
]


@examples('echo -n "secret text" | smsgate encrypt --passphrase-file key.txt')
@local_command
def encrypt(session: Session, passphrase_file: PassphraseFile = None) -> None:
    """Encrypt the standard input as the app does."""
    from smsgate import Encryptor

    session.output.write(Encryptor(_read_passphrase(passphrase_file)).encrypt(read_input()))


@examples("smsgate decrypt --passphrase-file key.txt < message.txt")
@local_command
def decrypt(session: Session, passphrase_file: PassphraseFile = None) -> None:
    """Decrypt the standard input."""
    from smsgate import Encryptor

    text = Encryptor(_read_passphrase(passphrase_file)).decrypt(read_input().strip())
    session.output.write(hide_numbers(text) if session.output.redact else text)


@examples('smsgate segments "Grüße für 5 €"', "smsgate segments - < newsletter.txt")
@local_command
def segments(
    session: Session, text: Annotated[str, typer.Argument(help="The text; - reads the standard input.", metavar="TEXT")]
) -> None:
    """Show the SMS parts of a text, and the characters that make it expensive."""
    from smsgate.bulk import segments as divide

    found = divide(read_input() if text == "-" else decode_argument(text))
    shorter = None if found.suggestion is None else divide(found.suggestion)
    document = {
        "encoding": found.encoding,
        "units": found.units,
        "parts": found.parts,
        "unitsPerPart": found.units_per_part,
        "unitsLeft": found.units_left,
        "forcing": dict(found.forcing),
        "suggestion": found.suggestion,
        "suggestedParts": None if shorter is None else shorter.parts,
    }
    replacements = ", ".join(
        f"{one} → {other if other is not None else 'none'}" for one, other in found.forcing.items()
    )
    session.output.show_one(
        document,
        (
            Column("encoding", lambda one: one["encoding"]),
            Column("units", lambda one: f"{one['units']} of {one['unitsPerPart'] * one['parts']}"),
            Column("parts", lambda one: one["parts"]),
            Column("units left", lambda one: one["unitsLeft"]),
            Column("UCS-2 due to", lambda _: replacements),
            Column("suggestion", lambda one: one["suggestion"]),
            Column("its parts", lambda one: one["suggestedParts"]),
        ),
    )


@plain_command
def spec() -> None:
    """Print the OpenAPI document of the gateway (YAML)."""
    from smsgate.codegen import default_document

    print(default_document().read_text(encoding="utf-8").rstrip("\n"))


def _read_passphrase(path: str | None) -> str:
    if path == "-":
        raise CommandError("the standard input holds the text: put the passphrase into a file", code=ExitCode.USAGE)
    if path is not None:
        return read_password(path, option="--passphrase-file")
    if found := os.environ.get(VARIABLES["passphrase"][0]):
        return found
    if not sys.stdin.isatty():
        raise CommandError(
            "there is no passphrase: give --passphrase-file or set SMSGATE_PASSPHRASE", code=ExitCode.CREDENTIALS
        )
    return ask_secret("Passphrase")
