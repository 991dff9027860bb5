"""Handlers of events: registering them by class, finding them by event."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, get_args, overload

from smsgate import webhooks
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_Handled = TypeVar("_Handled")
_R = TypeVar("_R")
_A = TypeVar("_A", bound=webhooks.Event)
_B = TypeVar("_B", bound=webhooks.Event)
_C = TypeVar("_C", bound=webhooks.Event)
_D = TypeVar("_D", bound=webhooks.Event)
_E = TypeVar("_E", bound=webhooks.Event)
_F = TypeVar("_F", bound=webhooks.Event)
_G = TypeVar("_G", bound=webhooks.Event)

Handler = Callable[[Any], object]


class Registration(Protocol[_Handled]):
    """Result of `Handlers.on`: a decorator that registers a function of the event and returns it unchanged."""

    def __call__(self, handler: Callable[[_Handled], _R], /) -> Callable[[_Handled], _R]:
        """Register a handler."""
        ...


class Handlers:
    """The handlers of one receiver.

    Args:
        others: handlers whose registrations are shared, in both directions.
    """

    def __init__(self, others: Handlers | None = None) -> None:
        self.entries: list[tuple[str, tuple[type[Any], ...], Handler]] = [] if others is None else others.entries

    # one overload per number of classes: a checker cannot turn a list of classes into a union
    @overload
    def on(self) -> Registration[webhooks.Event]: ...
    @overload
    def on(self, a: type[_A], /) -> Registration[_A]: ...
    @overload
    def on(self, a: type[_A], b: type[_B], /) -> Registration[_A | _B]: ...
    @overload
    def on(self, a: type[_A], b: type[_B], c: type[_C], /) -> Registration[_A | _B | _C]: ...
    @overload
    def on(self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], /) -> Registration[_A | _B | _C | _D]: ...
    @overload
    def on(
        self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], e: type[_E], /
    ) -> Registration[_A | _B | _C | _D | _E]: ...
    @overload
    def on(
        self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], e: type[_E], f: type[_F], /
    ) -> Registration[_A | _B | _C | _D | _E | _F]: ...
    @overload
    def on(
        self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], e: type[_E], f: type[_F], g: type[_G], /
    ) -> Registration[_A | _B | _C | _D | _E | _F | _G]: ...
    @overload
    def on(self, *events: type[webhooks.Event]) -> Registration[Any]: ...
    def on(self, *events: type[Any]) -> Registration[Any]:
        """Register a handler for events of these classes, or for every event when none is named.

        An ``async`` handler runs in the event loop that served the request, another one in a thread. It runs after the
        response. When it raises, it is retried: after two seconds, then four, and so on. Several handlers of one event
        run in the order of registration, and only those that failed are retried.

        Args:
            events: classes of `smsgate.webhooks`.

        Returns:
            A decorator that returns the handler unchanged.

        Raises:
            ConfigurationError: something else than event classes and functions.
        """
        known = get_args(webhooks.Event)
        if any(event not in known for event in events):
            raise ConfigurationError("handlers are registered for event classes, such as webhooks.SmsReceived")

        def register(handler: Callable[[Any], _R], /) -> Callable[[Any], _R]:
            self._add(events or known, handler)
            return handler

        return register

    def _add(self, events: tuple[type[Any], ...], handler: Handler) -> None:
        if not callable(handler) or inspect.isasyncgenfunction(handler) or inspect.isgeneratorfunction(handler):
            raise ConfigurationError("a handler is a function or an async function of one event")
        name = f"{getattr(handler, '__module__', '')}.{getattr(handler, '__qualname__', type(handler).__qualname__)}"
        same = sum(known.partition("#")[0] == name for known, _, _ in self.entries)
        self.entries.append((f"{name}#{same + 1}" if same else name, events, handler))

    def find_handlers(self, event: webhooks.Event) -> Sequence[tuple[str, Handler]]:
        """Return names and functions of the handlers of an event; names are the same in the next process."""
        return [(name, handler) for name, events, handler in self.entries if isinstance(event, events)]

    def has_handler_for(self, event: str) -> bool:
        """Tell whether there is a handler for events of this name."""
        return any(
            known.__pydantic_fields__["event"].default == event for _, events, _ in self.entries for known in events
        )


def is_async(handler: Handler) -> bool:
    """Tell whether calling a function only creates a coroutine, so that it cannot block."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004 - objects with an async __call__
