"""Lock of a journal: one process at a time changes a campaign; the system frees the lock when that process ends."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from smsgate import _file_locks
from smsgate.bulk._errors import JournalError, JournalLockedError
from smsgate.runtime.locks import closed_in_child

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_POLL = 0.2


class JournalLock:
    """The lock of a journal, for a ``with`` block. Its empty file stays next to the journal.

    Args:
        journal: file of the journal.
        wait: whether to wait for another process instead of raising an error.

    Raises:
        JournalLockedError: another process, or another campaign object of this one, has the lock.
        JournalError: the lock file cannot be created.
    """

    def __init__(self, journal: Path, *, wait: bool) -> None:
        self._path = journal.with_name(f"{journal.name}-lock")
        self._journal = journal
        self._wait = wait
        self._descriptor = -1

    def __enter__(self) -> None:
        try:
            descriptor = os.open(self._path, _file_locks.FLAGS | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalError(f"the journal {self._journal} cannot be locked: {error.strerror}") from error
        try:
            is_held = _file_locks.acquire(descriptor)
            while self._wait and not is_held:
                time.sleep(_POLL)
                is_held = _file_locks.acquire(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if not is_held:
            os.close(descriptor)
            raise JournalLockedError(
                f"another process uses the journal {self._journal}: wait until it has ended, or stop it first"
            )
        closed_in_child.add(descriptor)
        self._descriptor = descriptor

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor in closed_in_child:  # else this is a forked child, and the lock is its parent's
            closed_in_child.discard(descriptor)
            _file_locks.release(descriptor)
            os.close(descriptor)
