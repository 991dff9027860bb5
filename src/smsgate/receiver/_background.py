"""Work that goes on after the answer, in the event loop that served the request; one `Workshop` for each loop."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import sniffio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

_WRITING = 5.0  # seconds; a note that is being written may take so long


class Workshop:
    """Tasks that belong to no request, held here so that none is lost.

    Args:
        limit: handlers that run at the same time.
    """

    def __init__(self, limit: int) -> None:
        self.slots = anyio.Semaphore(limit)
        self.held = 0
        self._put_back = anyio.Event()
        self.watching = False
        self.asked = False
        self.draining = False
        self._ending = False
        self._arriving = 0
        self._tasks: set[object] = set()
        self._scopes: set[anyio.CancelScope] = set()

    def put_back(self) -> None:
        """Count one event less that is held."""
        self.held -= 1
        self._put_back.set()

    async def holds_at_most(self, number: int) -> None:
        """Wait until no more than so many events are held."""
        while self.held > number:
            self._put_back = anyio.Event()
            await self._put_back.wait()

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Let something run by itself; it must handle its own exceptions."""
        scope = anyio.CancelScope()
        self._scopes.add(scope)  # at once: it counts before its task gets its turn
        if self._ending:
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

    async def whole(self, work: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """Do something that must not be cut in two: it goes on when the task that waits for it here is cancelled.

        Args:
            work: what to do; it must handle its own exceptions.
            otherwise: returned when it was cut nevertheless, by the end of the loop.
        """
        results = [otherwise]
        done = anyio.Event()

        async def finish() -> None:
            try:
                with anyio.CancelScope(shield=True):
                    results[0] = await work()
            finally:
                self._arriving -= 1
                done.set()

        self._arriving += 1
        self.start(finish)
        await done.wait()
        return results[0]

    async def drain(self, seconds: float) -> None:
        """Wait for events in hand, at most so long, taking up no others; then interrupt everything."""
        self.draining = True
        try:
            with anyio.move_on_after(seconds):
                while self.held or self._arriving:  # noqa: ASYNC110 - once in a process's life, and tasks come and go meanwhile
                    await anyio.sleep(0.02)
            self._ending = True  # what is being stored just now will not be begun any more
            for scope in list(self._scopes):
                scope.cancel()
            with anyio.move_on_after(_WRITING):
                while self._scopes:  # noqa: ASYNC110 - as above
                    await anyio.sleep(0.01)
        finally:
            self.draining = self._ending = False
