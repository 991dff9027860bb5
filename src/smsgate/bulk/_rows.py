"""Rows of a campaign, as the journal keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from datetime import datetime

RowState = Literal["planned", "sending", "unknown", "enqueued", "processed", "sent", "delivered", "failed", "cancelled"]
"""State of a row. "planned": not sent yet; "sending": attempted, or about to be; "unknown": the gateway may or may not
have it; "enqueued": the gateway has it; from then on the states of the gateway, "sent" being the phone's."""

STATES: tuple[RowState, ...] = get_args(RowState)
UNRESOLVED: tuple[RowState, ...] = ("sending", "unknown")
"""States of rows that the gateway may or may not have."""
OPEN: tuple[RowState, ...] = ("enqueued", "processed", "sent")
"""States of rows that the gateway has and that may still change."""
FINAL: tuple[RowState, ...] = ("delivered", "failed", "cancelled")

Reason = Literal[
    "no_number", "invalid_number", "duplicate", "opted_out", "landline", "missing_field", "empty_text", "invalid_text"
]
"""Reason for which a row is not sent."""


def earlier_states(state: RowState) -> tuple[RowState, ...]:
    """Return the states that a row may have before this one; news that come late are ignored."""
    if state in OPEN:
        return STATES[: STATES.index(state)]
    if state not in FINAL:
        return UNRESOLVED
    return tuple(other for other in STATES if other not in FINAL)


@dataclass(frozen=True, slots=True)
class Row:
    """A valid row of a campaign.

    Attributes:
        row: its position in the input, from 1 on.
        id: id of its message.
        number: in international form.
        text: with all fields filled in.
        parts: SMS parts of the text.
        encoding: "GSM-7" or "UCS-2".
        kind: kind of the number: "mobile", "landline", "either" or "other".
        state: see `RowState`.
        device_id: the phone that sends it; None before one is chosen, or if the gateway chooses.
        attempts: attempts to enqueue it.
        reason: why it failed, was cancelled or is unknown.
        enqueued_at: when the gateway has accepted it.
        updated_at: time of the last change.
    """

    row: int
    id: str
    number: str
    text: str
    parts: int
    encoding: str
    kind: str
    state: RowState
    device_id: str | None
    attempts: int
    reason: str | None
    enqueued_at: datetime | None
    updated_at: datetime | None

    def __repr__(self) -> str:
        return f"Row(row={self.row}, id={self.id!r}, state={self.state!r}, parts={self.parts})"


class ValidRow(NamedTuple):
    """A row that can be sent.

    Attributes:
        number: in international form.
        text: with all fields filled in.
        kind: kind of the number.
    """

    number: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is not sent.

    Attributes:
        row: its position in the input, from 1 on.
        number: as the input has it, shortened; empty without one.
        reason: "no_number", "invalid_number", "duplicate", "opted_out", "landline", "missing_field", "empty_text" or
            "invalid_text".
        detail: a sentence.
    """

    row: int
    number: str
    reason: Reason
    detail: str

    def __repr__(self) -> str:
        return f"RejectedRow(row={self.row}, reason={self.reason!r})"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a row's state.

    Attributes:
        row: position of the row.
        state: the new state; ignored if the row has got beyond it.
        reason: why.
        device_id: the phone that has the message, if that is known.
        is_enqueued: whether the gateway has the message, which "failed" and "cancelled" do not tell.
    """

    row: int
    state: RowState
    reason: str | None = None
    device_id: str | None = None
    is_enqueued: bool = False


def row_state(value: str) -> RowState:
    """Return the state of a message of the gateway as the state of its row."""
    lower = value.lower()
    if lower in STATES:
        return lower
    return "enqueued"  # Pending, Cancelling, and states of later servers
