"""Locks of files between processes; the system frees a lock when its process ends."""

from __future__ import annotations

import os
import sys

FLAGS = os.O_RDWR | getattr(os, "O_CLOEXEC", 0)
"""Flags with which a file to be locked is opened."""

if sys.platform == "win32":
    import msvcrt

    def acquire(descriptor: int) -> bool:
        """Lock an open file without waiting; return whether this descriptor has the lock."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def release(descriptor: int) -> None:
        """Release the lock of an open file."""
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def acquire(descriptor: int) -> bool:
        """Lock an open file without waiting; return whether this descriptor has the lock.

        Raises:
            OSError: the file system has no locks.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(descriptor: int) -> None:
        """Release the lock of an open file; closing does not do it while a forked process has the file open."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)
