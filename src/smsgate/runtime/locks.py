"""Locks, values and files of a process that may fork."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ForkSafeLock", "PerProcess", "closed_in_child"]

T = TypeVar("T")

if TYPE_CHECKING:
    _RLock = threading.RLock
else:
    _RLock = type(threading.RLock())  # `threading.RLock` itself may be a function

_FORK_TIMEOUT = 15.0
"""Seconds that a fork waits for a lock: importing an HTTP library takes up to one, and many on a busy machine."""


class ForkSafeLock(_RLock):  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues] - final for type checkers only
    """A re-entrant lock for ``with`` blocks, free in a forked process unless the forking thread itself holds it.

    A fork waits until other threads release their locks, so that the child sees no half-finished change. A lock that is
    held for too long is reset in the child, where the thread that holds it does not exist.

    The methods that ``with`` calls are C code: in Python code, Ctrl-C could come after the lock was acquired and before
    the block that releases it.
    """

    _at_fork_reinit: Callable[[], None]  # of the standard library's class, for its own locks

    def __init__(self) -> None:
        super().__init__()
        _locks.add(self)

    def free_in_child(self) -> None:
        """Reset the lock if another thread holds it, which does not exist in this process."""
        if self.acquire(blocking=False):
            self.release()
        else:
            self._at_fork_reinit()


class PerProcess(Generic[T]):
    """A value per process, for resources that a forked child must not share with its parent.

    Use it for connections, and for locks that a fork cannot wait for.

    Args:
        make: makes the value of a process on first use.
    """

    __slots__ = ("_make", "_values")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[int, T] = {}

    def get(self) -> T:
        """Return the value of this process."""
        process = os.getpid()
        value = self._values.get(process)
        if value is None:
            _inherited.extend(self._values.pop(other, None) for other in list(self._values) if other != process)
            value = self._values.setdefault(process, self._make())  # setdefault: one for all threads
        return value

    def remove(self) -> T | None:
        """Remove the value of this process and return it, None if there is none; `get` makes another one."""
        return self._values.pop(os.getpid(), None)


closed_in_child: set[int] = set()
"""File descriptors that a forked child closes at once: open ones would keep the locks of its parent's files."""
_inherited: list[object] = []  # kept alive, so that no destructor closes what the parent process still uses
_locks: WeakSet[ForkSafeLock] = WeakSet()
_forking = threading.local()


def _before() -> None:
    taken: list[ForkSafeLock] = []
    _forking.taken = taken
    for lock in list(_locks):
        if lock.acquire(timeout=_FORK_TIMEOUT):
            taken.append(lock)  # noqa: PERF401 - Ctrl-C may end this, and those taken are released nevertheless


def _after() -> None:
    for lock in _forking.taken:
        lock.release()


def _after_in_child() -> None:
    _after()
    for lock in list(_locks):
        lock.free_in_child()
    for descriptor in closed_in_child:
        os.close(descriptor)
    closed_in_child.clear()


logging.getLogger()  # first: hooks before a fork run in reverse order, and imports need logging's lock
if hasattr(os, "register_at_fork"):  # not on every system
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)
