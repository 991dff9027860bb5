"""Messages on their way out: a text with its recipients, and the result of sending one of many. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smsgate.errors import InvalidRequestError, SMSGateError
from smsgate_api.models import Message, TextMessage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smsgate_api.models import MessageState

__all__ = ["SendResult", "build_message"]


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
    given = {name: value for name, value in fields.items() if value is not None}
    if isinstance(message, Message):
        if to is not None or given:
            raise InvalidRequestError("a Message holds its recipients and options itself; keywords go with a text")
        return message
    if not isinstance(message, str):
        raise InvalidRequestError("send takes a Message, or a text with to=")
    if to is None:
        raise InvalidRequestError("to= is missing: the recipients of the text")
    numbers = [to] if isinstance(to, str) else list(to)
    return Message(phone_numbers=numbers, text_message=TextMessage(text=message), **given)
