"""Journal of a campaign: the rows and their states in an SQLite file."""

from __future__ import annotations

import os
import weakref
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from smsgate.bulk._errors import JournalError
from smsgate.bulk._journal_file import connect, identify, is_planned, journal_errors, read_facts, use_write_ahead_log
from smsgate.bulk._rows import OPEN, Change, RejectedRow, Row, RowState, earlier_states
from smsgate.runtime.locks import ForkSafeLock

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from pathlib import Path

_PAGE = 500
_COLUMNS = "row, id, number, text, parts, encoding, kind, state, device, attempts, reason, enqueued_at, updated_at"
_START = """
UPDATE rows SET state = 'sending', device = ?, attempts = attempts + 1, updated_at = ?
WHERE row = ? AND state IN ('planned', 'sending', 'unknown')
"""
_CHANGE = """
UPDATE rows SET state = :state, reason = :reason, device = coalesce(:device, device), updated_at = :at,
    enqueued_at = CASE WHEN :is_enqueued THEN coalesce(enqueued_at, :at) ELSE enqueued_at END
WHERE row = :row AND state IN ({})
"""


class Journal:
    """Journal with a plan. Threads may share it.

    Args:
        path: the file.

    Attributes:
        path: the file.
        facts: what the plan was made of: "id", "order", "digest" and "total".
        close: closes the file.

    Raises:
        JournalError: it is no journal of this version, or holds no plan.
    """

    def __init__(self, path: Path) -> None:
        self.path: Path = path
        self._lock = ForkSafeLock()
        self._connection = connect(path)
        self.close: Callable[[], object] = weakref.finalize(self, _close, os.getpid(), self._connection)
        with journal_errors(path):
            has_plan = is_planned(self._connection)
            if has_plan:
                use_write_ahead_log(self._connection)
        if not has_plan:
            self.close()
            raise JournalError(
                f"the journal {path} holds no plan, as its planning has not ended: nothing was sent; "
                "begin again with the table and this journal"
            )
        self.facts: dict[str, Any] = read_facts(path, self._connection)
        self._identity = identify(path)

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._lock, journal_errors(self.path):
            if identify(self.path) != self._identity:  # SQLite would go on with a file that nobody can find
                raise JournalError(f"the journal {self.path} was removed or replaced while it was used")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have ended it
                    self._connection.execute("ROLLBACK")
                raise
            self._commit()

    def _commit(self) -> None:
        try:
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _select(self, query: str, *values: Any) -> Any:
        with self._lock, journal_errors(self.path):
            return self._connection.execute(query, values).fetchall()

    def write(self, started: Sequence[tuple[int, str | None]], changes: Iterable[Change]) -> set[int]:
        """Write changes, and note rows as being sent, in one transaction.

        Args:
            started: rows that are about to be attempted, each with the id of its phone.
            changes: news about other rows.

        Returns:
            Those of the started rows that must not be attempted, because they have been cancelled meanwhile.
        """
        now = datetime.now(timezone.utc).timestamp()
        with self._transaction() as connection:
            self._apply(connection, changes, now)
            before = connection.total_changes
            connection.executemany(_START, [(device, now, row) for row, device in started])
            if connection.total_changes - before == len(started):
                return set()
            marks = ", ".join("?" * len(started))
            query = f"SELECT row FROM rows WHERE row IN ({marks}) AND state <> 'sending'"  # noqa: S608 - only question marks
            return {row for (row,) in connection.execute(query, [row for row, _ in started])}

    def _apply(self, connection: sqlite3.Connection, changes: Iterable[Change], now: float) -> int:
        changed = 0
        for change in changes:
            states = earlier_states(change.state)
            values = {
                "row": change.row,
                "state": change.state,
                "reason": change.reason,
                "device": change.device_id or None,
                "at": now,
                "is_enqueued": change.is_enqueued or change.state in {*OPEN, "delivered"},
            }
            statement = _CHANGE.format(", ".join(f"'{state}'" for state in states))
            changed += connection.execute(statement, values).rowcount
        return changed

    def change(self, changes: Sequence[Change]) -> int:
        """Write changes, and return how many rows have changed."""
        if not changes:
            return 0
        with self._transaction() as connection:
            return self._apply(connection, changes, datetime.now(timezone.utc).timestamp())

    def read(self, states: Iterable[RowState], after: int, limit: int = _PAGE) -> list[Row]:
        """Return rows in these states, in their order, from the one after a position on."""
        listed = ", ".join(f"'{state}'" for state in states)
        query = f"SELECT {_COLUMNS} FROM rows WHERE row > ? AND state IN ({listed}) ORDER BY row LIMIT ?"  # noqa: S608 - states are constants
        return [_row(found) for found in self._checked(self._select(query, after, limit), after)]

    def _checked(self, page: Any, after: int) -> Any:
        """Return a page of a table, which a damaged file could repeat without end.

        Raises:
            JournalError: it is none.
        """
        if page and (page[-1][0] <= after or any(None in found[:8] for found in page)):
            raise JournalError(f"the journal {self.path} is damaged")
        return page

    def iterate(self, states: Iterable[RowState]) -> Iterator[Row]:
        """Yield rows in these states page by page, so that they may change meanwhile."""
        listed, after = tuple(states), 0
        while page := self.read(listed, after):
            yield from page
            after = page[-1].row

    def find(self, ids: Sequence[str]) -> list[Row]:
        """Return the rows of messages; others are left out."""
        marks = ", ".join("?" * len(ids))
        query = f"SELECT {_COLUMNS} FROM rows WHERE id IN ({marks})"  # noqa: S608 - only question marks
        return [_row(found) for found in self._select(query, *ids)]

    def rejected(self) -> Iterator[RejectedRow]:
        """Yield the rejected rows page by page."""
        after = 0
        query = "SELECT row, number, reason, detail FROM rejected WHERE row > ? ORDER BY row LIMIT ?"
        while page := [RejectedRow(*found) for found in self._checked(self._select(query, after, _PAGE), after)]:
            yield from page
            after = page[-1].row

    def count(self) -> tuple[dict[RowState, int], int, int]:
        """Return the number of rows in each state that occurs, and how many the gateway has got, in rows and parts."""
        counted = self._select(
            "SELECT state, count(*), count(enqueued_at), sum(CASE WHEN enqueued_at IS NULL THEN 0 ELSE parts END) "
            "FROM rows GROUP BY state"
        )
        states = {state: rows for state, rows, _, _ in counted}
        return states, sum(rows for _, _, rows, _ in counted), sum(parts for _, _, _, parts in counted)

    def count_by(self, column: str, table: str = "rows") -> dict[str, int]:
        """Return the number of rows with each value of a column."""
        return dict(self._select(f"SELECT {column}, count(*) FROM {table} GROUP BY {column} ORDER BY {column}"))  # noqa: S608 - names of the schema

    def sum_parts(self) -> int:
        """Return the parts of all valid rows."""
        return int(self._select("SELECT coalesce(sum(parts), 0) FROM rows")[0][0])

    def first_enqueued_at(self) -> float | None:
        """Return when the first row was enqueued, in Unix seconds."""
        found: float | None = self._select("SELECT min(enqueued_at) FROM rows")[0][0]
        return found

    def time_span(self) -> tuple[float | None, float | None]:
        """Return the times of the first enqueued row and of the last change, in Unix seconds."""
        found: tuple[float | None, float | None] = self._select(
            "SELECT min(enqueued_at), max(updated_at) FROM rows WHERE enqueued_at IS NOT NULL"
        )[0]
        return found

    def changes_over_time(self, column: str, first: float, width: float) -> list[tuple[RowState, int, int]]:
        """Return how many enqueued rows have a time in each interval, by state.

        Args:
            column: of the time.
            first: begin of the first interval, in Unix seconds.
            width: of an interval, in seconds.
        """
        query = (
            f"SELECT state, CAST(({column} - ?) / ? AS INTEGER), count(*) FROM rows "  # noqa: S608 - names of the schema
            "WHERE enqueued_at IS NOT NULL GROUP BY 1, 2"
        )
        found: list[tuple[RowState, int, int]] = self._select(query, first, width)
        return found

    def cancel_planned(self, reason: str, id: str | None = None) -> int:
        """Cancel the rows that were never attempted, or only that of one message; return their number."""
        values = {"reason": reason, "at": datetime.now(timezone.utc).timestamp(), "id": id}
        statement = "UPDATE rows SET state = 'cancelled', reason = :reason, updated_at = :at WHERE state = 'planned'"
        with self._transaction() as connection:
            return connection.execute(statement if id is None else f"{statement} AND id = :id", values).rowcount


def _close(process: int, connection: sqlite3.Connection) -> None:
    if os.getpid() == process:  # a forked child must not touch the file of its parent
        connection.close()


def _row(found: Any) -> Row:
    columns: list[Any] = list(found)
    columns[-2:] = map(_time, columns[-2:])
    return Row(*columns)


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
