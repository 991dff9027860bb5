"""A lock that survives a fork.

Standard library only.
"""

from __future__ import annotations

import logging
import os
import threading
from weakref import WeakSet

__all__ = ["ForkSafeLock"]


_PATIENCE = 15.0
"""Seconds that a fork waits for a lock: importing an HTTP library takes up to one, and many on a busy machine."""


class ForkSafeLock:
    """A re-entrant lock for ``with`` blocks, free in a forked process unless the forking thread itself holds it.

    A fork waits until other threads have done what they hold a lock for, so that the child gets nothing half done. A
    lock that is held for too long is replaced in the child, where its holder does not exist.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def take(self, seconds: float) -> bool:
        """Take the lock if it becomes free in time."""
        return self._lock.acquire(timeout=seconds)

    def replace(self) -> None:
        """Replace a lock that another thread holds."""
        if self.take(0):
            self._lock.release()
        else:
            self._lock = threading.RLock()


_locks: WeakSet[ForkSafeLock] = WeakSet()
_forking = threading.local()


def _before() -> None:
    _forking.taken = [lock for lock in list(_locks) if lock.take(_PATIENCE)]


def _after() -> None:
    for lock in _forking.taken:
        lock.__exit__()


def _after_in_child() -> None:
    _after()
    for lock in list(_locks):
        lock.replace()


logging.getLogger()  # loaded before: a fork takes the locks of later comers first, and imports need that of logging
if hasattr(os, "register_at_fork"):  # not on every system
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)
