"""Background tasks that outlive their request, and the events in memory; one `TaskSet` for each event loop."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import sniffio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

_WRITE_LIMIT = 5.0  # seconds that a write to the store may take after the tasks were cancelled


class TaskSet:
    """Tasks that belong to no request, referenced here so that none is garbage-collected.

    Args:
        limit: handlers that run at the same time.

    Attributes:
        slots: a semaphore for running handlers.
        in_memory: events claimed from the store that are not done yet.
        is_watching: whether a task looks for events that are due.
        has_been_woken: whether that task shall look once more before it ends.
        is_draining: whether no further events are claimed.
    """

    def __init__(self, limit: int) -> None:
        self.slots = anyio.Semaphore(limit)
        self.in_memory = 0
        self.is_watching = False
        self.has_been_woken = False
        self.is_draining = False
        self._decreased = anyio.Event()
        self._is_ending = False
        self._uninterrupted = 0
        self._tasks: set[object] = set()
        self._scopes: set[anyio.CancelScope] = set()

    def remove_event(self) -> None:
        """Count one event less in memory."""
        self.in_memory -= 1
        self._decreased.set()

    async def wait_for_events(self, at_most: int) -> None:
        """Wait until the number of events in memory is at most this limit."""
        while self.in_memory > at_most:
            self._decreased = anyio.Event()
            await self._decreased.wait()

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Start a task; it must handle its own exceptions."""
        scope = anyio.CancelScope()
        self._scopes.add(scope)  # at once: it counts before its task gets its turn
        if self._is_ending:
            scope.cancel()

        async def run() -> None:
            try:
                with scope:
                    await work()
            finally:
                self._scopes.discard(scope)

        if sniffio.current_async_library() == "trio":
            trio: Any = import_module("trio")  # loaded already: it runs this very loop
            trio.lowlevel.spawn_system_task(run)
            return
        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run_uninterrupted(self, work: Callable[[], Awaitable[T]], default: T) -> T:
        """Run something to its end, also when the task that waits for it here is cancelled.

        Args:
            work: the coroutine to run; it must handle its own exceptions.
            default: returned when the end of the event loop interrupted it nevertheless.
        """
        results = [default]
        done = anyio.Event()

        async def finish() -> None:
            try:
                with anyio.CancelScope(shield=True):
                    results[0] = await work()
            finally:
                self._uninterrupted -= 1
                done.set()

        self._uninterrupted += 1
        self.start(finish)
        await done.wait()
        return results[0]

    async def drain(self, seconds: float) -> None:
        """Wait for the events in memory, at most so long, claiming no others; then cancel all tasks."""
        self.is_draining = True
        try:
            with anyio.move_on_after(seconds):
                while self.in_memory or self._uninterrupted:  # noqa: ASYNC110 - once in a process's life, and tasks come and go meanwhile
                    await anyio.sleep(0.02)
            self._is_ending = True  # an event that is being stored now will not be handled in this process
            for scope in list(self._scopes):
                scope.cancel()
            with anyio.move_on_after(_WRITE_LIMIT):
                while self._scopes:  # noqa: ASYNC110 - as above
                    await anyio.sleep(0.01)
        finally:
            self.is_draining = self._is_ending = False
