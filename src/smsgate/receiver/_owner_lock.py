"""File locks of the processes that own stored events; the system frees a lock when its process ends, not before."""

from __future__ import annotations

import os
import secrets
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

from smsgate import _file_locks
from smsgate.runtime.locks import closed_in_child

if TYPE_CHECKING:
    from pathlib import Path


class OwnerLock:
    """The lock of one owner, held until `release` or the end of the process, also while that is stopped or stalled.

    Args:
        store: file of the store; the lock file is in the same folder.

    Attributes:
        owner: name of the owner.
        path: file of the lock.

    Raises:
        OSError: the file cannot be created, or its file system has no locks.
    """

    def __init__(self, store: Path) -> None:
        while True:
            self.owner = secrets.token_hex(8)
            self.path = _path(store, self.owner)
            descriptor = os.open(self.path, _file_locks.FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
            if _file_locks.acquire(descriptor) and _is_at(self.path, descriptor):
                break
            _remove(self.path, descriptor)  # another process looked at it before it was locked
        closed_in_child.add(descriptor)
        self.release = weakref.finalize(self, _release, self.path, descriptor, os.getpid())


def is_alive(store: Path, owner: str) -> bool:
    """Tell whether an owner's process still holds its lock."""
    return not _is_free(_path(store, owner), remove=False)


def remove_stale_locks(store: Path) -> None:
    """Remove the lock files of processes that have ended."""
    for path in store.parent.iterdir():
        if path.name.startswith(_path(store, "").name):
            _is_free(path, remove=True)


def _path(store: Path, owner: str) -> Path:
    return store.with_name(f"{store.name}-owner-{owner}")


def _is_free(path: Path, *, remove: bool) -> bool:
    """Tell whether a lock is free; with ``remove``, its file is removed before another process can lock it."""
    try:
        descriptor = os.open(path, _file_locks.FLAGS)
    except FileNotFoundError:
        return True
    try:
        if not _file_locks.acquire(descriptor):
            return False
        if remove:
            with suppress(OSError):
                path.unlink()
        _file_locks.release(descriptor)
        return True
    finally:
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove(path: Path, descriptor: int) -> None:
    with suppress(OSError):
        path.unlink()
    os.close(descriptor)


def _release(path: Path, descriptor: int, process: int) -> None:
    if os.getpid() == process:  # else the lock belongs to the parent
        closed_in_child.discard(descriptor)
        _remove(path, descriptor)
