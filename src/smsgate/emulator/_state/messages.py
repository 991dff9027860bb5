"""Stored messages: rows, comparison of ids, and the JSON of one row."""

from __future__ import annotations

import hashlib
import unicodedata
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from smsgate import phone
from smsgate.emulator._http.timestamps import go_text
from smsgate_api.models import ProcessState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

STATES = tuple(state.value for state in ProcessState)
WAITING = ("Pending", "Cancelling")
CANONICAL_STATES = {name.lower(): name for name in STATES}


@dataclass(slots=True)
class Recipient:
    """Recipient of a message and the state for it."""

    phone_number: str
    state: str = "Pending"
    error: str | None = None

    def __repr__(self) -> str:
        return f"Recipient({self.state})"

    def view(self) -> dict[str, Any]:
        """Return the message as it appears in a response."""
        shown: dict[str, Any] = {"phoneNumber": self.phone_number, "state": self.state}
        return shown if self.error is None else {**shown, "error": self.error}


_NOTHING: dict[str, tuple[str, str | None]] = {}  # shared, because few messages need one


@dataclass(slots=True)
class Message:
    """Stored message.

    ``numbers`` are the recipients as sent to the phone; ``recipients`` are those of the API, hashed after a while.
    It has a ``text``, or ``data`` in Base64 and a ``port``. ``parts`` is the number of SMS of a hashed message.
    ``reported`` holds what the phone said last of each encrypted number, which matches none of ``recipients``: state
    and error.
    """

    id: str
    device_id: str
    numbers: list[str]
    created_at: datetime
    recipients: list[Recipient]
    text: str | None = field(default=None, repr=False)
    data: str | None = field(default=None, repr=False)
    port: int | None = None
    state: str = "Pending"
    states: dict[str, datetime] = field(default_factory=dict[str, datetime])
    is_encrypted: bool = False
    is_hashed: bool = False
    priority: int = 0
    sim_number: int | None = None
    with_delivery_report: bool = True
    skip_phone_validation: bool = False
    valid_until: datetime | None = None
    schedule_at: datetime | None = None
    serial: int = 0
    parts: int | None = None
    reported: dict[str, tuple[str, str | None]] = field(init=False, repr=False, default_factory=lambda: _NOTHING)

    @property
    def sent_content(self) -> dict[str, Any]:
        """Content as it was sent: ``{"textMessage": …}`` or ``{"dataMessage": …}``."""
        if self.text is not None:
            return {"textMessage": {"text": self.text}}
        return {"dataMessage": {"data": self.data, "port": self.port}}

    @property
    def content(self) -> dict[str, Any]:
        """Content as the server has it now: as sent or, once hashed, ``{"hashedMessage": …}``."""
        return self.hashed_content if self.is_hashed else self.sent_content

    @property
    def hashed_content(self) -> dict[str, Any]:
        """Content as the server shows it once it is hashed."""
        plain = self.text if self.text is not None else self.data or ""
        return {"hashedMessage": {"hash": hashlib.sha256(plain.encode()).hexdigest()}}

    def __repr__(self) -> str:
        return f"Message(id={self.id!r}, state={self.state!r}, recipients={len(self.numbers)})"

    def view(self, *, with_content: bool, show: Callable[[datetime], str] = go_text) -> dict[str, Any]:
        """Return the row as a MessageState of the cloud server."""
        return {
            "id": self.id,
            "deviceId": self.device_id,
            "state": self.state,
            "isHashed": self.is_hashed,
            "isEncrypted": self.is_encrypted,
            "recipients": [recipient.view() for recipient in self.recipients],
            "states": {name: show(self.states[name]) for name in sorted(self.states)},
            **(self.content if with_content else {}),
        }

    def hash(self) -> None:
        """Hash content and numbers, as the server does some time after a report."""
        if self.is_hashed or self.is_encrypted or self.state in WAITING:
            return
        self.parts = count_parts(self)
        for recipient in self.recipients:
            recipient.phone_number = hashed_number(recipient.phone_number)
        self.is_hashed = True


def count_parts(message: Message) -> int:
    """Return how many SMS a message takes; one for data and for ciphertext."""
    if message.parts is not None:
        return message.parts
    return 1 if message.text is None or message.is_encrypted else phone.count_parts(message.text)


def hashed_number(number: str) -> str:
    """Return the first 16 hex characters of a number's SHA-256."""
    return hashlib.sha256(number.encode()).hexdigest()[:16]


def collation_key(value: str) -> str:
    """Return a text as the server's database compares it: without case, accents and trailing spaces."""
    if value.isascii():
        return value.rstrip(" ").lower()
    decomposed = unicodedata.normalize("NFKD", value.rstrip(" "))
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark)).casefold()


def exact_key(value: str) -> str:
    """Return a text as a phone's own database compares it: exactly."""
    return value


def distinct_numbers(numbers: Iterable[str]) -> list[str]:
    """Return the numbers that differ in the database, in their order."""
    rows: dict[str, str] = {}
    for number in numbers:
        rows.setdefault(collation_key(number), number)
    return list(rows.values())


class MessageStore:
    """Messages in the order of their creation; an id is unique per device.

    Args:
        key: comparison key of ids, `collation_key` or `exact_key`.
    """

    def __init__(self, key: Callable[[str], str]) -> None:
        self._key = key
        self._rows: dict[int, Message] = {}
        self._by_id: dict[str, tuple[Message, ...]] = {}
        self._serial = 0

    def __iter__(self) -> Iterator[Message]:
        return iter(self._rows.values())

    def __contains__(self, message: Message) -> bool:
        return message.serial in self._rows

    def find(self, message_id: str) -> Sequence[Message]:
        """Return all rows with this id, one for each device that has it."""
        return self._by_id.get(self._key(message_id), ())

    def on_device(self, message_id: str, device_id: str) -> Message | None:
        """Return the row with this id on one device."""
        for row in self.find(message_id):
            if row.device_id == device_id:
                return row
        return None

    def add(self, message: Message) -> bool:
        """Store a row; ``False`` when its device already has the id."""
        if self.on_device(message.id, message.device_id):
            return False
        self._serial += 1
        message.serial = self._serial
        self.restore(message)
        return True

    def restore(self, message: Message) -> None:
        """Store a row under the serial number that it has."""
        self._serial = max(self._serial, message.serial)
        self._rows[message.serial] = message
        self._by_id[self._key(message.id)] = (*self.find(message.id), message)

    def remove(self, condition: Callable[[Message], bool]) -> list[Message]:
        """Delete the rows that meet a condition, and return them."""
        removed = [row for row in self if condition(row)]
        for message in removed:
            del self._rows[message.serial]
            rows = tuple(row for row in self.find(message.id) if row is not message)
            if rows:
                self._by_id[self._key(message.id)] = rows
            else:
                del self._by_id[self._key(message.id)]
        return removed

    def clear(self) -> None:
        """Delete all rows; serial numbers continue."""
        self._rows.clear()
        self._by_id.clear()

    def by_serial(self, serial: int) -> Message | None:
        """Return the row with this internal number, if it still exists."""
        return self._rows.get(serial)

    def copy_rows(self) -> list[Message]:
        """Return copies of all rows, oldest first."""
        return deepcopy(list(self))
