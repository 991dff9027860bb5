"""Decisions after a failed send or cancel, so that no message is lost and none is sent twice. Pure.

The gateway knows a message by its id and device: the same pair is stored once. So a message for a chosen device may be
posted again after any failure. A 409 then says that some message has this id there: this one, if the id was generated
for it; otherwise the gateway is asked which one.
Without a chosen device a second post may reach another phone; there the gateway is asked by id first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from smsgate.errors import (
    APIError,
    BadRequestError,
    NotImplementedByServerError,
    ResponseError,
    SendOutcomeUnknownError,
    ServerError,
    ServiceUnavailableError,
    TransportError,
)
from smsgate_api.models import Message, MessageState, ProcessState, RecipientState

if TYPE_CHECKING:
    from smsgate._core.attempts import AttemptResult, CallState
    from smsgate._core.messages import OutgoingMessage
    from smsgate.errors import SMSGateError
    from smsgate.runtime.types import Operation

__all__ = [
    "SendState",
    "Verdict",
    "expected_state",
    "is_gone",
    "is_over",
    "is_passing",
    "judge",
    "proves_arrival",
    "same_message",
]

_CONFLICT = 409
_TIMEOUT = 408
_TOO_MANY = 429
_FAILED = 500
_NO_DEVICE = "failed to select device"
_FAILED_TO_SEND = "failed to handle request"
_RETURNED_BY_THE_SERVER = frozenset({500, 503})
_CATALOG = "/.well-known/api-catalog"
_TAIL = 7
_EXTENSION = re.compile(r"(?:[;,#~x]|ext[^\W\d_]*|int|доб|anexo)[\W_]{0,4}\d{1,20}#?\s*$|[- ]\d{1,6}#\s*$")
_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")


class Verdict(Enum):
    """What an attempt says about the message."""

    ACCEPTED = "accepted"
    """A success."""
    WITHOUT_EFFECT = "without effect"
    """It never left, or was turned away before anything was done: it may simply be repeated."""
    REFUSED = "refused"
    """Another attempt would be refused again; an earlier one may have arrived all the same."""
    TAKEN = "taken"
    """The id is known on the device that answered."""
    UNCLEAR = "unclear"
    """It may have arrived."""


@dataclass(slots=True, eq=False, repr=False)
class SendState:
    """One message and what is known about it after its attempts.

    Attributes:
        outgoing: the message.
        call: its attempts.
        chosen: whether its device was chosen here.
        operation: the next attempt.
        outcome: what came of the last attempt to send.
        doubtful: whether an attempt may have arrived.
        over: whether none of these attempts can still be under way.
        one_phone: whether the account has exactly one phone; None before that was asked.
        gone: devices that were chosen here and are no longer there.
    """

    outgoing: OutgoingMessage
    call: CallState
    chosen: bool
    operation: Operation[MessageState] = field(init=False)
    outcome: AttemptResult = field(init=False)
    doubtful: bool = False
    over: bool = True
    one_phone: bool | None = None
    gone: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.operation = self.outgoing.operation()

    def assign(self, device_id: str) -> None:
        """Give the message a device for its next attempts."""
        self.outgoing.assign(device_id)
        self.operation = self.outgoing.operation()

    def note_unclear(self) -> None:
        """Note that the last attempt may have arrived."""
        self.doubtful, self.over = True, self.over and is_over(self.outcome)

    def failure(self) -> SMSGateError:
        """Return the error of a send of which the gateway knows nothing.

        It is a failure for certain if every attempt is over; otherwise a request whose response was lost may still be
        on its way. With a device that is gone, its messages are gone as well: that the gateway does not know this one
        says nothing.
        """
        error = self.outcome.error
        if error is not None and not (self.doubtful and (is_gone(self.outcome) or not self.over)):
            return error
        return self.unknown(error)

    def unknown(self, cause: SMSGateError | None) -> SendOutcomeUnknownError:
        """Build the error of a send whose outcome nobody can tell."""
        id = self.outgoing.id
        error = SendOutcomeUnknownError(
            f"message {id} may or may not have been accepted: ask for its state before sending it again",
            message_id=id,
            device_id=self.outgoing.message.device_id,
        )
        error.__cause__ = cause
        return error


def judge(outcome: AttemptResult) -> Verdict:
    """Say what an attempt to send or cancel means.

    A full queue (503 with a text of its own) refuses; any other 5xx, a 408 and a missing answer leave it open.
    """
    error = outcome.error
    if error is None:
        return Verdict.ACCEPTED
    if outcome.sent is False:
        return Verdict.WITHOUT_EFFECT
    if outcome.status == _CONFLICT:
        return Verdict.TAKEN
    if outcome.status is None or outcome.status == _TIMEOUT:
        return Verdict.UNCLEAR
    full = isinstance(error, ServiceUnavailableError) and "queue limits exceeded" in error.message
    if isinstance(error, ServerError) and not full and not isinstance(error, NotImplementedByServerError):
        return Verdict.UNCLEAR
    return Verdict.REFUSED


def is_over(outcome: AttemptResult) -> bool:
    """Tell whether the server itself has answered, so that the request cannot arrive any more.

    A proxy may answer in its place, with JSON, too, while the request is still on its way. The server is known by the
    fixed text of its 500 to a send, and since 1.42.1 by a header of all its answers.
    """
    if outcome.sent is False:
        return True
    error, response = outcome.error, outcome.response
    if response is None or not isinstance(error, ServerError) or not isinstance(error.response, dict):
        return False
    if error.status_code == _FAILED and error.message == _FAILED_TO_SEND:
        return True
    return error.status_code in _RETURNED_BY_THE_SERVER and _CATALOG in response.headers.get("link", "")


def is_gone(outcome: AttemptResult) -> bool:
    """Tell whether the gateway does not know the message's device (any more)."""
    return isinstance(outcome.error, BadRequestError) and _NO_DEVICE in outcome.error.message


def is_passing(error: SMSGateError) -> bool:
    """Tell whether a look-up that failed so may succeed later."""
    if isinstance(error, APIError):
        failed = isinstance(error, ServerError) and not isinstance(error, NotImplementedByServerError)
        return failed or error.status_code in {_TIMEOUT, _TOO_MANY}
    return isinstance(error, TransportError | ResponseError)


def same_message(sent: Message, found: MessageState) -> bool:
    """Tell whether what the gateway keeps under an id that the caller has chosen can be the message that was sent.

    Compared is what both sides show: the id letter by letter (the gateway ignores case), text or data (or their hash),
    and that no recipient is a stranger. Numbers may have been rewritten (extensions cut, letters turned into digits),
    so only their last digits count.
    """
    if found.id != sent.id:
        return False
    text = sent.text_message.text if sent.text_message else sent.message
    if found.text_message is not None and found.text_message.text != text:
        return False
    data = sent.data_message
    kept = found.data_message
    if kept is not None and (data is None or (kept.data, kept.port) != (data.data, data.port)):
        return False
    body = text if data is None else data.data
    if found.hashed_message is not None and body is not None and found.hashed_message.hash != _sha256(body):
        return False
    if found.is_hashed:
        return True
    known = set[str]().union(*map(_tails, sent.phone_numbers))
    return all(_tail(recipient.phone_number) in known for recipient in found.recipients)


def proves_arrival(sent: Message) -> bool:
    """Tell whether a 409 can mean nothing else than a used id.

    Servers before 1.47.1 answer 409 to a message with one number in two spellings, too, and store nothing.
    """
    seen: set[str] = set()
    for forms in map(_tails, sent.phone_numbers):
        if not seen.isdisjoint(forms):
            return False
        seen |= forms
    return True


def expected_state(sent: Message) -> MessageState:
    """Return the state that the lost answer to an accepted send would have held."""
    return MessageState(
        id=sent.id or "",
        device_id=sent.device_id or "",
        state=ProcessState.Pending,
        is_hashed=False,
        is_encrypted=bool(sent.is_encrypted),
        recipients=[RecipientState(phone_number=n, state=ProcessState.Pending) for n in sent.phone_numbers],
        text_message=sent.text_message,
        data_message=sent.data_message,
    )


def _sha256(text: str) -> str:
    import hashlib  # noqa: PLC0415 - slow to import, and needed for hashed messages only

    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _tails(number: str) -> set[str]:
    """Return what may be left of a number that was sent: as written, or with its letters read and its extension cut."""
    import unicodedata  # noqa: PLC0415 - slow to import, and needed after a doubtful attempt only

    forms = {number}
    if "$" not in number and any(map(str.isdecimal, number)):
        plain = unicodedata.normalize("NFKC", number)
        plain = "".join(str(int(letter)) if letter.isdecimal() else letter for letter in plain).lower()
        shorter = _EXTENSION.sub("", plain)
        forms |= {plain, shorter, plain.translate(_KEYPAD), shorter.translate(_KEYPAD)}
    return set(map(_tail, forms))


def _tail(number: str) -> str:
    """Return what survives the gateway's rewriting of a number: its last digits, or all of what is no number."""
    digits = re.sub(r"[^0-9]", "", number)
    return digits[-_TAIL:] if digits and "$" not in number else number.lstrip("+")
