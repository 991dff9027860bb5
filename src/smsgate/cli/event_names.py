"""Names of webhook events in arguments and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgate.cli.failures import CommandError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_events(names: Iterable[str]) -> list[str]:
    """Return the names, each once.

    Raises:
        CommandError: for a name that no event has; names the known ones.
    """
    from smsgate import WebhookEvent

    known = {one.value for one in WebhookEvent}
    found = [*dict.fromkeys(names)]
    for name in found:
        if name not in known:
            raise CommandError(f"there is no event {name!r}; known: {', '.join(sorted(known))}", code=ExitCode.USAGE)
    return found
