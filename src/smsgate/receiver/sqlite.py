"""Events on disk: they survive a crash, and several processes of one machine may share the file."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from smsgate.errors import ConfigurationError
from smsgate.receiver.stores import Unfinished
from smsgate.receiver.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from datetime import timedelta

LEASE = 4.0
"""Seconds after which a process that gives no sign of life is held for dead."""

_LONGEST = 3700.0  # seconds; receivers wait an hour at most, so what is due later was noted by a clock that was wrong
_BUSY = 1.5  # seconds to wait for another process: less than the two in which a phone should get its answer
_SWEEP = 600.0
_VERSION = 1
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL,
    finished TEXT NOT NULL DEFAULT '', failed INTEGER NOT NULL DEFAULT 0, owner TEXT
);
CREATE TABLE IF NOT EXISTS marks (mark TEXT PRIMARY KEY, seen REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS marks_seen ON marks (seen);
CREATE TABLE IF NOT EXISTS owners (owner TEXT PRIMARY KEY, beat INTEGER NOT NULL, seen REAL NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
"""
_DUE = """
SELECT number, events.owner, beat FROM events LEFT JOIN owners USING (owner)
WHERE NOT failed AND (due <= :now OR due > :now + :longest) ORDER BY due, number
"""
_BEAT = """
INSERT INTO owners VALUES (:me, 1, :now) ON CONFLICT (owner) DO UPDATE SET beat = beat + 1, seen = :now
"""
_FORGET = """
DELETE FROM owners WHERE seen < ? AND owner NOT IN (SELECT owner FROM events WHERE owner IS NOT NULL)
"""


class SQLiteStore:
    """Keeps events in an SQLite file until they are handled, and afterwards their marks (digests) only.

    Every event is on disk before the phone gets its answer. Whoever works on an event holds it for its process; a
    process that died is noticed after four seconds, and then its events are handed out again. Signs of life are counted
    and not timed, so a clock that jumps, or a machine that sleeps, makes nobody look dead.

    Args:
        path: the file, made when it is missing, readable for its owner only. A local disk: WAL needs shared memory.
        clock: Unix seconds.

    Raises:
        ConfigurationError: there is no such folder.
    """

    def __init__(self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time) -> None:
        self._path = Path(path).absolute()
        if not self._path.parent.is_dir() or self._path.is_dir():
            raise ConfigurationError("an SQLite store needs a file's path in a folder that exists")
        self._clock = clock
        self._threads = Threads(4)
        self._lock = threading.RLock()
        self._start()

    def _start(self) -> None:
        """Begin as a new owner: in a new process after a fork, nothing of the old one may be used."""
        self._process = os.getpid()
        self._owner = secrets.token_hex(8)
        self._held: set[int] = set()
        self._connection: sqlite3.Connection | None = None
        self._closer: weakref.finalize[..., SQLiteStore] | None = None
        self._beating = False
        self._swept = 0.0
        self._beats: dict[str, tuple[int, float]] = {}  # of other processes: the last one, and when it was seen first

    def __repr__(self) -> str:
        return f"SQLiteStore({self._path.name!r})"

    # -- the protocol --------------------------------------------------------------------------------------------

    async def add(self, body: bytes, marks: tuple[str, ...], *, window: timedelta) -> Unfinished | None:
        """See `EventStore.add`."""
        deadline = time.monotonic() + _BUSY
        seconds = window.total_seconds()
        return next(iter(await self._handed(lambda: self._add(body, marks, seconds, deadline))), None)

    async def claim(self, limit: int) -> list[Unfinished]:
        """See `EventStore.claim`."""
        return await self._handed(lambda: self._claim(limit))

    async def unfinished(self) -> int:
        """See `EventStore.unfinished`."""
        return await self._count("NOT failed")

    async def failed(self) -> int:
        """Count the events that were given up."""
        return await self._count("failed")

    async def revive(self) -> int:
        """Let events that were given up be handled again; returns how many."""
        return await self._change("UPDATE events SET failed = 0, attempts = 0, due = 0, owner = NULL WHERE failed")

    async def discard(self) -> int:
        """Forget events that were given up, except that they were received; returns how many."""
        return await self._change("DELETE FROM events WHERE failed")

    async def note(self, number: int, *, finished: frozenset[str]) -> None:
        """See `EventStore.note`."""
        await self._change("UPDATE events SET finished = ? WHERE number = ?", "\n".join(sorted(finished)), number)

    async def finish(self, number: int) -> None:
        """See `EventStore.finish`."""
        await self._change("DELETE FROM events WHERE number = ?", number)
        self.release(number)

    async def repeat(self, number: int, *, after: float, finished: frozenset[str]) -> None:
        """See `EventStore.repeat`."""
        change = "UPDATE events SET owner = NULL, due = ?, finished = ? WHERE number = ?"
        await self._change(change, self._clock() + after, "\n".join(sorted(finished)), number)
        self.release(number)

    async def give_up(self, number: int) -> None:
        """See `EventStore.give_up`."""
        await self._change("UPDATE events SET owner = NULL, failed = 1 WHERE number = ?", number)
        self.release(number)

    def release(self, number: int) -> None:
        """See `EventStore.release`."""
        self._held.discard(number)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._lock:
            if self._connection and self._process == os.getpid():
                with suppress(sqlite3.Error):
                    self._connection.execute("DELETE FROM owners WHERE owner = ?", (self._owner,))
            if self._closer:
                self._closer()
            self._start()

    async def _handed(self, work: Callable[[], list[Unfinished]]) -> list[Unfinished]:
        """Hand events out in a thread; when nobody waits for the thread any more, they are taken back."""
        lock, taken, left = threading.Lock(), list[Unfinished](), False

        def hand_out() -> list[Unfinished]:
            events = work()
            with lock:
                taken.extend(events)
                nobody = left
            if nobody:
                self._take_back(events)
            return events

        try:
            return await self._threads.run(hand_out)
        except BaseException:  # cancelled: the thread goes on
            with lock:
                left = True
                events = list(taken)
            self._take_back(events)
            raise

    def _take_back(self, events: list[Unfinished]) -> None:
        for event in events:
            self.release(event.number)

    # -- in a thread ---------------------------------------------------------------------------------------------

    def _add(self, body: bytes, marks: tuple[str, ...], window: float, deadline: float) -> list[Unfinished]:
        with self._lock:
            now, left = self._clock(), deadline - time.monotonic()
            if left <= 0:  # others have waited for the file all the time
                raise sqlite3.OperationalError("the SQLite store is busy")
            with self._transaction(left) as connection:
                self._sweep(connection, now, window)
                known = "SELECT 1 FROM marks WHERE mark = ? AND seen >= ?"
                if any(connection.execute(known, (mark, now - window)).fetchone() for mark in marks):
                    return []
                connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?)", [(mark, now) for mark in marks])
                insert = "INSERT INTO events (body, attempts, due, owner) VALUES (?, 1, ?, ?)"
                number = connection.execute(insert, (body, now, self._owner)).lastrowid or 0
                self._beat(connection)
            self._hold([number])
        return [Unfinished(number, body)]

    def _claim(self, limit: int) -> list[Unfinished]:
        with self._lock:
            if not self._free():
                return []  # the usual case, without a write
            with self._transaction() as connection:
                numbers = self._free()[:limit]
                for number in numbers:
                    change = "UPDATE events SET attempts = attempts + 1, owner = ? WHERE number = ?"
                    connection.execute(change, (self._owner, number))
                self._beat(connection)
            self._hold(numbers)
            return [self._hand_out(number) for number in numbers]

    def _free(self) -> list[int]:
        rows = self._open().execute(_DUE, {"now": self._clock(), "longest": _LONGEST})
        return [number for number, owner, beat in rows if number not in self._held and self._is_free(owner, beat)]

    def _is_free(self, owner: str | None, beat: int | None) -> bool:
        """Tell whether an event is in nobody's hands: its owner gave no sign of life while this process watched."""
        if owner is None or beat is None or owner == self._owner:
            return True
        now = time.monotonic()
        last, since = self._beats.get(owner, (None, now))
        self._beats[owner] = (beat, since if beat == last else now)
        return now - self._beats[owner][1] > LEASE

    def _hand_out(self, number: int) -> Unfinished:
        query = "SELECT body, attempts, finished FROM events WHERE number = ?"
        body, attempts, finished = self._open().execute(query, (number,)).fetchone()
        return Unfinished(number, bytes(body), attempts, frozenset(filter(None, finished.split("\n"))))

    async def _count(self, condition: str) -> int:
        def count() -> int:
            with self._lock:
                return int(self._open().execute(f"SELECT count(*) FROM events WHERE {condition}").fetchone()[0])  # noqa: S608 - ours

        return await self._threads.run(count)

    async def _change(self, statement: str, *values: object) -> int:
        def change() -> int:
            with self._transaction() as connection:
                return connection.execute(statement, values).rowcount

        return await self._threads.run(change)

    def _sweep(self, connection: sqlite3.Connection, now: float, window: float) -> None:
        """Now and then forget old marks and dead owners."""
        if now - self._swept > _SWEEP:
            self._swept = now
            connection.execute("DELETE FROM marks WHERE seen < ?", (now - window,))
            connection.execute(_FORGET, (now - 3600,))

    # -- signs of life -------------------------------------------------------------------------------------------

    def _hold(self, numbers: list[int]) -> None:
        self._held.update(numbers)
        if self._held and not self._beating:
            self._beating = True
            threading.Thread(target=_keep_alive, args=(weakref.ref(self),), name="smsgate-store", daemon=True).start()

    def _beat(self, connection: sqlite3.Connection) -> None:
        connection.execute(_BEAT, {"me": self._owner, "now": self._clock()})

    def _still_holds(self) -> bool:
        """Renew this process's sign of life; False when it holds nothing any more."""
        with self._lock:
            if not self._held or self._process != os.getpid():
                self._beating = False
                return False
            with suppress(sqlite3.Error), self._transaction() as connection:  # the next beat may succeed
                self._beat(connection)
            return True

    # -- the file ------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, patience: float = _BUSY) -> Generator[sqlite3.Connection, None, None]:
        with self._lock:
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
        if self._process != os.getpid():
            if self._closer:
                self._closer.detach()  # the file's locks belong to the parent
            self._start()
        if self._connection is None:
            self._connection = _connect(self._path)
            self._closer = weakref.finalize(self, self._connection.close)
        return self._connection


def _keep_alive(reference: weakref.ref[SQLiteStore]) -> None:
    while True:
        time.sleep(LEASE / 4)
        store = reference()
        if store is None or not store._still_holds():  # noqa: SLF001 - the store's own thread  # pyright: ignore[reportPrivateUsage]
            return
        del store


def _connect(path: Path) -> sqlite3.Connection:
    with suppress(FileExistsError):  # a file that exists must not be closed: that would drop this process's locks on it
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    deadline = time.monotonic() + _BUSY
    while True:
        connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection)
        except sqlite3.OperationalError:  # processes that start together may get into each other's way here
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # what is answered for is on disk
    connection.execute("PRAGMA secure_delete = ON")  # texts of people
    if connection.execute("PRAGMA user_version").fetchone()[0] not in {0, _VERSION}:
        raise ConfigurationError("the SQLite store was written by another version of smsgate")
    connection.executescript(_SCHEMA)
