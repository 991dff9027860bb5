"""Messages on their way out: a text with its recipients, and the result of sending one of many. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smsgate.errors import InvalidRequestError, SMSGateError
from smsgate.ids import new_id
from smsgate.number_checks import whole
from smsgate.queries import unless_off
from smsgate_api import operations
from smsgate_api.models import Message, TextMessage
from smsgate_api.types import replaced

if TYPE_CHECKING:
    from smsgate_api.models import MessageState
    from smsgate_api.types import Operation

__all__ = ["SendResult", "build_message", "send_operation", "with_id"]

_MOST_HOURS = 100 * 365 * 24


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one message of many: exactly one of ``state`` and ``error`` is there.

    Attributes:
        message: the message with the id under which it was sent.
        state: the gateway's answer.
        error: why there is none.
    """

    message: Message
    state: MessageState | None
    error: SMSGateError | None


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


def with_id(message: Message) -> Message:
    """Return the message with an id: its own, or a new one, by which a repeated attempt is recognised."""
    if not isinstance(message, Message):
        raise InvalidRequestError("this takes a Message")
    return message if message.id is not None else replaced(message, id=new_id())


def send_operation(
    message: Message,
    drawn_id: str | None,
    *,
    skip_phone_validation: bool,
    active_within: int,
    recheck: bool = True,
) -> Operation[MessageState]:
    """Build the operation that sends a message.

    Args:
        message: as it goes out, but for an id that was drawn for it.
        drawn_id: the id of a message that has none itself.
        skip_phone_validation: as in ``send``.
        active_within: hours, 0 for all devices, at most a hundred years.
        recheck: False for a message that was checked and then changed on purpose.

    Raises:
        InvalidRequestError: for what is no such number of hours.
        pydantic.ValidationError: when the message breaks its rules; copies and constructed models skip them.
    """
    whole("device_active_within", active_within, 0, _MOST_HOURS, error=InvalidRequestError)
    operation = operations.send_message(
        message,
        skip_phone_validation=unless_off(skip_phone_validation),
        device_active_within=active_within or None,
        recheck=recheck,
    )
    if drawn_id is not None and operation.content is not None:  # copying the message for it would take longer
        operation.content = b'{"id":"%b",%b' % (drawn_id.encode(), operation.content[1:])
    return operation
