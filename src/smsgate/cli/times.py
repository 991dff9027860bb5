"""Times in options."""

from __future__ import annotations

from datetime import datetime

from smsgate.cli.failures import CommandError, ExitCode


def parse_time(option: str, text: str | None) -> datetime | None:
    """Return the time of an option; a time without zone is local.

    Raises:
        CommandError: for another text.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00")).astimezone()
    except (ValueError, OverflowError, OSError):
        raise CommandError(
            f"{option} takes a time such as 2030-01-01T09:00:00Z or 2030-01-01T10:00:00+01:00", code=ExitCode.USAGE
        ) from None
