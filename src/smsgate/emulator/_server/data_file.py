"""SQLite file that keeps the state of a gateway, so that a restart continues."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from smsgate.emulator._state.changes import ChangeKind

APPLICATION_ID = 0x534D5347
VERSION = 1
_SCHEMA = """
    CREATE TABLE documents (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE messages (key INTEGER PRIMARY KEY, place INTEGER NOT NULL, value TEXT NOT NULL);
    CREATE TABLE incoming (key TEXT PRIMARY KEY, place INTEGER NOT NULL, value TEXT NOT NULL);
    CREATE TABLE deliveries (key TEXT PRIMARY KEY, place INTEGER NOT NULL, value TEXT NOT NULL);
"""
_TABLES: dict[ChangeKind, str] = {"message": "messages", "incoming": "incoming", "delivery": "deliveries"}


class DataFileError(ValueError):
    """A file cannot be used; the text is one sentence."""


@dataclass(slots=True)
class Snapshot:
    """What has changed: documents by their names, records by kind and key (None for a removed one).

    ``is_cleared``: whether all records before are void.
    """

    documents: dict[str, str]
    records: dict[tuple[ChangeKind, int | str], str | None] = field(
        default_factory=dict["tuple[ChangeKind, int | str]", "str | None"]
    )
    is_cleared: bool = False


class DataFile:
    """Open data file. Only one process can have it open.

    Args:
        path: the file; a new one is created.

    Raises:
        DataFileError: another process has it open, or it is no file of the emulator or of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # a statement that fails rolls back alone: a transaction begins and ends where it is written here
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise DataFileError(f"Cannot open {path}: {error}.") from None
        try:
            self._prepare()
            self._place = self._last_place()
        except sqlite3.Error as error:
            self._connection.close()
            raise _explain(path, error) from None
        except DataFileError:
            self._connection.close()
            raise
        self._identity = _identity(path)
        self._written: dict[str, str] = {}

    def _prepare(self) -> None:
        application, version = self._pragma("application_id"), self._pragma("user_version")
        is_new = not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != APPLICATION_ID and not (is_new and application == 0 and version == 0):
            raise DataFileError(f"{self.path} is no data file of the emulator.")
        if version > VERSION:
            raise DataFileError(f"{self.path} was written by a newer version of smsgate.")
        self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("BEGIN EXCLUSIVE")
        if is_new:
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self._connection.execute(f"PRAGMA user_version={VERSION}")
        self._connection.execute("COMMIT")

    def _pragma(self, name: str) -> int:
        value: int = self._connection.execute(f"PRAGMA {name}").fetchone()[0]
        return value

    def _last_place(self) -> int:
        places = [
            self._connection.execute(f"SELECT max(place) FROM {table}").fetchone()[0]  # noqa: S608 - names of ours
            for table in _TABLES.values()
        ]
        return max(place or 0 for place in places)

    def document(self, name: str) -> str | None:
        """Return a stored document."""
        row = self._connection.execute("SELECT value FROM documents WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def rows(self, kind: ChangeKind) -> Iterator[tuple[int, str]]:
        """Return place and record of all messages, received messages or deliveries in their order."""
        table = _TABLES[kind]
        yield from self._connection.execute(f"SELECT place, value FROM {table} ORDER BY place")  # noqa: S608 - as above

    def write(self, snapshot: Snapshot) -> None:
        """Write what has changed, all of it or nothing.

        Raises:
            DataFileError: it could not be written, or the file was removed or replaced.
        """
        documents = {name: text for name, text in snapshot.documents.items() if self._written.get(name) != text}
        if not (documents or snapshot.records or snapshot.is_cleared):
            return
        if _identity(self.path) != self._identity:
            # SQLite would go on writing into a file that nobody can open any more
            raise DataFileError(f"{self.path} was removed or replaced while the emulator used it.")
        try:
            with self._connection:
                self._connection.execute("BEGIN")
                self._write_changes(snapshot, documents)
        except sqlite3.Error as error:
            raise DataFileError(f"Cannot write {self.path}: {error}.") from error
        self._written.update(documents)

    def _write_changes(self, snapshot: Snapshot, documents: dict[str, str]) -> None:
        if snapshot.is_cleared:
            for table in _TABLES.values():
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - as above
        for (kind, key), text in snapshot.records.items():
            self._write_record(_TABLES[kind], key, text)
        for item in documents.items():
            self._connection.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", item)

    def _write_record(self, table: str, key: int | str, text: str | None) -> None:
        if text is None:
            self._connection.execute(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608 - as above
            return
        self._place += 1
        self._connection.execute(
            f"INSERT INTO {table} VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",  # noqa: S608
            (key, self._place, text),
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _explain(path: Path, error: sqlite3.Error) -> DataFileError:
    text = str(error)
    if "locked" in text:
        return DataFileError(f"{path} is in use by another emulator.")
    if "not a database" in text:
        return DataFileError(f"{path} is no data file of the emulator.")
    if "malformed" in text:
        return DataFileError(f"{path} is damaged: {text}.")
    return DataFileError(f"Cannot use {path}: {text}.")
