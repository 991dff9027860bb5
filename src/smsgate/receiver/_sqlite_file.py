"""File of an SQLite store: schema, creation and connections."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_VERSION = 2
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL,
    finished TEXT NOT NULL DEFAULT '', failed INTEGER NOT NULL DEFAULT 0, owner TEXT
);
CREATE INDEX IF NOT EXISTS events_open ON events (owner, due) WHERE NOT failed;
CREATE INDEX IF NOT EXISTS events_failed ON events (failed) WHERE failed;
CREATE TABLE IF NOT EXISTS marks (mark TEXT PRIMARY KEY, seen REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS marks_seen ON marks (seen);
DROP TABLE IF EXISTS owners; -- version 1
PRAGMA user_version = 2;
COMMIT;
"""


def close_connections(process: int, *connections: sqlite3.Connection) -> None:
    """Close connections of this process; those of the parent process must stay as they are."""
    if os.getpid() == process:
        for connection in connections:
            connection.close()


def list_files(path: Path) -> list[Path]:
    """Return the paths of the store and of SQLite's additional files."""
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """Connect to a file, with a busy timeout in seconds."""
    return sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)


def open_file(path: Path, patience: float) -> sqlite3.Connection:
    """Create the file if it is missing, and connect to it; processes that start together wait for each other.

    Raises:
        ConfigurationError: another version of smsgate has written the file.
        sqlite3.OperationalError: other processes kept it busy for too long.
    """
    with suppress(FileExistsError):  # a file that exists must not be closed: that would drop this process's locks on it
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    deadline = time.monotonic() + patience
    while True:
        connection = connect(path, patience)
        try:
            _prepare(connection)
        except sqlite3.OperationalError:  # processes that start together may block each other
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
    connection.execute("PRAGMA synchronous = FULL")  # an event is on disk before the phone gets its response
    connection.execute("PRAGMA secure_delete = ON")  # messages are personal data
    if connection.execute("PRAGMA user_version").fetchone()[0] not in range(_VERSION + 1):
        raise ConfigurationError("the SQLite store was written by another version of smsgate")
    connection.executescript(_SCHEMA)
