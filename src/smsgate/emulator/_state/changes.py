"""Changes of a gateway's state, announced to listeners such as event streams and data files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

ChangeKind = Literal["message", "incoming", "delivery", "token", "state", "request", "reset"]
Listener: TypeAlias = "Callable[[ChangeKind, int | str], None]"


class Changes:
    """Listeners of a gateway's changes; without any, an announcement costs next to nothing.

    Listeners run under the gateway's lock, so they only take notes.
    """

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def listen(self, listener: Listener) -> None:
        """Call a function with kind and key of each change: a message's serial, otherwise an id."""
        self._listeners += (listener,)

    def announce(self, kind: ChangeKind, key: int | str = "") -> None:
        """Tell all listeners that something was created, changed or removed."""
        for listener in self._listeners:
            listener(kind, key)
