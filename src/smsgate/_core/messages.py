"""Messages on their way out, and the results of sending many. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from smsgate._core.ids import new_id
from smsgate._core.limits import whole
from smsgate._core.queries import omit_if_false
from smsgate.errors import InvalidRequestError, SMSGateError
from smsgate.runtime.types import replaced
from smsgate_api import operations
from smsgate_api.models import Message, TextMessage

if TYPE_CHECKING:
    from smsgate.runtime.types import Operation
    from smsgate_api.models import MessageState

__all__ = ["NotSent", "OutgoingMessage", "SendResult", "Sent", "build_message", "check_active_within"]

_EXPIRY_TOLERANCE = timedelta(minutes=5)
"""Clocks differ; a phone fails what has expired."""

_MOST_HOURS = 100 * 365 * 24


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one message of many: `Sent` or `NotSent`, told apart by ``ok``.

    Attributes:
        message: the message with the id under which it was sent, and with its device, if one was chosen.
        state: the gateway's response; None when there is none.
        error: why there is none.
        ok: whether the gateway has accepted the message.
    """

    message: Message
    state: MessageState | None
    error: SMSGateError | None
    ok: bool = field(init=False)

    def unwrap(self) -> MessageState:
        """Return the state.

        Raises:
            SMSGateError: the message's error, if it was not sent.
        """
        if self.state is None:
            raise self.error or SMSGateError("the message was not sent")
        return self.state


@dataclass(frozen=True, slots=True)
class Sent(SendResult):
    """A message of many that the gateway has accepted."""

    state: MessageState
    error: None = None
    ok: Literal[True] = field(default=True, init=False)


@dataclass(frozen=True, slots=True)
class NotSent(SendResult):
    """A message of many that failed, or whose outcome is unknown: see ``error``."""

    state: None
    error: SMSGateError
    ok: Literal[False] = field(default=False, init=False)

    def unwrap(self) -> NoReturn:
        """Raise the message's error."""
        raise self.error


@dataclass(slots=True, eq=False, repr=False)
class OutgoingMessage:
    """A message on its way out.

    Attributes:
        message: as the caller sees it, with its id, and with a device once one is chosen.
        wire: as it goes over the wire: the same, or encrypted.
        generated: whether its id was made for it, so that no other message can have it.
        skip_phone_validation: as in ``send``.
        active_within: hours, 0 for all devices.
    """

    message: Message
    wire: Message
    generated: bool
    skip_phone_validation: bool
    active_within: int

    @classmethod
    def of(cls, message: Message, *, skip_phone_validation: bool, active_within: int) -> OutgoingMessage:
        """Give a message its id, unless it has one.

        Raises:
            InvalidRequestError: when it is no message.
        """
        if not isinstance(message, Message):
            raise InvalidRequestError("this takes a Message")
        generated = message.id is None
        if generated:
            message = replaced(message, id=new_id())
        return cls(message, message, generated, skip_phone_validation, active_within)

    @property
    def id(self) -> str:
        """The id of the message."""
        return self.message.id or ""

    def check(self, now: datetime) -> None:
        """Refuse what cannot be sent.

        Raises:
            InvalidRequestError: for what is no number of hours, and for a new message that has expired.
            pydantic.ValidationError: when the message breaks its rules; copies and constructed models skip them.
        """
        check_active_within(self.active_within)
        self.operation(recheck=True)
        expiry = self.message.valid_until
        if self.generated and expiry is not None and expiry < now - _EXPIRY_TOLERANCE:
            raise InvalidRequestError("valid_until is in the past: no phone would send the message")

    def assign(self, device_id: str) -> None:
        """Give the message a device."""
        self.message = replaced(self.message, device_id=device_id)
        self.wire = replaced(self.wire, device_id=device_id)

    def operation(self, *, recheck: bool = False) -> Operation[MessageState]:
        """Build the operation that sends the message as it goes over the wire; see `check` for ``recheck``."""
        return operations.send_message(
            self.wire,
            skip_phone_validation=omit_if_false(self.skip_phone_validation),
            device_active_within=self.active_within or None,
            recheck=recheck,
        )


def check_active_within(hours: int) -> None:
    """Refuse what is no number of hours.

    Raises:
        InvalidRequestError: for anything but a whole number from 0, at most a hundred years.
    """
    whole("device_active_within", hours, 0, _MOST_HOURS, error=InvalidRequestError)


def build_message(message: Message | str, to: str | Iterable[str] | None, **fields: Any) -> Message:
    """Return the message itself, or build one from a text, its recipients and other fields (None means absent).

    Raises:
        InvalidRequestError: when recipients are missing or given twice, or the message is of another type.
        pydantic.ValidationError: when the parts make no valid message.
    """
    if isinstance(message, Message):
        if to is not None or [*fields.values()].count(None) != len(fields):
            raise InvalidRequestError("a Message holds its recipients and options itself; keywords go with a text")
        return message
    if not isinstance(message, str):
        raise InvalidRequestError("send takes a Message, or a text with to=")
    if to is None:
        raise InvalidRequestError("to= is missing: the recipients of the text")
    if not isinstance(to, Iterable) or isinstance(to, Mapping | bytes | bytearray | memoryview):
        raise InvalidRequestError("to= takes a phone number or a list of such")
    numbers = [to] if isinstance(to, str) else list(to)
    given = {name: value for name, value in fields.items() if value is not None}
    return Message(phone_numbers=numbers, text_message=TextMessage(text=message), **given)
