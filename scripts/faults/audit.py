"""Audit of a client: the results that it reported, compared with the messages that the gateway stored."""

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
    """Result that the client reported for one message: the returned state or the raised error."""

    text: str
    number: str
    said: MessageState | SMSGateError


@dataclass(slots=True)
class Verdicts:
    """Counts of correct and wrong results.

    Attributes:
        accepted: messages that the client reported as accepted.
        failed: messages that it reported as certainly failed.
        unknown: messages whose outcome it reported as unknown, with their id.
        lost: reported as accepted, but not stored (or stored under another id or number).
        untrue: reported as failed but stored; or reported as unknown without the id under which they are stored.
        doubled: stored twice, by their text, or with one id on two devices.
    """

    accepted: int = 0
    failed: int = 0
    unknown: int = 0
    lost: int = 0
    untrue: int = 0
    doubled: int = 0

    @property
    def clean(self) -> bool:
        """Whether no message was lost, doubled or reported wrongly."""
        return not (self.lost or self.untrue or self.doubled)


def audit(gateway: Gateway, claims: Iterable[Claim], beside: Sequence[str] = ()) -> Verdicts:
    """Compare every claim with the stored messages; those with the ids ``beside`` are ignored."""
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
    verdicts.untrue += len(rows)  # stored although no caller sent them
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
        verdicts.untrue += 1  # it may have been sent, and the error has no id
    else:
        verdicts.failed += 1
        verdicts.untrue += row is not None
