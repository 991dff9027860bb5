"""Processing of stored events after the response: handler attempts, retries, and events of dead processes."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import anyio

from smsgate import webhooks
from smsgate._event_loops import PerLoop
from smsgate.receiver._handler_calls import call_handler
from smsgate.receiver._options import MAX_CONCURRENCY, check_whole
from smsgate.receiver._task_set import TaskSet
from smsgate.receiver._thread_pool import ThreadPool
from smsgate.receiver._verification import LARGE
from smsgate.runtime.printable import escape

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from smsgate.receiver._handlers import Handlers
    from smsgate.receiver._stores import EventStore, StoredEvent

_log = logging.getLogger("smsgate.receiver")

MAX_IN_MEMORY = 1000
"""Events in memory; more of them, and fewer large ones, wait in the store."""
_FIRST_DELAY, _MAX_DELAY = 2.0, 3600.0
_PAUSE, _MAX_PAUSE = 1.0, 10.0  # seconds between two looks for events that are due
_WRITE_PAUSE, _MAX_WRITE_PAUSE = 0.5, 10.0
_MAX_NAME = 100


def compute_retry_delay(attempts: int) -> float:
    """Return the seconds to wait after a number of failed attempts: 2, 4, 8 … one hour."""
    return min(_FIRST_DELAY * 2.0 ** min(attempts - 1, 32), _MAX_DELAY)


class Processor:
    """Handles stored events in the event loop that claimed them.

    Args:
        handlers: the registered handlers.
        store: where events are claimed, and where the outcome of every attempt is recorded.
        parse: parses the body of an event that was claimed from the store.
        max_attempts: see `Receiver`.
        concurrency: see `Receiver`.
    """

    def __init__(
        self,
        handlers: Handlers,
        store: EventStore,
        parse: Callable[[bytes], Awaitable[webhooks.Event]],
        *,
        max_attempts: int,
        concurrency: int,
    ) -> None:
        self._handlers = handlers
        self._store = store
        self._parse = parse
        self._max_attempts = check_whole("max_attempts", max_attempts)
        self._concurrency = check_whole("concurrency", concurrency, MAX_CONCURRENCY)
        self._threads = ThreadPool(concurrency)
        self._task_sets = PerLoop(partial(TaskSet, concurrency))

    @property
    def tasks(self) -> TaskSet:
        """The tasks of the running event loop."""
        return self._task_sets.get()

    def wake(self) -> None:
        """Look for events that are due, until the store has none."""
        tasks = self.tasks
        tasks.has_been_woken = True
        if not tasks.is_watching:
            tasks.is_watching = True
            tasks.start(lambda: self._watch(tasks))

    def start(self, stored: StoredEvent, event: webhooks.Event | None = None) -> anyio.Event | None:
        """Start an attempt in the background.

        Returns:
            What is set at its end; None when there are too many events in memory, so that this one was released.
        """
        tasks = self.tasks
        if event and tasks.in_memory >= (MAX_IN_MEMORY if len(stored.body) <= LARGE else self._concurrency * 2):
            self._store.release(stored.number)
            return None
        done = anyio.Event()
        tasks.in_memory += 1

        async def work() -> None:
            is_recorded = False
            try:
                await self._process(tasks, stored, event)
                is_recorded = True
            finally:
                tasks.remove_event()
                if not is_recorded:  # cancelled: the event loop is closing
                    self._store.release(stored.number)
                done.set()

        tasks.start(work)
        return done

    async def _watch(self, tasks: TaskSet) -> None:
        pause = _PAUSE
        try:
            while True:
                try:
                    tasks.has_been_woken = False
                    room = 0 if tasks.is_draining else self._concurrency * 2 - tasks.in_memory
                    claimed: list[StoredEvent] = []
                    with anyio.CancelScope(shield=True):  # or events that are being claimed now would be lost
                        claimed = await self._store.claim(room) if room > 0 else []
                    for stored in claimed:
                        self.start(stored)
                    if not tasks.is_draining and len(claimed) >= room:  # there may be more
                        await tasks.wait_for_events(self._concurrency)
                        continue
                    if await self._store.unfinished() == 0 and not tasks.has_been_woken:
                        return
                    pause = _PAUSE
                except Exception:  # noqa: BLE001 - the store may work again at the next look
                    _log.exception("the store cannot be asked for events")
                    pause = min(pause * 2, _MAX_PAUSE)
                await anyio.sleep(pause)
        finally:
            tasks.is_watching = False

    async def _process(self, tasks: TaskSet, stored: StoredEvent, event: webhooks.Event | None) -> None:
        """Make one attempt, and record its outcome."""
        if stored.attempts > self._max_attempts:  # the last attempt ended the process
            await self._give_up(stored)
            return
        if event is None:
            try:
                event = await self._parse(stored.body)
            except Exception:  # noqa: BLE001 - whatever it is, the other events must be handled
                _log.exception("a stored event cannot be read")
                await self._give_up(stored)
                return
        if isinstance(event, webhooks.UnknownEvent) and event.reason and not self._handlers.find_handlers(event):
            _log.error("event %s cannot be read and is set aside: %s", event.event, event.reason)
            await self._give_up(stored)
            return
        async with tasks.slots:
            finished, has_failed = await self._attempt(event, stored)
        if not has_failed:
            await _write(lambda: self._store.finish(stored.number))
        elif stored.attempts < self._max_attempts:
            delay = compute_retry_delay(stored.attempts)
            await _write(lambda: self._store.repeat(stored.number, after=delay, finished=finished))
        else:
            _log.error("event %s is set aside after %d attempts", _format_name(event), stored.attempts)
            await self._give_up(stored)

    async def _attempt(self, event: webhooks.Event, stored: StoredEvent) -> tuple[frozenset[str], bool]:
        """Call the handlers that have not succeeded yet; return those that have now, and whether one failed."""
        finished, has_failed = stored.finished, False
        pending = [item for item in self._handlers.find_handlers(event) if item[0] not in finished]
        if not pending and not finished:
            _log.error(
                "nobody here handles a stored event %s; does another receiver use this store?", _format_name(event)
            )
            return finished, True
        for place, (name, handler) in enumerate(pending, 1):
            error = await call_handler(handler, event, self._threads)
            if error is not None:
                has_failed = True
                _log.error(
                    "handler %s failed on %s, attempt %d", name, _format_name(event), stored.attempts, exc_info=error
                )
                continue
            finished |= {name}
            if place < len(pending):
                await self._record(stored, finished)
        return finished, has_failed

    async def _record(self, stored: StoredEvent, finished: frozenset[str]) -> None:
        await _write(lambda: self._store.note(stored.number, finished=finished))

    async def _give_up(self, stored: StoredEvent) -> None:
        await _write(lambda: self._store.give_up(stored.number))


async def _write(write: Callable[[], Awaitable[None]]) -> None:
    """Write to the store until it succeeds: an event whose outcome is not recorded would be handled again."""
    pause = _WRITE_PAUSE
    while True:
        try:
            with anyio.CancelScope(shield=True):
                await write()
        except Exception:  # noqa: BLE001 - until the store works again
            _log.exception("the store cannot be written")
        else:
            return
        await anyio.sleep(pause)
        pause = min(pause * 2, _MAX_WRITE_PAUSE)


def _format_name(event: webhooks.Event) -> str:
    return escape(event.event, _MAX_NAME)  # an unknown name is whatever the sender wrote
