"""File of a journal: path, schema, connection and the errors of SQLite."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smsgate.bulk._errors import JournalError, JournalFullError, JournalLockedError
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator

_APPLICATION = 0x534D5347  # "SMSG"
_VERSION = 1
_BUSY = 10.0  # seconds to wait for a short transaction of another process
_CACHE = 48 * 1024  # KiB; the index of a million ids fits in, so that planning is linear
_SCHEMA = f"""
CREATE TABLE campaign (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE rows (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL, number TEXT NOT NULL, text TEXT NOT NULL, parts INTEGER NOT NULL,
    encoding TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'planned', device TEXT,
    attempts INTEGER NOT NULL DEFAULT 0, reason TEXT, enqueued_at REAL, updated_at REAL
);
CREATE UNIQUE INDEX rows_id ON rows (id);
CREATE TABLE rejected (row INTEGER PRIMARY KEY, number TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""


def journal_path(journal: str | os.PathLike[str]) -> Path:
    """Return the path of a journal that is given as a path or as a URL such as ``sqlite:///campaign.db``.

    Raises:
        ConfigurationError: it is neither.
    """
    if not isinstance(journal, str | os.PathLike) or not isinstance(os.fspath(journal), str):
        raise ConfigurationError("journal takes the path of a file, or a URL such as sqlite:///campaign.db")
    name = os.fspath(journal).removeprefix("sqlite:///")
    if not name or "://" in name or name == ":memory:":
        raise ConfigurationError("journal takes the path of a file, or a URL such as sqlite:///campaign.db")
    return Path(os.path.realpath(name))  # all names of a file share its lock


@contextmanager
def journal_errors(path: Path) -> Generator[None]:
    """Raise errors of SQLite as errors of campaigns."""
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter for damaged texts
        text = str(error)
        if "full" in text or "disk I/O" in text:
            raise JournalFullError(
                f"the journal {path} cannot be written ({text}): free some disk space, then go on; nothing is lost"
            ) from error
        if "locked" in text:
            raise JournalLockedError(f"another process keeps the journal {path} busy") from error
        raise JournalError(f"the journal {path} cannot be used: {text}") from error


def create_file(path: Path) -> None:
    """Create an empty file that only its owner can read, unless there is one.

    Raises:
        JournalError: it cannot be created.
    """
    with suppress(FileExistsError):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            raise
        except OSError as error:
            raise JournalError(f"the journal {path} cannot be created: {error.strerror}") from error


def connect(path: Path) -> sqlite3.Connection:
    """Connect to a file that exists; without a path's file SQLite would create one.

    Raises:
        JournalError: there is no such file, or it is no journal of this version.
    """
    if not path.is_file():
        raise JournalError(f"there is no journal {path}")
    with journal_errors(path):
        connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            _check(connection, path)
            connection.execute(f"PRAGMA cache_size = -{_CACHE}")
        except BaseException:
            connection.close()
            raise
    return connection


def create_schema(connection: sqlite3.Connection) -> None:
    """Create the tables, within the transaction of the caller."""
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)


def use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Prepare a connection for many small transactions, each on the disk when it ends."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def is_planned(connection: sqlite3.Connection) -> bool:
    """Tell whether a journal holds a plan; planning is one transaction."""
    return bool(connection.execute("PRAGMA application_id").fetchone()[0])


def read_facts(path: Path, connection: sqlite3.Connection) -> dict[str, Any]:
    """Return what the plan of a journal was made of: "id", "order", "digest" and "total".

    Raises:
        JournalError: the file is damaged.
    """
    with journal_errors(path):
        facts: dict[str, Any] = dict(connection.execute("SELECT key, value FROM campaign").fetchall())
    if not facts.keys() >= {"id", "order", "digest", "total"}:
        raise JournalError(f"the journal {path} is damaged")
    return facts


def identify(path: Path) -> tuple[int, int] | None:
    """Return what distinguishes a file from another one of the same name; None for none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _check(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application == _APPLICATION and version != _VERSION:
        raise JournalError(f"the journal {path} was written by another version of smsgate (format {version})")
    if application != _APPLICATION and (tables or version or application):
        raise JournalError(f"{path} is no journal of a campaign, but another program's database")
