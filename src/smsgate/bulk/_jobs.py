"""Rows on their way to the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from smsgate.bulk._rows import UNRESOLVED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from smsgate.bulk._rows import Row

_KEPT_FOR = timedelta(days=7)


@dataclass(slots=True, eq=False)
class Job:
    """A row on its way to the gateway.

    Attributes:
        row: position of the row.
        id: id of the message.
        number, text: what is sent.
        device: the phone, None when the gateway chooses.
        needs_device: whether the phone has still to be chosen.
        is_journalled: whether the journal knows that it is being sent, and by which phone.
        is_uncertain: whether an earlier attempt may have arrived.
        needs_lookup: whether the next attempt is a lookup by id.
        tries: failures of this row while others succeeded.
        successes: successes of others when it failed last.
    """

    row: int
    id: str
    number: str
    text: str
    device: str | None
    needs_device: bool
    is_journalled: bool
    is_uncertain: bool
    needs_lookup: bool
    tries: int = 0
    successes: int = 0

    @classmethod
    def of(cls, row: Row, now: datetime) -> Job:
        """Return a row of the journal on its way; one that the gateway may have is resolved by its first attempt.

        The same id to the same phone is accepted once, as long as the gateway keeps the message. After a week, a lookup
        tells: gateways delete messages after a month, and some sooner.

        Args:
            row: from the journal.
            now: aware.
        """
        uncertain = row.state in UNRESOLVED
        is_old = row.updated_at is None or abs(now - row.updated_at) > _KEPT_FOR  # a clock may have been wrong
        return cls(
            row.row,
            row.id,
            row.number,
            row.text,
            row.device_id,
            needs_device=row.device_id is None and not uncertain,
            is_journalled=uncertain,
            is_uncertain=uncertain,
            needs_lookup=uncertain and (row.device_id is None or is_old),
        )


def choose_other_device(devices: Iterable[str], gone: Iterable[str], message_id: str) -> str | None:
    """Return one of an account's phones for a message, not one that is gone; None if there is no other."""
    left = set(devices) - set(gone)
    return max(left, key=lambda id: sha256(f"{message_id}\0{id}".encode()).digest(), default=None)
