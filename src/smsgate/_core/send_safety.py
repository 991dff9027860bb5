"""Decisions after a failed send or cancel, so that no message is lost and none is sent twice.

The gateway stores a message once for each pair of id and device. So a send to a chosen device may be retried after any
failure. A 409 then means that the device has a message with this id: the same one if the client generated the id;
otherwise a lookup by id tells.
Without a chosen device a retry may reach another phone, so the lookup comes first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

from smsgate._core.attempts import is_server_failure
from smsgate._core.polling import is_temporary
from smsgate.errors import (
    BadRequestError,
    ResponseError,
    SendOutcomeUnknownError,
    ServerError,
    ServiceUnavailableError,
)
from smsgate_api.models import Message, MessageState, ProcessState, RecipientState

if TYPE_CHECKING:
    from smsgate._core.attempts import CallState, Failed
    from smsgate._core.messages import OutgoingMessage
    from smsgate.errors import SMSGateError
    from smsgate.runtime.types import Operation

_NO_DEVICE = "failed to select device"
_FAILED_TO_SEND = "failed to handle request"
_SERVER_STATUSES = frozenset({HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE})
_CATALOG = "/.well-known/api-catalog"
_TAIL = 7
_EXTENSION = re.compile(r"(?:[;,#~x]|ext[^\W\d_]*|int|доб|anexo)[\W_]{0,4}\d{1,20}#?\s*$|[- ]\d{1,6}#\s*$")
_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")


class Verdict(Enum):
    """Meaning of a failed attempt for its message."""

    WITHOUT_EFFECT = "without effect"
    """The request never left, or was rejected before any effect: a retry is safe."""
    REFUSED = "refused"
    """A retry would be refused as well; an earlier attempt may have arrived."""
    TAKEN = "taken"
    """The device that responded has a message with this id."""
    UNCLEAR = "unclear"
    """The message may have arrived."""


@dataclass(slots=True, eq=False, repr=False)
class SendState:
    """State of a send over its attempts.

    Attributes:
        outgoing: the message.
        call: state of the call.
        chosen: whether the client chose the device.
        failed: result of the last attempt.
        doubtful: whether an attempt may have arrived.
        over: whether no earlier attempt can still arrive.
        one_phone: whether the account has exactly one phone; None before its devices were listed.
        gone: devices that the client chose and the gateway has deleted since.
    """

    outgoing: OutgoingMessage
    call: CallState
    chosen: bool
    failed: Failed = field(init=False)
    doubtful: bool = False
    over: bool = True
    one_phone: bool | None = None
    gone: set[str] = field(default_factory=set[str])

    @property
    def operation(self) -> Operation[MessageState]:
        """The next attempt."""
        return self.outgoing.operation

    def note_unclear(self) -> None:
        """Note that the last attempt may have arrived."""
        self.doubtful, self.over = True, self.over and is_over(self.failed)

    def error(self) -> SMSGateError:
        """Return the error of a send whose message the gateway does not have.

        It is the last failure if no attempt can still arrive. The gateway deletes a device together with its messages,
        so for a deleted device the outcome stays unknown.
        """
        if self.doubtful and (is_gone(self.failed) or not self.over):
            return self.unknown(self.failed.error)
        return self.failed.error

    def unknown(self, cause: SMSGateError) -> SendOutcomeUnknownError:
        """Return the error of a send with an unknown outcome."""
        id = self.outgoing.id
        error = SendOutcomeUnknownError(
            f"message {id} may or may not have been accepted: ask for its state before sending it again",
            message_id=id,
            device_id=self.outgoing.message.device_id,
        )
        error.__cause__ = cause
        return error


def judge(failed: Failed) -> Verdict:
    """Return the verdict on a failed attempt to send or cancel.

    A full queue (503 with a specific text) is a refusal; any other 5xx, a 408 and a missing response leave the
    outcome open.
    """
    error = failed.error
    if failed.sent is False:
        return Verdict.WITHOUT_EFFECT
    if failed.status == HTTPStatus.CONFLICT:
        return Verdict.TAKEN
    if failed.status is None or failed.status == HTTPStatus.REQUEST_TIMEOUT:
        return Verdict.UNCLEAR
    full = isinstance(error, ServiceUnavailableError) and "queue limits exceeded" in error.message
    if is_server_failure(error) and not full:
        return Verdict.UNCLEAR
    return Verdict.REFUSED


def is_over(failed: Failed) -> bool:
    """Tell whether the server itself responded, so that the request can no longer arrive.

    A proxy may respond while the request can still arrive. The server is identified by the fixed text of its 500 to a
    send, and since 1.42.1 by a header of all its responses.
    """
    if failed.sent is False:
        return True
    error, response = failed.error, failed.response
    if response is None or not isinstance(error, ServerError) or not isinstance(error.response, dict):
        return False
    if error.status_code == HTTPStatus.INTERNAL_SERVER_ERROR and error.message == _FAILED_TO_SEND:
        return True
    return error.status_code in _SERVER_STATUSES and _CATALOG in response.headers.get("link", "")


def is_gone(failed: Failed) -> bool:
    """Tell whether the gateway has no such device."""
    return isinstance(failed.error, BadRequestError) and _NO_DEVICE in failed.error.message


def is_passing(error: SMSGateError) -> bool:
    """Tell whether a lookup that failed with this error may succeed later."""
    return is_temporary(error) or isinstance(error, ResponseError)


def same_message(sent: Message, found: MessageState) -> bool:
    """Tell whether the gateway's message with an id that the caller chose can be the one that was sent.

    Compares the id (the gateway ignores case), text or data (or their hash), and the recipients. The gateway rewrites
    numbers (it cuts extensions and turns letters into digits), so only their last digits are compared.
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
    """Tell whether a 409 can only mean a used id.

    Servers before 1.47.1 also respond with 409 to a message with one number in two spellings, and store nothing.
    """
    seen: set[str] = set()
    for forms in map(_tails, sent.phone_numbers):
        if not seen.isdisjoint(forms):
            return False
        seen |= forms
    return True


def expected_state(sent: Message) -> MessageState:
    """Return the state that the lost response to an accepted send would have held."""
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
    """Return the tails of the forms that the gateway may make of a number: letters as digits, the extension cut."""
    import unicodedata  # noqa: PLC0415 - slow to import, and needed for lookups only

    forms = {number}
    if "$" not in number and any(map(str.isdecimal, number)):
        plain = unicodedata.normalize("NFKC", number)
        plain = "".join(str(int(letter)) if letter.isdecimal() else letter for letter in plain).lower()
        shorter = _EXTENSION.sub("", plain)
        forms |= {plain, shorter, plain.translate(_KEYPAD), shorter.translate(_KEYPAD)}
    return set(map(_tail, forms))


def _tail(number: str) -> str:
    """Return the part of a number that the gateway keeps: its last digits, or all of a text without digits."""
    digits = re.sub(r"[^0-9]", "", number)
    return digits[-_TAIL:] if digits and "$" not in number else number.lstrip("+")
