"""Where token pairs live, so that clients and processes can share one."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from smsgate.auth import TokenPair
from smsgate.observing import logger

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["FileTokenStore", "MemoryTokenStore", "TokenStore"]


class TokenStore(Protocol):
    """Keeps token pairs by key. What it raises ends the call; calls may come from several threads."""

    def load(self, key: str) -> TokenPair | None:
        """Return the pair kept under this key, None when there is none."""
        ...

    def save(self, key: str, pair: TokenPair | None) -> None:
        """Keep a pair, or forget it when it is None."""
        ...


class MemoryTokenStore:
    """Keeps pairs in memory, for several clients of one process."""

    def __init__(self) -> None:
        self._pairs: dict[str, TokenPair] = {}

    def load(self, key: str) -> TokenPair | None:
        """Return the pair kept under this key."""
        return self._pairs.get(key)

    def save(self, key: str, pair: TokenPair | None) -> None:
        """Keep a pair, or forget it when it is None."""
        if pair is None:
            self._pairs.pop(key, None)
        else:
            self._pairs[key] = pair

    def __repr__(self) -> str:
        return f"MemoryTokenStore({len(self._pairs)} pairs)"


class FileTokenStore:
    """Keeps pairs in a file that only its owner can read; several accounts may share it.

    The file is replaced as a whole, so a reader never sees half of it; what is no JSON counts as empty. Where files can
    be locked, processes write one after the other, by an empty file beside it whose name ends in ``.lock``. A file that
    cannot be read or written ends no call: a warning in the log says so, and the program gets tokens by its password.

    Args:
        path: the file; made with rights 0600 when the first pair is kept. Its folder must exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def load(self, key: str) -> TokenPair | None:
        """Return the pair kept under this key; None, with a warning, when the file cannot be read."""
        try:
            entry = self._read().get(key)
        except OSError as error:
            logger.warning("the token file %s cannot be read: %s", self._path, error.strerror)
            return None
        return TokenPair.from_dict(cast("dict[str, Any]", entry)) if isinstance(entry, dict) else None

    def save(self, key: str, pair: TokenPair | None) -> None:
        """Keep a pair, or forget it when it is None; a file that cannot be read is not replaced, but warned of."""
        try:
            with self._alone():
                entries = self._read()
                entries.pop(key, None)
                if pair is not None:
                    entries[key] = pair.asdict()
                self._write(entries)
        except OSError as error:
            logger.warning("the token file %s cannot be written: %s", self._path, error.strerror)

    def _read(self) -> dict[str, Any]:
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, RecursionError, ValueError):
            return {}
        return cast("dict[str, Any]", document) if isinstance(document, dict) else {}

    def _target(self) -> Path:
        """Return the file itself, also where the path is a link to it."""
        return Path(os.path.realpath(self._path))

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        """Keep other processes and threads from writing meanwhile, where the system can."""
        try:
            import fcntl  # noqa: PLC0415 - not everywhere
        except ImportError:
            yield
            return
        target = self._target()
        descriptor = os.open(target.with_name(f"{target.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            with contextlib.suppress(OSError):  # closing does not do it while a forked process has the file open
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def _write(self, entries: dict[str, Any]) -> None:
        import tempfile  # noqa: PLC0415 - slow to import, and few programs keep tokens in files

        target = self._target()
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # made with 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(entries, file)
            os.replace(name, target)  # noqa: PTH105 - atomic, and both are plain names
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)  # noqa: PTH108
            raise

    def __repr__(self) -> str:
        return f"FileTokenStore({str(self._path)!r})"
