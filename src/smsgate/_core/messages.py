"""Outgoing messages, and the results of `send_many`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from pydantic import BaseModel

from smsgate._core.ids import new_id
from smsgate._core.limits import flag, whole
from smsgate._core.queries import omit_if_false
from smsgate.errors import InvalidRequestError, SMSGateError
from smsgate_api import operations
from smsgate_api.models import Message, TextMessage

if TYPE_CHECKING:
    from smsgate.runtime.types import Operation
    from smsgate_api.models import MessageState

_EXPIRY_TOLERANCE = timedelta(minutes=5)
"""Clocks differ; a phone does not send an expired message."""

_MOST_HOURS = 100 * 365 * 24


@dataclass(frozen=True, slots=True)
class SendResult:
    """Result of one message of `send_many`: `Sent` or `NotSent`; ``ok`` tells which.

    Type checkers narrow it by ``isinstance(result, Sent)`` and ``result.ok is True``, mypy by ``if result.ok:``, too.

    Attributes:
        message: the message with its id, and with its device if the client chose one.
        state: the gateway's response, None for `NotSent`.
        error: the error, None for `Sent`.
        ok: whether the gateway has accepted the message.
    """

    message: Message
    state: MessageState | None
    error: SMSGateError | None
    ok: bool = field(init=False)

    def unwrap(self) -> MessageState:
        """Return the gateway's response.

        Raises:
            SMSGateError: the message's error, for `NotSent`.
        """
        if self.state is None:
            raise self.error or SMSGateError("the message was not sent")
        return self.state


@dataclass(frozen=True, slots=True)
class Sent(SendResult):
    """A message of `send_many` that the gateway has accepted."""

    state: MessageState
    error: None = None
    ok: Literal[True] = field(default=True, init=False)


@dataclass(frozen=True, slots=True)
class NotSent(SendResult):
    """A message of `send_many` that failed, or whose outcome is unknown: see ``error``."""

    state: None
    error: SMSGateError
    ok: Literal[False] = field(default=False, init=False)

    def unwrap(self) -> NoReturn:
        """Raise the message's error."""
        raise self.error


@dataclass(slots=True, eq=False, repr=False)
class OutgoingMessage:
    """A message to send, in its plain and its encrypted form.

    Attributes:
        message: as the caller sees it, with its id, and with its device once one is chosen.
        body: as the gateway gets it: the same message, or its encrypted form.
        generated: whether the client generated the id, so that no other message has it.
        skip_phone_validation: as in ``send``.
        active_within: hours, 0 for all devices.
        operation: sends the body; from `check` on.
    """

    message: Message
    body: Message
    generated: bool
    skip_phone_validation: bool
    active_within: int
    operation: Operation[MessageState] = field(init=False)

    @classmethod
    def create(cls, message: Message, *, skip_phone_validation: bool, active_within: int) -> OutgoingMessage:
        """Return the outgoing form of a message; one without id gets a new id."""
        generated = message.id is None
        if generated:
            message = message.model_copy(update={"id": new_id()})
        return cls(message, message, generated, skip_phone_validation, active_within)

    @classmethod
    def create_or_reject(
        cls, message: Message, index: int, *, skip_phone_validation: bool, active_within: int
    ) -> OutgoingMessage | NotSent:
        """Return the outgoing form of an item of `send_many`, or its result when it is no message.

        Args:
            message: the item.
            index: its index in the input.
            skip_phone_validation: as in `create`.
            active_within: as in `create`.
        """
        if isinstance(message, Message):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may err
            return cls.create(message, skip_phone_validation=skip_phone_validation, active_within=active_within)
        kind = type(message).__name__
        return NotSent(message, None, InvalidRequestError(f"messages[{index}] is no Message, but of type {kind}"))

    @property
    def id(self) -> str:
        """The id of the message."""
        return self.message.id or ""

    def check(self, now: datetime) -> None:
        """Reject an invalid message before it is encrypted or sent.

        Raises:
            InvalidRequestError: for options of another type or range, and for a new message that has expired.
            pydantic.ValidationError: when the message breaks its rules; copies and constructed models skip them.
        """
        check_active_within(self.active_within)
        flag("skip_phone_validation", self.skip_phone_validation, error=InvalidRequestError)
        self._build_operation()
        expiry = self.message.valid_until
        if self.generated and expiry is not None and expiry < now - _EXPIRY_TOLERANCE:
            raise InvalidRequestError("valid_until is in the past: no phone would send the message")

    def assign(self, device_id: str) -> None:
        """Give the message a device."""
        self.message = self.message.model_copy(update={"device_id": device_id})
        self.set_body(self.body.model_copy(update={"device_id": device_id}))

    def set_body(self, body: Message) -> None:
        """Send this body."""
        if body is not self.body:
            self.body = body
            self._build_operation()

    def _build_operation(self) -> None:
        self.operation = operations.send_message(
            self.body,
            skip_phone_validation=omit_if_false(self.skip_phone_validation),
            device_active_within=self.active_within or None,
        )


def check_messages(messages: object, *, is_iterable: bool) -> None:
    """Reject an input of `send_many` that cannot hold messages.

    Args:
        messages: the input.
        is_iterable: whether the client can iterate over it.

    Raises:
        InvalidRequestError: it is one message, a text, a mapping, or not iterable.
    """
    if not is_iterable or isinstance(messages, (str, bytes, Mapping, BaseModel)):
        kind: str = type(messages).__name__  # pyright: ignore[reportUnknownArgumentType] - it may be anything
        raise InvalidRequestError(f"messages takes an iterable of Message, not a value of type {kind}")


def check_active_within(hours: int) -> None:
    """Check the option ``device_active_within``.

    Raises:
        InvalidRequestError: for anything but a whole number of hours from 0 to a hundred years.
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
    set_fields = {name: value for name, value in fields.items() if value is not None}
    return Message(phone_numbers=numbers, text_message=TextMessage(text=message), **set_fields)
