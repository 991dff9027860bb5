"""The receiver: pipeline of a webhook request from verification to its handlers."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from smsgate import webhooks
from smsgate.receiver._deduplication import get_deduplication_keys
from smsgate.receiver._handlers import Handlers
from smsgate.receiver._options import (
    CONCURRENCY,
    DRAIN,
    MAX_ATTEMPTS,
    MAX_BODY,
    MAX_UNVERIFIED,
    TOLERANCE,
    WINDOW,
    check_seconds,
    check_window,
)
from smsgate.receiver._processing import Processor
from smsgate.receiver._stores import EventStore, MemoryStore
from smsgate.receiver._verification import NOT_STORED, AsyncSigningKey, Decision, Verifier

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import timedelta

_log = logging.getLogger("smsgate.receiver")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision, and the end of the first attempt to handle its event.

    Attributes:
        decision: the response to send.
    """

    decision: Decision
    _done: anyio.Event | None = field(default=None, repr=False)

    async def linger(self, seconds: float = DRAIN) -> None:
        """Wait, after the response, until the first attempt to handle the event has ended.

        Servers wait for requests when they stop, so this lets handlers finish even without the application's
        lifespan. Handlers do not depend on it: they go on when it is cancelled.

        Args:
            seconds: the longest time to wait.
        """
        if self._done:
            with anyio.move_on_after(seconds):
                await self._done.wait()


class Receiver(Handlers):
    """Receives events for one URL. May serve several event loops; handlers run in the one that served the request.

    An event is stored before the response, and handled afterwards. A handler that fails loses nothing: it is retried
    after 2 s, 4 s, 8 s … up to ``max_attempts`` attempts in all, and then the event is set aside in the store. Only an
    event that cannot be stored gets a 503, so that the phone sends it again.

    Each event is handled once, except that a process may die between a handler's effect and the record of it: then the
    handler runs again in the next process. A handler that must not act twice stores ``event.id`` with its effect.

    Args:
        signing_key: one key, several, or by device id: mapping, function or async function.
        encryptor: decrypts the recipient in reports about encrypted messages.
        tolerance: how far a request's time stamp may be from now; None for any distance.
        store: where events are kept until they are handled, one for each receiver; default is memory, which a restart
            empties.
        window: how long duplicates are recognised.
        max_body: bytes; larger bodies are rejected.
        max_unverified: bytes; where a function looks keys up, larger bodies are rejected, too: it is called before the
            sender is known. Raise it, up to ``max_body``, to receive larger MMS.
        max_attempts: attempts to handle an event before it is set aside.
        concurrency: events handled at the same time, in each event loop.

    Raises:
        ConfigurationError: no key, an empty key, an encryptor that cannot decrypt, a wrong tolerance or limit.
    """

    def __init__(
        self,
        *,
        signing_key: webhooks.SigningKey | AsyncSigningKey,
        encryptor: webhooks.Decryptor | None = None,
        tolerance: timedelta | None = TOLERANCE,
        store: EventStore | None = None,
        window: timedelta = WINDOW,
        max_body: int = MAX_BODY,
        max_unverified: int = MAX_UNVERIFIED,
        max_attempts: int = MAX_ATTEMPTS,
        concurrency: int = CONCURRENCY,
    ) -> None:
        super().__init__()
        self.window: timedelta = check_window(window)
        self.store: EventStore = MemoryStore() if store is None else store
        self._verifier = Verifier(
            signing_key, encryptor=encryptor, tolerance=tolerance, max_body=max_body, max_unverified=max_unverified
        )
        self._processor = Processor(
            self, self.store, self._verifier.parse_stored, max_attempts=max_attempts, concurrency=concurrency
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(store={self.store!r})"

    async def receive(self, body: bytes, headers: webhooks.Headers) -> Outcome:
        """Verify a request, store its event and start its handlers.

        Args:
            body: the raw body.
            headers: the request's headers, any mapping or pairs.

        Returns:
            The outcome; an accepted event is stored.
        """
        return await self.accept(await self.check(body, headers), body)

    def check_size(self, size: int) -> Decision | None:
        """Return the rejection of a body of this size; None when more may be read."""
        return self._verifier.check_size(size)

    async def check(self, body: bytes, headers: webhooks.Headers) -> Decision:
        """Verify a request: signature, age and content. Rejections are logged, for no phone shows the response."""
        return await self._verifier.verify(body, headers)

    async def accept(self, decision: Decision, body: bytes) -> Outcome:
        """Store the event of a good decision and start its handlers; anything else is returned as it is.

        Both happen or neither, even when the waiting task is cancelled.
        """
        event = decision.event
        if event is None:
            return Outcome(decision)
        if not self.find_handlers(event) and not self._is_unread(event):
            self.wake()
            return Outcome(decision.without_event("unhandled", "nobody here handles this event"))
        return await self._processor.tasks.run_uninterrupted(
            lambda: self._store_and_start(decision, event, body), Outcome(NOT_STORED)
        )

    def _is_unread(self, event: webhooks.Event) -> bool:
        """Tell whether an event could not be read for the handlers of its name: it must not be lost for them."""
        return (
            isinstance(event, webhooks.UnknownEvent) and event.reason is not None and self.has_handler_for(event.event)
        )

    async def _store_and_start(self, decision: Decision, event: webhooks.Event, body: bytes) -> Outcome:
        try:
            stored = await self.store.add(body, get_deduplication_keys(event), window=self.window)
        except Exception:  # noqa: BLE001 - whatever the store raises, the phone shall try again
            _log.exception("an event could not be stored")
            return Outcome(NOT_STORED)
        self.wake()
        if stored is None:
            return Outcome(decision.without_event("repeated", "the event was received before"))
        return Outcome(decision, self._processor.start(stored, event))

    def wake(self) -> None:
        """Look for events left behind by failed handlers and dead processes, until there is none.

        Every request does so; call it at the start of a process to begin before the first one.
        """
        self._processor.wake()

    async def drain(self, seconds: float = DRAIN) -> None:
        """Wait until the events in memory of this event loop are handled; what is not stays in the store.

        Args:
            seconds: the longest time to wait; then handlers are cancelled.
        """
        await self._processor.tasks.drain(seconds)

    def running(self, *, drain: float = DRAIN) -> AbstractAsyncContextManager[None]:
        """Return a lifespan that looks for events left behind at its start, and waits for handlers at its end.

        Args:
            drain: seconds to wait for handlers.

        Raises:
            ConfigurationError: no number of seconds.
        """
        return _Lifespan(self, check_seconds("drain", drain))


class _Lifespan:
    def __init__(self, receiver: Receiver, drain: float) -> None:
        self._receiver, self._drain = receiver, drain

    async def __aenter__(self) -> None:
        self._receiver.wake()

    async def __aexit__(self, *_error: object) -> None:
        await self._receiver.drain(self._drain)
        store = self._receiver.store
        lost = await store.unfinished() if isinstance(store, MemoryStore) else 0
        if lost:
            _log.warning("%d events are not handled and end with this process; an SQLiteStore would keep them", lost)
