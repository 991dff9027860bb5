"""Event store in an SQLite file that survives a crash; several processes of one machine may share it."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from smsgate.errors import ConfigurationError
from smsgate.receiver._owner_lock import OwnerLock, is_alive, remove_stale_locks
from smsgate.receiver._sqlite_file import close_connections, connect, list_files, open_file
from smsgate.receiver._stores import StoredEvent
from smsgate.receiver._thread_pool import ThreadPool
from smsgate.runtime.locks import PerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from datetime import timedelta

_LONGEST = 3700.0  # seconds; retries wait an hour at most, so a later due time was written by a clock that was wrong
_BUSY = 1.5  # seconds to wait for another process: less than the two in which a phone should get its response
_BATCH = 1000  # rows that one transaction frees, so that none is long
_EXPIRED = 10  # deduplication keys that one transaction deletes; an event has two at most, so they cannot pile up
_WAITING = "SELECT number FROM events WHERE NOT failed AND owner IS NULL AND {} ORDER BY due, number LIMIT :limit"
_DUE = (_WAITING.format("due <= :now"), _WAITING.format("due > :now + :longest"))
_NEXT_OWNER = "SELECT owner FROM events WHERE NOT failed AND owner > ? ORDER BY owner LIMIT 1"
_FREE = """
UPDATE events SET owner = NULL
WHERE number IN (SELECT number FROM events WHERE NOT failed AND owner = ? LIMIT ?)
"""
# the table of deduplication keys has kept the name that version 1 gave it
_FORGET = "DELETE FROM marks WHERE mark IN (SELECT mark FROM marks WHERE seen < ? ORDER BY seen LIMIT ?)"


class _Owner:
    """State of a store in one process: its locks, the open file, and the events to give up."""

    reader: sqlite3.Connection

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.counting = threading.Lock()  # to be taken before the other one
        self.start()

    def start(self) -> None:
        """Become a new owner, with no file open."""
        self.released: list[int] = []  # events that this owner gives up at the next claim
        self.connection: sqlite3.Connection | None = None
        self.closer: weakref.finalize[..., SQLiteStore] | None = None
        self.file_lock: OwnerLock | None = None
        self.files: dict[Path, os.stat_result] = {}


class SQLiteStore:
    """Event store in an SQLite file, which keeps events until they are handled, and then only deduplication keys.

    Every event is on disk before the phone gets its response. A process owns the events that it has claimed, as long
    as it holds a file lock, which the system frees when the process ends: then others can claim them. A process that
    is stopped or stalled, or whose clock jumps, keeps its events.

    When the file is deleted, replaced or emptied while it is open, adding and claiming fail, until the file is back or
    the store is closed and so opened anew.

    Args:
        path: the file, created when it is missing, readable for its owner only. It must be on a local disk: WAL needs
            shared memory. The same folder holds SQLite's own files and a lock file for each process.
        clock: returns Unix seconds.

    Raises:
        ConfigurationError: there is no such folder.
    """

    def __init__(self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time) -> None:
        self._path = Path(path).absolute()
        if not self._path.parent.is_dir() or self._path.is_dir():
            raise ConfigurationError("an SQLite store needs a file's path in a folder that exists")
        self._clock = clock
        self._threads = ThreadPool(4)
        self._owners = PerProcess(_Owner)

    @property
    def _own(self) -> _Owner:
        return self._owners.get()

    def __repr__(self) -> str:
        return f"SQLiteStore({self._path.name!r})"

    # -- the protocol --------------------------------------------------------------------------------------------

    async def add(self, body: bytes, keys: tuple[str, ...], *, window: timedelta) -> StoredEvent | None:
        """See `EventStore.add`."""
        deadline = time.monotonic() + _BUSY
        seconds = window.total_seconds()
        return next(iter(await self._claim_in_thread(lambda: self._add(body, keys, seconds, deadline))), None)

    async def claim(self, limit: int) -> list[StoredEvent]:
        """See `EventStore.claim`."""
        return await self._claim_in_thread(lambda: self._claim(limit))

    async def unfinished(self) -> int:
        """See `EventStore.unfinished`."""
        return await self._count("NOT failed")

    async def failed(self) -> int:
        """Count the events that were set aside."""
        return await self._count("failed")

    async def revive(self) -> int:
        """Let events that were set aside be handled again; returns how many."""
        return await self._change("UPDATE events SET failed = 0, attempts = 0, due = 0, owner = NULL WHERE failed")

    async def discard(self) -> int:
        """Delete events that were set aside, but not their deduplication keys; returns how many."""
        return await self._change("DELETE FROM events WHERE failed")

    async def note(self, number: int, *, finished: frozenset[str]) -> None:
        """See `EventStore.note`."""
        await self._change("UPDATE events SET finished = ? WHERE number = ?", "\n".join(sorted(finished)), number)

    async def finish(self, number: int) -> None:
        """See `EventStore.finish`."""
        await self._change("DELETE FROM events WHERE number = ?", number)

    async def repeat(self, number: int, *, after: float, finished: frozenset[str]) -> None:
        """See `EventStore.repeat`."""
        change = "UPDATE events SET owner = NULL, due = ?, finished = ? WHERE number = ?"
        await self._change(change, self._clock() + after, "\n".join(sorted(finished)), number)

    async def give_up(self, number: int) -> None:
        """See `EventStore.give_up`."""
        await self._change("UPDATE events SET owner = NULL, failed = 1 WHERE number = ?", number)

    def release(self, number: int) -> None:
        """See `EventStore.release`."""
        self._own.released.append(number)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        own = self._own
        with own.counting, own.lock:
            if own.closer:
                own.closer()
            if own.file_lock:
                own.file_lock.release()
            own.start()

    async def _claim_in_thread(self, work: Callable[[], list[StoredEvent]]) -> list[StoredEvent]:
        """Claim events in a thread; release them when the caller is cancelled during that."""
        lock, claimed, is_cancelled = threading.Lock(), list[StoredEvent](), False

        def claim() -> list[StoredEvent]:
            events = work()
            with lock:
                claimed.extend(events)
                is_unwanted = is_cancelled
            if is_unwanted:
                self._release_all(events)
            return events

        try:
            return await self._threads.run(claim)
        except BaseException:  # cancelled: the thread goes on
            with lock:
                is_cancelled = True
                events = list(claimed)
            self._release_all(events)
            raise

    def _release_all(self, events: list[StoredEvent]) -> None:
        for event in events:
            self.release(event.number)

    # -- in a thread ---------------------------------------------------------------------------------------------

    def _add(self, body: bytes, keys: tuple[str, ...], window: float, deadline: float) -> list[StoredEvent]:
        with self._own.lock:
            now, left = self._clock(), deadline - time.monotonic()
            if left <= 0:  # the wait for other threads took all the time
                raise sqlite3.OperationalError("the SQLite store is busy")
            with self._transaction(left) as connection:
                owner = self._owner()
                connection.execute(_FORGET, (now - window, _EXPIRED))
                known = "SELECT 1 FROM marks WHERE mark = ? AND seen >= ?"
                if any(connection.execute(known, (key, now - window)).fetchone() for key in keys):
                    return []
                connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?)", [(key, now) for key in keys])
                insert = "INSERT INTO events (body, attempts, due, owner) VALUES (?, 1, ?, ?)"
                number = connection.execute(insert, (body, now, owner)).lastrowid or 0
                self._check_files()
        return [StoredEvent(number, body)]

    def _claim(self, limit: int) -> list[StoredEvent]:
        with self._own.lock:
            connection, owner = self._open(), self._owner()
            dead = self._dead_owners(connection, owner)
            if not (self._own.released or dead or self._due(connection, 1)):
                return []  # the usual case, without a write
            released = self._own.released[:_BATCH]
            with self._transaction():
                free = "UPDATE events SET owner = NULL WHERE number = ? AND owner = ?"
                connection.executemany(free, [(number, owner) for number in released])
                connection.executemany(_FREE, [(one, _BATCH) for one in dead])
                numbers = self._due(connection, limit)
                take = "UPDATE events SET attempts = attempts + 1, owner = ? WHERE number = ?"
                connection.executemany(take, [(owner, number) for number in numbers])
                self._check_files()
            del self._own.released[: len(released)]
        try:
            return [self._read_event(number) for number in numbers]
        except BaseException:
            self._own.released += numbers
            raise

    def _due(self, connection: sqlite3.Connection, limit: int) -> list[int]:
        """Return the numbers of events that are due and have no owner."""
        numbers: list[int] = []
        for query in _DUE:
            left = {"now": self._clock(), "longest": _LONGEST, "limit": limit - len(numbers)}
            numbers += [number for (number,) in connection.execute(query, left)]
        return numbers

    def _dead_owners(self, connection: sqlite3.Connection, me: str) -> list[str]:
        dead, owner = list[str](), ""
        while row := connection.execute(_NEXT_OWNER, (owner,)).fetchone():
            owner = row[0]
            if owner != me and not is_alive(self._path, owner):
                dead.append(owner)
        return dead

    def _read_event(self, number: int) -> StoredEvent:
        query = "SELECT body, attempts, finished FROM events WHERE number = ?"
        with self._own.lock:  # for one event at a time, as bodies may be large
            body, attempts, finished = self._open().execute(query, (number,)).fetchone()
        return StoredEvent(number, body, attempts, frozenset(filter(None, finished.split("\n"))))

    async def _count(self, condition: str) -> int:
        def count() -> int:
            with (
                self._own.counting
            ):  # beside the lock: a large file takes long to count, and adding must not wait for it
                with self._own.lock:
                    self._open()
                    reader = self._own.reader
                rows = reader.execute(f"SELECT count(*) FROM events WHERE {condition}")  # noqa: S608 - ours
                return int(rows.fetchone()[0])

        return await self._threads.run(count)

    async def _change(self, statement: str, *values: object) -> int:
        def change() -> int:
            with self._transaction() as connection:
                return connection.execute(statement, values).rowcount

        return await self._threads.run(change)

    # -- the file ------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, patience: float = _BUSY) -> Generator[sqlite3.Connection, None, None]:
        with self._own.lock:
            connection = self._open()
            connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        own = self._own
        if own.connection is None:
            connection = open_file(self._path, _BUSY)
            own.connection, own.reader = connection, connect(self._path, _BUSY)
            own.closer = weakref.finalize(self, close_connections, os.getpid(), connection, own.reader)
            own.files = {path: path.stat() for path in list_files(self._path) if path.exists()}
        return own.connection

    def _owner(self) -> str:
        """Return the name under which this process owns events."""
        own = self._own
        if own.file_lock is None:
            remove_stale_locks(self._path)
            own.file_lock = OwnerLock(self._path)
            own.files[own.file_lock.path] = own.file_lock.path.stat()
        return own.file_lock.owner

    def _check_files(self) -> None:
        """Check that the open file is the one that other processes, and the next one, will open."""
        for path, opened in self._own.files.items():
            try:
                found = path.stat()
            except FileNotFoundError:
                found = None
            emptied = found is not None and path == self._path and found.st_size == 0
            if found is None or emptied or not os.path.samestat(found, opened):
                raise sqlite3.OperationalError(f"{path.name} was deleted, replaced or emptied while it was open")
