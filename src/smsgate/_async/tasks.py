"""Concurrent calls of the asynchronous client; the counterpart of `smsgate._sync.tasks`."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
from typing_extensions import Self

from smsgate._event_loops import running_library

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from types import TracebackType

T = TypeVar("T")


class Tasks(Generic[T]):
    """Concurrent calls, one task each; leaving the ``async with`` block cancels them.

    A task group would not do: it must not stay open while an asynchronous generator such as `send_many` yields.
    """

    def __init__(self, _count: int) -> None:
        self._scopes: set[anyio.CancelScope] = set()
        self._tasks: set[object] = set()  # an event loop keeps no strong reference to its tasks
        self._ended: list[tuple[int, T | BaseException]] = []
        self._news = anyio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _error: object, _tb: TracebackType | None) -> None:
        for scope in self._scopes:
            scope.cancel()
        with anyio.CancelScope(shield=True):
            while self._scopes:
                await self.wait()

    def start(self, number: int, call: Callable[[], Awaitable[T]]) -> None:
        """Start a call; `take` returns its result with this number."""
        scope = anyio.CancelScope()
        self._scopes.add(scope)
        self._tasks.add(_spawn(partial(self._run, number, call, scope)))

    async def wait(self) -> None:
        """Wait until another call has ended."""
        await self._news.wait()
        self._news = anyio.Event()

    def take(self) -> list[tuple[int, T | BaseException]]:
        """Return the calls that have ended since the last `take`: their numbers, and their results or exceptions."""
        ended, self._ended = self._ended, []
        return ended

    async def _run(self, number: int, call: Callable[[], Awaitable[T]], scope: anyio.CancelScope) -> None:
        try:
            with scope:
                try:
                    result: T | BaseException = await call()
                except Exception as error:  # noqa: BLE001 - raised by the consumer of `take`
                    result = error
                self._ended.append((number, result))
        finally:
            self._scopes.discard(scope)
            self._news.set()


def _spawn(function: Callable[[], Coroutine[Any, Any, None]]) -> object:
    """Run a function that raises nothing in a task of the event loop, outside every task group."""
    if running_library() == "trio":
        import trio  # noqa: PLC0415 - not always installed

        return trio.lowlevel.spawn_system_task(function, context=copy_context())
    return asyncio.get_running_loop().create_task(function())
