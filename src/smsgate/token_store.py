"""Stores of token pairs, which clients and processes can share."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from smsgate import _file_locks
from smsgate._core.hooks import logger
from smsgate._core.tokens import TokenPair, TokenStore
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FileTokenStore", "LockingTokenStore", "MemoryTokenStore", "StoreLock", "TokenStore"]

_LARGEST = 16 * 1024 * 1024  # bytes of a token file: thousands of pairs
_LONGEST_WRITE = 1.0  # seconds to wait for others who write the file
_POLL = 0.01


class StoreLock:
    """A lock that its holder releases; garbage collection releases it after a cancelled call.

    Args:
        unlock: releases the lock; called once.
    """

    _unlock: Callable[[], object] | None = None

    def __init__(self, unlock: Callable[[], object]) -> None:
        self._unlock = unlock

    def release(self) -> None:
        """Release the lock."""
        unlock, self._unlock = self._unlock, None
        if unlock is not None:
            unlock()

    def __del__(self) -> None:
        self.release()


@runtime_checkable
class LockingTokenStore(TokenStore, Protocol):
    """A store with a lock per key, so that its users refresh a pair one after the other."""

    def try_lock(self, key: str) -> StoreLock | None:
        """Return the lock of a key without waiting, None while another user holds it."""
        ...


class MemoryTokenStore:
    """Store of token pairs in memory, for several clients of one process."""

    def __init__(self) -> None:
        self._pairs: dict[str, TokenPair] = {}
        self._held: dict[str, object] = {}

    def load(self, key: str) -> TokenPair | None:
        """Return the pair of a key, None when there is none."""
        return self._pairs.get(key)

    def save(self, key: str, pair: TokenPair | None) -> None:
        """Keep a pair; None deletes it."""
        if pair is None:
            self._pairs.pop(key, None)
        else:
            self._pairs[key] = pair

    def try_lock(self, key: str) -> StoreLock | None:
        """Return the lock of a key without waiting, None while another client holds it."""
        mine = object()
        lock = StoreLock(lambda: self._held.get(key) is mine and self._held.pop(key))  # before it is held: for Ctrl-C
        return lock if self._held.setdefault(key, mine) is mine else None  # atomic

    def __repr__(self) -> str:
        return f"MemoryTokenStore({len(self._pairs)} pairs)"


class FileTokenStore:
    """Store of token pairs in a file that only its owner can read; several accounts and processes may share it.

    The file is replaced atomically, so a reader never sees a part of it. Where locks exist (not on Windows), two empty
    files next to it, whose names end in ``.lock``, prevent concurrent writes and concurrent refreshes of one pair.
    A write waits one second at most for the lock of another process. A file that cannot be read or written ends no
    call: the store logs a warning, and the client issues tokens with its password.

    Args:
        path: the file; created with mode 0600 when the first pair is saved. Its folder must exist.

    Raises:
        ConfigurationError: the path names another kind of file, which a save would overwrite.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise ConfigurationError("path takes the path of a file")
        self._path = Path(path)
        try:
            self._read()
        except _OtherFileError:
            raise ConfigurationError(f"{self._path} is no token file: give another path, or remove it") from None
        except OSError:
            pass  # the first use warns, unless the file is readable then

    def load(self, key: str) -> TokenPair | None:
        """Return the pair of a key; None, with a warning, when the file cannot be read."""
        try:
            entry = self._read().get(key)
        except OSError as error:
            logger.warning("the token file %s cannot be read: %s", self._path, error.strerror)
            return None
        return None if entry is None else TokenPair.from_dict(entry)

    def save(self, key: str, pair: TokenPair | None) -> None:
        """Keep a pair; None deletes it. A file that cannot be read stays as it is, with a warning."""
        try:
            lock = self._write_lock()
            try:
                entries = self._read()
                entries.pop(key, None)
                if pair is not None:
                    entries[key] = pair.asdict()
                self._write(entries)
            finally:
                lock.release()
        except OSError as error:
            logger.warning("the token file %s cannot be written: %s", self._path, error.strerror)

    def try_lock(self, key: str) -> StoreLock | None:  # noqa: ARG002 - one lock for the whole file
        """Return the refresh lock of the file without waiting, None while another process holds it."""
        try:
            return _lock_file(self._lock_path(".renewal.lock"))
        except OSError:  # no such folder; `save` warns
            return StoreLock(lambda: None)

    def _write_lock(self) -> StoreLock:
        """Wait for the write lock of the file.

        Raises:
            OSError: another process holds the lock for too long, or the lock file cannot be created.
        """
        path = self._lock_path(".lock")
        give_up = time.monotonic() + _LONGEST_WRITE
        while (lock := _lock_file(path)) is None:
            if time.monotonic() >= give_up:
                raise BlockingIOError(errno.EAGAIN, f"another process holds {path.name}")
            time.sleep(_POLL)
        return lock

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            found = self._path.stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
                raise _OtherFileError
            content = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        if not content.strip():
            return {}
        try:
            document: Any = json.loads(content)
        except (RecursionError, ValueError):
            raise _OtherFileError from None
        if not document or not isinstance(document, dict):  # an empty object may be another program's file
            raise _OtherFileError
        entries = cast("dict[str, dict[str, Any]]", document)
        if not all(isinstance(entry, dict) and "access_token" in entry for entry in entries.values()):  # pyright: ignore[reportUnnecessaryIsInstance] - a file
            raise _OtherFileError
        return entries

    def _lock_path(self, ending: str) -> Path:
        """Return the path of a lock file next to the real token file, so that all links to it share the lock."""
        target = self._target()
        return target.with_name(target.name + ending)

    def _target(self) -> Path:
        """Return the real path of the file, with links resolved."""
        return Path(os.path.realpath(self._path))

    def _write(self, entries: dict[str, dict[str, Any]]) -> None:
        import tempfile  # noqa: PLC0415 - slow to import, and few programs keep tokens in files

        target = self._target()
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # made with 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(json.dumps(entries) if entries else "")
            os.replace(name, target)  # noqa: PTH105 - atomic, and both are plain names
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)  # noqa: PTH108
            raise

    def __repr__(self) -> str:
        return f"FileTokenStore({str(self._path)!r})"


class _OtherFileError(OSError):
    """The path names a file that is no token file."""

    def __init__(self) -> None:
        super().__init__(errno.EEXIST, "it is no token file, and left as it is")


def _lock_file(path: Path) -> StoreLock | None:
    """Return the lock of a file, which is created if needed; None while another process holds it.

    Raises:
        OSError: the file cannot be created.
    """
    if sys.platform == "win32":
        return StoreLock(lambda: None)
    descriptor = os.open(path, _file_locks.FLAGS | os.O_CREAT, 0o600)

    def unlock() -> None:
        with contextlib.suppress(OSError):
            _file_locks.release(descriptor)
        os.close(descriptor)

    lock = StoreLock(unlock)  # before it is held: whatever interrupts this, its end closes the file
    try:
        return lock if _file_locks.acquire(descriptor) else None
    except OSError:  # a file system without locks
        return lock
