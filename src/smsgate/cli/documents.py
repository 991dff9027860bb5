"""YAML and JSON files of users."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from smsgate.cli.failures import CommandError, ExitCode
from smsgate.cli.inputs import read_text


def parse_document(path: Path) -> Any:
    """Return the content of a YAML or JSON file.

    Raises:
        CommandError: when it cannot be read or is neither.
    """
    return parse_text(read_text(str(path)), str(path))


def parse_text(text: str, name: str) -> Any:
    """Return the content of a YAML or JSON text.

    Raises:
        CommandError: when it is neither; names the line.
    """
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # PyYAML lets errors of wrong dates through
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f", line {mark.line + 1}"
        raise CommandError(
            f"{name}{place}: {getattr(error, 'problem', None) or 'no YAML or JSON'}", code=ExitCode.USAGE
        ) from None


def write_text(document: Any) -> str:
    """Return a document as YAML."""
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
