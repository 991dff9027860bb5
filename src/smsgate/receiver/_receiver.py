"""The receiver: decides on a request, keeps the event, and works on it after the answer."""

from __future__ import annotations

import inspect
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import anyio
from anyio.lowlevel import RunVar

from smsgate import webhooks
from smsgate._core.error_text import shown
from smsgate._core.limits import MOST_CONCURRENT, whole
from smsgate._core.parallel import cores
from smsgate.errors import ConfigurationError, SignatureError
from smsgate.receiver._background import Workshop
from smsgate.receiver._deduplication import marks_of
from smsgate.receiver._handler_calls import call
from smsgate.receiver._handlers import Handlers, runs_in_loop
from smsgate.receiver._stores import EventStore, MemoryStore, Unfinished
from smsgate.receiver._thread_pool import Threads
from smsgate.receiver._verification import (
    MAX_BODY,
    MAX_UNVERIFIED,
    NO_KEY,
    NOT_STORED,
    TOLERANCE,
    Decision,
    decide,
    too_large,
)

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

_log = logging.getLogger("smsgate.receiver")

AsyncSigningKey: TypeAlias = Callable[[str], Awaitable[str | Iterable[str] | None]]
"""Looks keys up by device id, None for an unknown device; only an event loop can ask it."""

WINDOW = timedelta(days=3)
MAX_ATTEMPTS = 16
CONCURRENCY = 16
DRAIN = 10.0
"""Seconds to wait for handlers at the end."""

_FIRST_WAIT, _LONGEST_WAIT = 2.0, 3600.0
_MOST = 2**63 - 1
_PAUSE, _LONGEST_PAUSE = 1.0, 10.0  # between two looks for events that are due
_HANDS = 1000  # more events than that, and fewer large ones, wait in the store, not in memory
_LARGE = 64 * 1024  # bytes; reading more than that would be noticed by others in the loop
_serial = itertools.count()  # older anyio tells run variables apart by name


def wait_after(attempts: int) -> float:
    """Return the seconds to wait after so many failed attempts: 2, 4, 8 … one hour."""
    return min(_FIRST_WAIT * 2.0 ** min(attempts - 1, 32), _LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision, and the end of the first attempt to handle its event.

    Attributes:
        decision: what to answer.
    """

    decision: Decision
    _done: anyio.Event | None = field(default=None, repr=False)

    async def linger(self, seconds: float = DRAIN) -> None:
        """Wait, after answering, until the event was handled once, at most so long.

        Servers wait for requests when they stop, so this lets handlers finish even where nobody runs the application's
        lifespan. Handlers do not depend on it: they go on when it is cancelled.
        """
        if self._done:
            with anyio.move_on_after(seconds):
                await self._done.wait()


class Receiver(Handlers):
    """Receives events for one URL. May serve several event loops; handlers run in the one that served the request.

    An event is stored before it is answered, and handled afterwards. A handler that fails loses nothing: it is called
    again after 2 s, 4 s, 8 s … up to ``max_attempts`` times in all, and then the event is set aside in the store. Only
    an event that cannot be stored is answered 503, so that the phone sends it again.

    Each event is handled once, except that a process may die between a handler's effect and the note about it: then
    the handler runs again in the next process. A handler that must not act twice keeps ``event.id`` with its effect.

    Args:
        signing_key: one key, several, or by device id: mapping, function or async function.
        encryptor: decrypts the recipient in reports about encrypted messages.
        tolerance: how far a request's time stamp may be from now; None for any distance.
        store: where events are kept until they are handled, one for each receiver; default is memory, which a restart
            empties.
        window: how long repetitions are noticed.
        max_body: bytes; larger bodies are refused.
        max_unverified: bytes; where a function looks keys up, larger bodies are refused, too: it is asked before the
            sender is known. Raise it, up to ``max_body``, to receive larger MMS.
        max_attempts: how often an event is handled before it is set aside.
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
        self._key = webhooks.checked_signing_key(cast("webhooks.SigningKey", signing_key))
        with suppress(SignatureError):  # an unsigned request is refused, but a wrong tolerance raises
            webhooks.verify(b"", {}, signing_key="any", tolerance=tolerance)
        if not isinstance(window, timedelta) or window < timedelta():
            raise ConfigurationError("a window is a timedelta of zero or more")
        self._encryptor = webhooks.checked_decryptor(encryptor)
        self._tolerance = tolerance
        self.store: EventStore = MemoryStore() if store is None else store
        self.window = window
        self._limit, self._limited_by = whole("max_body", max_body, 1, _MOST), "max_body"
        if whole("max_unverified", max_unverified, 1, _MOST) < max_body and callable(self._key):
            self._limit, self._limited_by = max_unverified, "max_unverified"
        self._max_attempts = whole("max_attempts", max_attempts, 1, _MOST)
        self._concurrency = whole("concurrency", concurrency, 1, MOST_CONCURRENT)
        self._reading = Threads(max(2, cores()))
        self._handling = Threads(concurrency)
        self._shops: RunVar[Workshop] = RunVar(f"smsgate_receiver_{next(_serial)}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(store={self.store!r})"

    # -- before the answer ---------------------------------------------------------------------------------------

    async def receive(self, body: bytes, headers: webhooks.Headers) -> Outcome:
        """Decide on a request; an accepted event is stored when this returns, and its handlers are started."""
        return await self.accept(await self.check(body, headers), body)

    def check_size(self, size: int) -> Decision | None:
        """Return the refusal of a body of so many bytes; None when it may be read on."""
        if size <= self._limit:
            return None
        refusal = too_large(self._limit, self._limited_by)
        _log.warning("refused: %s", refusal.detail)
        return refusal

    async def check(self, body: bytes, headers: webhooks.Headers) -> Decision:
        """Check signature, age and content of a request; why it is refused is logged, for no phone shows the answer."""
        refusal = self.check_size(len(body))
        if refusal:
            return refusal
        decision = await self._check(body, headers)
        if not decision.accepted:
            _log.warning("refused: %s", decision.detail)
        return decision

    async def _check(self, body: bytes, headers: webhooks.Headers) -> Decision:
        key = self._key
        if callable(key):
            named: list[str] = []  # devices, if the headers are in order
            decision = await self._decide(body, headers, named.append)
            try:
                found = {device: await self._look_up(cast("AsyncSigningKey", key), device) for device in named}
            except Exception:  # noqa: BLE001 - whatever the look-up raises, the phone shall try again
                _log.exception("looking up a signing key failed")
                return NO_KEY
            known = {device: keys for device, keys in found.items() if keys is not None}
            if not known:
                return decision
            key = known
        try:
            return await self._decide(body, headers, key)
        except ConfigurationError:
            _log.exception("a signing key cannot be used")
            return NO_KEY

    async def _look_up(self, key: AsyncSigningKey, device: str) -> str | Iterable[str] | None:
        found: Any = key(device) if runs_in_loop(key) else await self._reading.run(lambda: key(device))
        keys: str | Iterable[str] | None = await found if inspect.isawaitable(found) else found
        return keys

    async def _decide(self, body: bytes, headers: webhooks.Headers, key: webhooks.SigningKey) -> Decision:
        def work() -> Decision:
            return decide(body, headers, signing_key=key, tolerance=self._tolerance, encryptor=self._encryptor)

        slow = self._encryptor is not None or len(body) > _LARGE
        return await self._reading.run(work) if slow else work()

    async def accept(self, decision: Decision, body: bytes) -> Outcome:
        """Store the event of a good decision and start its handlers; anything else is returned as it is.

        Both happen or neither, also when the task that waits here is cancelled meanwhile.
        """
        event = decision.event
        if event is None:
            return Outcome(decision)
        if not self.of(event) and not self._is_unread(event):
            self.wake()
            return Outcome(decision.without_event("unhandled", "nobody here handles this event"))
        shop = self._shop()
        return await shop.whole(lambda: self._keep(shop, decision, event, body), Outcome(NOT_STORED))

    def _is_unread(self, event: webhooks.Event) -> bool:
        """Tell whether an event could not be read for the handlers of its name: it must not be lost for them."""
        return isinstance(event, webhooks.UnknownEvent) and event.reason is not None and self.names(event.event)

    async def _keep(self, shop: Workshop, decision: Decision, event: webhooks.Event, body: bytes) -> Outcome:
        try:
            held = await self.store.add(body, marks_of(event), window=self.window)
        except Exception:  # noqa: BLE001 - whatever the store raises, the phone shall try again
            _log.exception("an event could not be stored")
            return Outcome(NOT_STORED)
        self.wake()
        if held is None:
            return Outcome(decision.without_event("repeated", "the event was received before"))
        if shop.held >= (_HANDS if len(body) <= _LARGE else self._concurrency * 2):
            self.store.release(held.number)
            return Outcome(decision)
        done = anyio.Event()
        self._take(shop, held, event, done)
        return Outcome(decision, done)

    # -- after the answer ----------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Look for events left behind by failed handlers and dead processes, until there is none.

        Every request does so; call it at the start of a process to begin before the first one.
        """
        shop = self._shop()
        shop.asked = True
        if not shop.watching:
            shop.watching = True
            shop.start(lambda: self._watch(shop))

    async def drain(self, seconds: float = DRAIN) -> None:
        """Wait until what is in hand in this event loop is handled, at most so long; what is not stays in the store."""
        await self._shop().drain(seconds)

    def running(self, *, drain: float = DRAIN) -> AbstractAsyncContextManager[None]:
        """A lifespan: look for what was left behind at the start, wait for handlers at the end."""
        return _Running(self, drain)

    def _shop(self) -> Workshop:
        shop = self._shops.get(None)
        if shop is None:
            shop = Workshop(self._concurrency)
            self._shops.set(shop)
        return shop

    async def _watch(self, shop: Workshop) -> None:
        pause = _PAUSE
        try:
            while True:
                try:
                    shop.asked = False
                    room = 0 if shop.draining else self._concurrency * 2 - shop.held
                    handed: list[Unfinished] = []
                    with anyio.CancelScope(shield=True):  # or what is handed out just now would be lost
                        handed = await self.store.claim(room) if room > 0 else []
                    for held in handed:
                        self._take(shop, held)
                    if not shop.draining and len(handed) >= room:  # there may be more: as fast as handlers take them
                        await shop.holds_at_most(self._concurrency)
                        continue
                    if await self.store.unfinished() == 0 and not shop.asked:
                        return
                    pause = _PAUSE
                except Exception:  # noqa: BLE001 - the store may work again at the next look
                    _log.exception("the store cannot be asked for events")
                    pause = min(pause * 2, _LONGEST_PAUSE)
                await anyio.sleep(pause)
        finally:
            shop.watching = False

    def _take(
        self, shop: Workshop, held: Unfinished, event: webhooks.Event | None = None, done: anyio.Event | None = None
    ) -> None:
        shop.held += 1

        async def work() -> None:
            kept = True
            try:
                await self._handle(shop, held, event)
                kept = False
            finally:
                shop.put_back()
                if kept:  # interrupted: the loop is closing
                    self.store.release(held.number)
                if done:
                    done.set()

        shop.start(work)

    async def _handle(self, shop: Workshop, held: Unfinished, event: webhooks.Event | None) -> None:
        """Make one attempt, and note what came of it."""
        if held.attempts > self._max_attempts:  # its last attempt ended the process
            await _persist(lambda: self.store.give_up(held.number))
            return
        if event is None:
            try:
                event = await self._reading.run(lambda: webhooks.parse_unverified(held.body, encryptor=self._encryptor))
            except Exception:  # noqa: BLE001 - whatever it is, the next one shall be tried
                _log.exception("a stored event cannot be read")
                await _persist(lambda: self.store.give_up(held.number))
                return
        if isinstance(event, webhooks.UnknownEvent) and event.reason and not self.of(event):
            _log.error("event %s cannot be read and is set aside: %s", event.event, event.reason)
            await _persist(lambda: self.store.give_up(held.number))
            return
        async with shop.slots:
            finished, failed = await self._attempt(event, held)
        if not failed:
            await _persist(lambda: self.store.finish(held.number))
        elif held.attempts < self._max_attempts:
            after = wait_after(held.attempts)
            await _persist(lambda: self.store.repeat(held.number, after=after, finished=finished))
        else:
            _log.error("event %s is set aside after %d attempts", _named(event), held.attempts)
            await _persist(lambda: self.store.give_up(held.number))

    async def _attempt(self, event: webhooks.Event, held: Unfinished) -> tuple[frozenset[str], bool]:
        """Call the handlers that are not through yet; return those that are now, and whether one failed."""
        finished, failed = held.finished, False
        waiting = [(name, handler) for name, handler in self.of(event) if name not in finished]
        if not waiting and not finished:
            _log.error("nobody here handles a stored event %s; does another receiver use this store?", _named(event))
            return finished, True
        for place, (name, handler) in enumerate(waiting, 1):
            error = await call(handler, event, self._handling)
            if error is not None:
                failed = True
                _log.error("handler %s failed on %s, attempt %d", name, _named(event), held.attempts, exc_info=error)
                continue
            finished |= {name}
            if place < len(waiting):
                await self._note(held.number, finished)
        return finished, failed

    async def _note(self, number: int, finished: frozenset[str]) -> None:
        await _persist(lambda: self.store.note(number, finished=finished))


async def _persist(note: Callable[[], Awaitable[None]]) -> None:
    """Write to the store until it succeeds: an event that was handled and not noted would be handled again."""
    pause = 0.5
    while True:
        try:
            with anyio.CancelScope(shield=True):
                await note()
        except Exception:  # noqa: BLE001 - until the store works again
            _log.exception("the store cannot be written")
        else:
            return
        await anyio.sleep(pause)
        pause = min(pause * 2, DRAIN)


class _Running:
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


def _named(event: webhooks.Event) -> str:
    return shown(event.event, 100)  # a name that this version does not know is whatever the sender wrote
