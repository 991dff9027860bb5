"""Holds what a client said about its messages against what the gateway has in its books."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smsgate import ResponseError, SendOutcomeUnknownError, SMSGateError, TransportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smsgate import MessageState
    from smsgate.emulator import Gateway, Message

__all__ = ["Claim", "Verdicts", "audit"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What the client said about one message: the state that it returned, or the error that it raised."""

    text: str
    number: str
    said: MessageState | SMSGateError


@dataclass(slots=True)
class Verdicts:
    """How true the client was.

    Attributes:
        accepted: messages that it called accepted.
        failed: messages that it called failed for certain.
        unknown: messages about which it said that it does not know, with their id.
        lost: called accepted, but the books do not have them (or under another id or number).
        untrue: called failed, but they are in the books; or called unknown without the id they are booked under.
        doubled: in the books twice, by their text, or with an id on two devices.
    """

    accepted: int = 0
    failed: int = 0
    unknown: int = 0
    lost: int = 0
    untrue: int = 0
    doubled: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or told wrongly."""
        return not (self.lost or self.untrue or self.doubled)


def audit(gateway: Gateway, claims: Iterable[Claim], beside: Sequence[str] = ()) -> Verdicts:
    """Compare every claim with the books; messages with the ids ``beside`` do not count."""
    rows: dict[str, list[Message]] = defaultdict(list)
    ids: Counter[tuple[str, str]] = Counter()  # with the text: different messages may have one id on different devices
    for row in gateway.messages:
        if row.id in beside:
            continue
        text = row.content["textMessage"]["text"]
        rows[text].append(row)
        ids[row.id.casefold(), text] += 1
    verdicts = Verdicts(doubled=sum(count > 1 for count in ids.values()))
    for claim in claims:
        found = rows.pop(claim.text, [])
        verdicts.doubled += len(found) > 1 and len({row.id for row in found}) > 1
        _judge(verdicts, claim, found[0] if found else None)
    verdicts.untrue += len(rows)  # nobody asked for these
    return verdicts


def _judge(verdicts: Verdicts, claim: Claim, row: Message | None) -> None:
    said = claim.said
    if not isinstance(said, SMSGateError):
        verdicts.accepted += 1
        verdicts.lost += row is None or (row.id, row.numbers) != (said.id, [claim.number])
    elif isinstance(said, SendOutcomeUnknownError) or (isinstance(said, ResponseError) and said.message_id):
        verdicts.unknown += 1
        verdicts.untrue += said.message_id is None or (row is not None and row.id != said.message_id)
    elif isinstance(said, TransportError) and said.sent is not False:
        verdicts.untrue += 1  # whether it left is unknown, and no id is told
    else:
        verdicts.failed += 1
        verdicts.untrue += row is not None
