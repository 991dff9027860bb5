"""Times in options."""

from __future__ import annotations

from datetime import datetime

from smsgate.cli.failures import CommandError, ExitCode


def parse_time(option: str, text: str | None) -> datetime | None:
    """Return the time of an option; a time without zone is local.

    pydantic reads the same forms on every Python, unlike `datetime.fromisoformat`.

    Raises:
        CommandError: for another text.
    """
    if text is None:
        return None
    from pydantic import TypeAdapter

    try:
        if "-" in text[1:]:  # pydantic takes numbers for seconds since 1970
            return TypeAdapter(datetime).validate_python(text).astimezone()
    except (ValueError, OverflowError, OSError):
        pass
    raise CommandError(
        f"{option} takes a time such as 2030-01-01T09:00:00Z or 2030-01-01T10:00:00+01:00", code=ExitCode.USAGE
    )
