"""State of a client between its calls: open or closed."""

from __future__ import annotations

import sys
import warnings


class ClientState:
    """State of a client, shared by its views.

    Attributes:
        closed: whether the client was closed and not used since.
    """

    __slots__ = ("_warned", "closed")

    def __init__(self) -> None:
        self.closed = False
        self._warned = False

    def reopen(self) -> None:
        """Mark a closed client as open again, and warn the first time."""
        self.closed = False
        if not self._warned:
            self._warned = True
            warnings.warn(
                "this client was closed and is used again: it opens new connections, which have to be closed, too",
                ResourceWarning,
                stacklevel=_find_caller_level(),
            )


def _find_caller_level() -> int:
    """Return the ``stacklevel`` of the first frame outside this package, seen from the function that calls this."""
    frame = sys._getframe(1)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - what warnings itself counts by
    level = 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "smsgate":
        level, frame = level + 1, frame.f_back
    return level
