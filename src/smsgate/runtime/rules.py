"""Rules across fields and conveniences, as base classes of the generated models.

The limits are the cloud server's, except
that a phone's wider ranges (port 0, SIM numbers above 3) are let through. Error texts never quote a value.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

from pydantic import ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from smsgate.runtime.representation import shown_url
from smsgate.runtime.times import BUILDING
from smsgate.runtime.types import InvalidArgumentError, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import LiteralString, Self

    from smsgate_api import events, models

__all__ = [
    "LONGEST_TTL",
    "MAX_STORED_SIZE",
    "DataMessageRules",
    "DeviceRules",
    "IncomingMessageRules",
    "MessageRules",
    "MessageStateRules",
    "MmsMessageRules",
    "PeriodRules",
    "ReceivedPayloadRules",
    "SentPayloadRules",
    "SettingsRules",
    "TokenRequestRules",
    "WebhookRules",
    "stored_size",
]

MAX_STORED_SIZE = 65_535
"""Most bytes of a text or data content as the server stores it; beyond that it answers 500."""
_MAX_PORT = 65_535
LONGEST_TTL = 9_000_000_000
"""Seconds; in nanoseconds, as servers count, more would not fit 64 bits."""
_ID = re.compile(r"[A-Za-z0-9._~-]{1,36}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_PLAIN_FIELDS = frozenset({"id", "phone_numbers", "text_message"})
_LONGEST_NUMBER = 128
_FINAL = frozenset({"Delivered", "Failed", "Cancelled"})
_DOTS = frozenset({".", ".."})
_SURELY_STORED = (MAX_STORED_SIZE - 32) // 6
"""Characters that fit whatever they are, at six bytes each; spares short contents the exact count."""


def _refuse(kind: LiteralString, text: LiteralString) -> NoReturn:
    raise PydanticCustomError(kind, text)


def stored_size(content: models.TextMessage | models.DataMessage | str) -> int:
    """Size in bytes of a text (also given as str) or data content as the server stores it, encrypted or not.

    That is compact JSON in UTF-8 in which ``<``, ``>``, ``&``, U+2028 and U+2029 take six bytes each.
    """
    if isinstance(content, str):
        return _json_size(content) + len('{"text":}')
    if isinstance(content, DataMessageRules):
        return _json_size(content.data) + len('{"data":,"port":}') + len(str(content.port))
    return _json_size(content.text) + len('{"text":}')


def _json_size(text: str) -> int:
    plain = len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))
    return plain + 5 * sum(map(text.count, "<>&")) + 3 * sum(map(text.count, "\u2028\u2029"))


class DataMessageRules(Model):
    """Bytes in and out of a data message."""

    @classmethod
    def with_bytes(cls, data: bytes, port: int) -> Self:
        """Make a data message of raw bytes for a port (0 to 65535).

        Raises:
            InvalidArgumentError: the data are no bytes.
            pydantic.ValidationError: the port is none.
        """
        if not isinstance(data, bytes | bytearray | memoryview):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgumentError("with_bytes takes bytes; text becomes bytes with .encode()")
        fields: dict[str, Any] = {"data": base64.b64encode(data).decode("ascii"), "port": port}
        return cls(**fields)

    def as_bytes(self) -> bytes:
        """The raw bytes.

        Raises:
            ValueError: the content is no Base64; encrypted content is not.
        """
        try:
            return base64.b64decode(cast("models.DataMessage", self).data, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("the content of this data message is no Base64") from None

    @model_validator(mode="after")
    def _check_port(self, info: ValidationInfo) -> Self:
        if info.context is BUILDING and not 0 <= cast("models.DataMessage", self).port <= _MAX_PORT:
            _refuse("port_range", "Port should be 0 to 65535")
        return self


class MmsMessageRules(Model):
    """An MMS has something in it."""

    @model_validator(mode="after")
    def _check_content(self) -> Self:
        message = cast("models.MmsMessage", self)
        if not (message.subject or message.text or message.attachments):
            _refuse("no_content", "An MMS needs a subject, a text or an attachment")
        return self


_REFRESHED = frozenset({"SMS", "MMS"})


@cache
def _text_message() -> type[models.TextMessage]:
    from smsgate_api.models import TextMessage  # noqa: PLC0415 - which stands on this module

    return TextMessage


class MessageRules(Model):
    """What the server, or the sense of it, asks of a message to send."""

    none_is_absent: ClassVar[frozenset[str]] = frozenset({"priority", "with_delivery_report", "is_encrypted"})

    def is_plain(self) -> bool:
        """Whether this is a text to one recipient, perhaps with an id, in order, and nothing else; most messages are.

        Validating it once more would take longer than the rest of its way to the HTTP library.
        """
        fields = self.__dict__  # any may be missing: ``model_construct`` checks nothing
        numbers: Any = fields.get("phone_numbers")
        content: Any = fields.get("text_message")
        if not self.__pydantic_fields_set__ <= _PLAIN_FIELDS or self.__pydantic_extra__:
            return False
        if content.__class__ is not _text_message() or content.__pydantic_extra__:
            return False
        id: Any = fields.get("id")
        if numbers.__class__ is not list or len(numbers) != 1 or not (id is None or (type(id) is str and _is_id(id))):
            return False
        number: Any = numbers[0]
        text: Any = content.__dict__.get("text")
        is_recipient = type(number) is str and 0 < len(number) <= _LONGEST_NUMBER and number == number.strip()
        return is_recipient and type(text) is str and 0 < len(text) <= _SURELY_STORED

    @property
    def content(self) -> str | models.DataMessage | models.MmsMessage:
        """The text itself, or the data or MMS content."""
        message = cast("models.Message", self)
        text = message.text_message.text if message.text_message is not None else message.message
        return text or message.data_message or message.mms_message or ""

    @model_validator(mode="after")
    def _check_message(self) -> Self:
        message = cast("models.Message", self)  # once: even this call shows in the cost of a send
        text, data, mms = message.text_message, message.data_message, message.mms_message
        if (text is not None) + (data is not None) + (mms is not None) + bool(message.message) != 1:
            _refuse("one_content", "Give exactly one of text_message, data_message, mms_message and message")
        if message.id is not None and not _is_id(message.id):
            _refuse("message_id", "An id should be 1 to 36 letters, digits or ._~- and no dot segment")
        _check_recipients(message.phone_numbers)
        if message.device_id is not None:
            _check_device(message.device_id)
        if message.ttl is not None:
            _check_ttl(message.ttl)
        if message.valid_until is not None:
            _check_times(message)
        if data is not None:
            _check_data(data, is_encrypted=message.is_encrypted)
        elif mms is None:
            _check_text(text.text if text is not None else message.message)
        return self


def _is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None and text not in _DOTS


def _check_device(device_id: str | None) -> None:
    if device_id is not None and not device_id.strip():
        _refuse("empty_device", "device_id should not be empty; leave it out for any device")


def _check_ttl(ttl: int | None) -> None:
    if ttl is not None and ttl > LONGEST_TTL:
        _refuse("ttl_range", "ttl should be at most 9000000000 seconds")


def _check_recipients(phone_numbers: list[str]) -> None:
    for number in phone_numbers:
        if number != number.strip():
            _refuse("recipient", "A recipient should not be blank, nor begin or end with white space")
    if len(phone_numbers) > 1 and len({number.casefold() for number in phone_numbers}) != len(phone_numbers):
        _refuse("distinct_recipients", "Recipients should be distinct, also without regard to case")


def _check_times(message: models.Message) -> None:
    if message.ttl is not None:
        _refuse("ttl_or_valid_until", "ttl and valid_until exclude each other")
    if (
        message.schedule_at is not None
        and message.valid_until is not None
        and message.schedule_at > message.valid_until
    ):
        _refuse("schedule_after_end", "schedule_at should not be later than valid_until")


def _check_text(text: str | None) -> None:
    if not text:
        _refuse("no_content", "The text should not be empty")
    if len(text) > _SURELY_STORED and stored_size(text) > MAX_STORED_SIZE:
        _refuse("stored_size", "The text should take at most 65535 bytes as the server stores it")


def _check_data(content: models.DataMessage, *, is_encrypted: bool) -> None:
    if not is_encrypted and (not content.data or not _BASE64.fullmatch(content.data)):
        _refuse("base64", "Data should be bytes in padded standard Base64, not empty")
    if len(content.data) > _SURELY_STORED and stored_size(content) > MAX_STORED_SIZE:
        _refuse("stored_size", "The data should take at most 65535 bytes as the server stores it")


class PeriodRules(Model):
    """A period does not end before it starts."""

    @model_validator(mode="after")
    def _check_period(self) -> Self:
        request = cast("models.InboxRefreshRequest", self)
        if request.since > request.until:
            _refuse("period", "since should not be later than until")
        _check_device(request.device_id)
        if any(kind not in _REFRESHED for kind in getattr(request, "message_types", None) or ()):
            _refuse("message_types", "Only SMS and MMS can be asked for")
        return self


class TokenRequestRules(Model):
    """Every scope that is asked for has a name."""

    @model_validator(mode="after")
    def _check_scopes(self) -> Self:
        request = cast("models.TokenRequest", self)
        if not all(scope and scope == scope.strip() for scope in request.scopes):
            _refuse("empty_scope", "Scopes should not be empty, nor begin or end with white space")
        _check_ttl(request.ttl)
        return self


class DeviceRules(Model):
    """The name of a phone is shown: people tell their phones apart by it."""

    shown_fields: ClassVar[Mapping[str, Callable[[str], str]]] = {"name": str}


class WebhookRules(Model):
    """A webhook to register can be found again, and belongs to one device or to all."""

    shown_fields: ClassVar[Mapping[str, Callable[[str], str]]] = {"url": shown_url}
    is_sent_back: ClassVar[bool] = True

    @model_validator(mode="after")
    def _check_webhook(self, info: ValidationInfo) -> Self:
        if info.context is not BUILDING:
            return self
        webhook = cast("models.Webhook", self)
        if webhook.id is not None and not _is_id(webhook.id):
            _refuse("webhook_id", "An id should be 1 to 36 letters, digits or ._~- and no dot segment")
        if not webhook.event.strip():
            _refuse("empty_event", "event should not be empty; WebhookEvent names the events")
        _check_device(webhook.device_id)
        return self


class SettingsRules(Model):
    """Settings are written with their nulls: null resets a setting to the phone's default."""

    keeps_null: ClassVar[bool] = True
    is_sent_back: ClassVar[bool] = True


class MessageStateRules(Model):
    """A convenience for waiting."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen: the message, or every recipient, is delivered, failed or cancelled.

        The message's own state counts first: recipients without a leading ``+`` lag behind it for ever.
        Without delivery reports a sent message stays Sent, which is not final in this sense.
        """
        state = cast("models.MessageState", self)
        if state.state in _FINAL:
            return True
        return bool(state.recipients) and all(recipient.state in _FINAL for recipient in state.recipients)


class IncomingMessageRules(Model):
    """The other end of a received message."""

    @property
    def remote(self) -> str:
        """Who wrote: a number, a name or a short code."""
        return cast("models.IncomingMessage", self).sender

    @property
    def message_type(self) -> models.IncomingMessageType:
        """Another name of ``type``, for programs written for the official client."""
        return cast("models.IncomingMessage", self).type


class ReceivedPayloadRules(Model):
    """The other end in reports about received messages."""

    @property
    def remote(self) -> str | None:
        """Who wrote, under whichever name the version of the app reports it."""
        payload = cast("events.SmsReceivedPayload", self)
        sender = payload.sender or payload.phone_number
        return None if sender == "unknown" else sender  # what the app writes for an MMS it read too early


class SentPayloadRules(Model):
    """The other end in reports about sent messages."""

    @property
    def remote(self) -> str | None:
        """Who was written to, under whichever name the version of the app reports it."""
        payload = cast("events.SmsSentPayload", self)
        return payload.recipient or payload.phone_number
