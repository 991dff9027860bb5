"""Planning of a campaign: checks of all rows, and the journal that holds those to send."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from smsgate import new_id
from smsgate.bulk._errors import JournalError, TemplateError
from smsgate.bulk._ids import message_id
from smsgate.bulk._journal_file import (
    connect,
    create_file,
    create_schema,
    is_planned,
    journal_errors,
    read_facts,
)
from smsgate.bulk._numbers import number_parser
from smsgate.bulk._opt_outs import opt_out_check
from smsgate.bulk._rows import RejectedRow, ValidRow
from smsgate.bulk._segments import count_parts
from smsgate.bulk._template import MissingFieldError, Template, is_unicode
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from smsgate.bulk._opt_outs import OptOuts
    from smsgate.bulk._rows import Reason

_SHORTENED = re.compile(r"\d[eE]\+?\d{1,2}$")
_SHORTENED_DETAIL = "a spreadsheet has shortened the number, which lacks digits; format its column as text"
_NUMBER_FIELDS = ("phone", "phone_number", "number", "to")
_MOST_SHOWN = 40  # characters of a rejected number that the journal keeps
_BATCH = 500
_SAMPLE = 1000  # rows without a field of the template after which it counts as misspelt
_INSERT = "INSERT OR IGNORE INTO rows (row, id, number, text, parts, encoding, kind) VALUES (?, ?, ?, ?, ?, ?, ?)"
_REJECT = "INSERT INTO rejected (row, number, reason, detail) VALUES (?, ?, ?, ?)"
_encode = json.JSONEncoder(sort_keys=True, default=str).encode
_DETAILS: dict[Reason, str] = {
    "no_number": "the row has no phone number (a field phone, phone_number, number or to)",
    "invalid_number": "the number cannot exist",
    "duplicate": "an earlier row has the same number",
    "opted_out": "the number is on the opt-out list",
    "landline": "the number is a landline",
    "empty_text": "the text is empty",
    "invalid_text": "the text holds half a character (a lone surrogate)",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What a campaign sends, beside its rows; it never changes.

    Attributes:
        text: the template.
        region: country of national numbers, or None.
        sim_number, ttl, priority, with_delivery_report: fields of the messages; None for the gateway's defaults.
        skip_landlines: whether numbers of landlines are rejected.
    """

    text: str
    region: str | None
    sim_number: int | None = None
    ttl: int | None = None
    priority: int | None = None
    with_delivery_report: bool | None = None
    skip_landlines: bool = False

    def send_options(self) -> dict[str, Any]:
        """Return the arguments of ``send`` for every message: no check of the number, and the fields that are set.

        Planning has checked the number; the gateway's own check would refuse all but mobile ones.
        """
        names = ("sim_number", "ttl", "priority", "with_delivery_report")
        fields = {name: value for name in names if (value := getattr(self, name)) is not None}
        return {"skip_phone_validation": True, **fields}

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Return the order of `to_json`.

        Raises:
            ValueError: for another text.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(text) from error

    def to_json(self) -> str:
        """Return a form that can be compared."""
        return json.dumps(asdict(self), sort_keys=True)


class RowChecker:
    """Checks of rows, one after the other.

    Args:
        order: what is sent.
        opt_outs: numbers that get no message, in any spelling, or a function of the number in international form.

    Attributes:
        order: as given.
        is_opted_out: tells whether a number, in international form, gets no message.

    Raises:
        ConfigurationError: for arguments that could never work.
    """

    def __init__(self, order: Order, opt_outs: OptOuts | None) -> None:
        self.order = order
        self._template = Template.parse(order.text)
        self._parse = number_parser(order.region)
        self.is_opted_out: Callable[[str], bool] = opt_out_check(opt_outs, self._parse)
        self._unseen = set(self._template.fields)
        self._names: dict[str, None] = {}
        self._seen = 0

    def check(self, position: int, row: Mapping[str, object]) -> ValidRow | RejectedRow:
        """Return a row as it is sent, or why it is not sent; duplicates are not recognized here.

        Raises:
            TemplateError: the template has a field that no row has.
        """
        self._seen += 1
        if self._unseen:
            self._note_fields(row)
        number = _find_number(row)
        if number is None:
            return reject(position, "", "no_number")
        if _SHORTENED.search(number):
            return reject(position, number, "invalid_number", _SHORTENED_DETAIL)
        parsed = self._parse(number)
        if parsed is None:
            return reject(position, number, "invalid_number")
        if self.is_opted_out(parsed.e164):
            return reject(position, number, "opted_out")
        if self.order.skip_landlines and parsed.kind == "landline":
            return reject(position, number, "landline")
        try:
            text = self._template.render(row)
        except MissingFieldError as error:
            return reject(position, number, "missing_field", f"the field {error.field!r} is missing or empty")
        if not text.strip():
            return reject(position, number, "empty_text")
        if not is_unicode(text):
            return reject(position, number, "invalid_text")
        return ValidRow(parsed.e164, text, parsed.kind)

    def _note_fields(self, row: Mapping[str, object]) -> None:
        self._unseen.difference_update(row)
        self._names.update(dict.fromkeys(map(str, row)))
        if self._seen == _SAMPLE:
            self.check_fields()

    def check_fields(self) -> None:
        """Check that each field of the template was in some row.

        Raises:
            TemplateError: one was not.
        """
        unknown = [field for field in self._template.fields if field in self._unseen]
        if unknown and self._seen:
            raise TemplateError(
                f"no row has the field {{{unknown[0]}}} of the template; the rows have: {', '.join(self._names)}"
            )


def plan_journal(
    path: Path, rows: Iterable[Mapping[str, object]], checker: RowChecker, campaign_id: str | None
) -> bool:
    """Plan a campaign in a new journal, or check that a journal with a plan is of the same input.

    A plan is written in one transaction, so a process that is killed while it plans leaves no plan.

    Args:
        path: the journal.
        rows: read once, in their order.
        checker: checks them.
        campaign_id: id of the campaign; a new one gets a random id when None.

    Returns:
        Whether the plan is new.

    Raises:
        JournalError: the journal is of another input, or no journal.
        TemplateError: the template has a field that no row has.
    """
    create_file(path)
    connection = connect(path)
    try:
        with journal_errors(path):
            if not is_planned(connection):
                _plan(connection, rows, checker, campaign_id or new_id())
                return True
            _compare(path, connection, rows, checker.order, campaign_id)
            return False
    finally:
        connection.close()


def _plan(
    connection: sqlite3.Connection, rows: Iterable[Mapping[str, object]], checker: RowChecker, campaign_id: str
) -> None:
    connection.execute("PRAGMA journal_mode = DELETE")  # one large transaction is written once, not twice
    connection.execute("BEGIN IMMEDIATE")
    try:
        create_schema(connection)
        digest = Digest()
        writer = _Writer(connection, campaign_id)
        for position, row in enumerate(digest.follow(rows), 1):
            writer.add(position, checker.check(position, row))
        writer.flush()
        checker.check_fields()
        facts = {"id": campaign_id, "order": checker.order.to_json(), "digest": digest.value(), "total": digest.rows}
        connection.executemany("INSERT INTO campaign (key, value) VALUES (?, ?)", facts.items())
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class _Writer:
    """Writes checked rows in batches, which costs half as much as row by row.

    Args:
        connection: within a transaction.
        campaign_id: id of the campaign.
    """

    def __init__(self, connection: sqlite3.Connection, campaign_id: str) -> None:
        self._connection = connection
        self._campaign_id = campaign_id
        self._rows: list[tuple[Any, ...]] = []

    def add(self, position: int, checked: ValidRow | RejectedRow) -> None:
        """Add a row."""
        if isinstance(checked, RejectedRow):
            self._reject(checked)
            return
        number, text, kind = checked
        parts, encoding = count_parts(text)
        id = message_id(self._campaign_id, number)
        self._rows.append((position, id, number, text, parts, encoding, kind))
        if len(self._rows) == _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are left; one whose id exists is a duplicate."""
        before = self._connection.total_changes
        self._connection.executemany(_INSERT, self._rows)
        if self._connection.total_changes - before < len(self._rows):
            query = "SELECT row FROM rows WHERE row BETWEEN ? AND ?"
            written = {row for (row,) in self._connection.execute(query, (self._rows[0][0], self._rows[-1][0]))}
            for position, _, number, *_ in self._rows:
                if position not in written:
                    self._reject(reject(position, number, "duplicate"))
        self._rows.clear()

    def _reject(self, row: RejectedRow) -> None:
        self._connection.execute(_REJECT, (row.row, row.number, row.reason, row.detail))


def _compare(
    path: Path,
    connection: sqlite3.Connection,
    rows: Iterable[Mapping[str, object]],
    order: Order,
    campaign_id: str | None,
) -> None:
    facts = read_facts(path, connection)
    if campaign_id not in {None, facts["id"]}:
        raise JournalError(f"the journal {path} is of the campaign {facts['id']}: give another journal, or that id")
    if facts["order"] != order.to_json():
        raise JournalError(
            f"the journal {path} is of a campaign with another text, region or option: give another journal, "
            "or the same text to go on with that one"
        )
    digest = Digest()
    for _ in digest.follow(rows):
        pass
    if (digest.value(), digest.rows) != (facts["digest"], facts["total"]):
        raise JournalError(
            f"the journal {path} is of other rows: the input has changed since it was planned. Resume without "
            "the input, or give another journal to start a new campaign"
        )


class Digest:
    """Digest of the content and the order of rows.

    Attributes:
        rows: number of rows so far.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._hash = sha256()

    def follow(self, rows: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
        """Yield the rows.

        Raises:
            ConfigurationError: they are no iterable of mappings.
        """
        if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
            raise ConfigurationError("rows takes an iterable of mappings, such as dicts")
        for row in rows:
            if not isinstance(row, Mapping):
                kind = type(cast("object", row)).__name__
                raise ConfigurationError(f"row {self.rows + 1} is no mapping, but of type {kind}")
            self.rows += 1
            try:
                encoded = _encode({str(name): row[name] for name in row})
            except (TypeError, ValueError, RecursionError) as error:
                raise ConfigurationError(f"row {self.rows} holds more than plain values: {error}") from None
            self._hash.update(encoded.encode())
            yield row

    def value(self) -> str:
        """Return the digest of the rows so far."""
        return self._hash.hexdigest()


def reject(position: int, number: str, reason: Reason, detail: str | None = None) -> RejectedRow:
    """Return a rejected row."""
    shown = number[:_MOST_SHOWN].encode(errors="replace").decode()
    return RejectedRow(position, shown, reason, detail or _DETAILS[reason])


def _find_number(row: Mapping[str, object]) -> str | None:
    for field in _NUMBER_FIELDS:
        if field in row:
            return _text(row[field])
    by_name = {str(name).strip().lower(): name for name in row}
    found = next((by_name[field] for field in _NUMBER_FIELDS if field in by_name), None)
    return None if found is None else _text(row[found])


def _text(value: object) -> str | None:
    if isinstance(value, float):  # spreadsheets keep numbers as such, and pandas an empty cell as NaN
        value = None if math.isnan(value) else int(value) if value.is_integer() else value
    text = "" if value is None else str(value).strip()
    return text or None
