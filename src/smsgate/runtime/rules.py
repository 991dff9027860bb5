"""Rules across fields and conveniences, as base classes of generated models.

``spec/smsgate.codegen.toml`` says which schema gets which class. Each class declares the fields that it needs, for type
checkers; the generated model defines them. The limits are the cloud server's, except that a phone's wider ranges
(port 0, SIM numbers above 3) pass. Error texts never quote a value.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from pydantic import ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from smsgate.runtime.contents import MAX_STORED_SIZE, SURELY_STORED, Content, Data, Typed, stored_size
from smsgate.runtime.representation import redact_url
from smsgate.runtime.times import BUILDING
from smsgate.runtime.types import InvalidArgumentError, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from typing_extensions import LiteralString, Self

__all__ = [
    "MAX_TTL",
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
]

_MAX_PORT = 65_535
MAX_TTL = 9_000_000_000
"""Seconds; in nanoseconds, as servers count, more would not fit 64 bits."""
_ID = re.compile(r"[A-Za-z0-9._~-]{1,36}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_FINAL = frozenset({"Delivered", "Failed", "Cancelled"})
_DOTS = frozenset({".", ".."})

T_co = TypeVar("T_co", covariant=True)
D_co = TypeVar("D_co", bound=Data, covariant=True)
M_co = TypeVar("M_co", covariant=True)


def _reject(kind: LiteralString, text: LiteralString) -> NoReturn:
    raise PydanticCustomError(kind, text)


class DataMessageRules(Model):
    """Rules and conversion to bytes of data messages."""

    also_checked: ClassVar[str] = "The port is 0 to 65535."

    if TYPE_CHECKING:
        data: str
        port: int

    @classmethod
    def with_bytes(cls, data: bytes, port: int) -> Self:
        """Return a data message of raw bytes for a port (0 to 65535).

        Raises:
            InvalidArgumentError: the data are no bytes.
            pydantic.ValidationError: the port is none.
        """
        if not isinstance(data, bytes | bytearray | memoryview):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgumentError("with_bytes takes bytes; text becomes bytes with .encode()")
        fields: dict[str, Any] = {"data": base64.b64encode(data).decode("ascii"), "port": port}
        return cls(**fields)

    def as_bytes(self) -> bytes:
        """Return the raw bytes.

        Raises:
            ValueError: the content is no Base64; encrypted content is not.
        """
        try:
            return base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("the content of this data message is no Base64") from None

    @model_validator(mode="after")
    def _check_port(self, info: ValidationInfo) -> Self:
        if info.context is BUILDING and not 0 <= self.port <= _MAX_PORT:
            _reject("port_range", "Port should be 0 to 65535")
        return self


class MmsMessageRules(Model):
    """Rule that an MMS is not empty."""

    also_checked: ClassVar[str] = "It needs a subject, a text or an attachment."

    if TYPE_CHECKING:
        subject: str | None
        text: str | None
        attachments: Any

    @model_validator(mode="after")
    def _check_content(self) -> Self:
        if not (self.subject or self.text or self.attachments):
            _reject("no_content", "An MMS needs a subject, a text or an attachment")
        return self


_REFRESHED = frozenset({"SMS", "MMS"})


class MessageRules(Model):
    """Rules for messages to send, by the cloud server's checks."""

    also_checked: ClassVar[str] = (
        "Exactly one content is given and not empty, with at most 65,535 bytes as JSON. An id has 1 to 36 letters, "
        "digits or ._~- and is no dot segment. Recipients are distinct, without white space around them. deviceId is "
        "not empty. ttl is at most 9000000000; ttl and validUntil exclude each other; scheduleAt is not later than "
        "validUntil."
    )

    if TYPE_CHECKING:
        id: str | None
        phone_numbers: list[str]
        device_id: str | None
        message: str | None
        text_message: Any
        data_message: Any
        mms_message: Any
        is_encrypted: bool
        ttl: int | None
        valid_until: datetime | None
        schedule_at: datetime | None

    none_is_absent: ClassVar[frozenset[str]] = frozenset({"priority", "with_delivery_report", "is_encrypted"})

    @property
    def content(self: Content[D_co, M_co]) -> str | D_co | M_co:
        """The text itself, or the data or MMS content."""
        text = self.text_message.text if self.text_message is not None else self.message
        return text or self.data_message or self.mms_message or ""

    @model_validator(mode="after")
    def _check_message(self) -> Self:
        text, data, mms = self.text_message, self.data_message, self.mms_message
        if (text is not None) + (data is not None) + (mms is not None) + bool(self.message) != 1:
            _reject("one_content", "Give exactly one of text_message, data_message, mms_message and message")
        if self.id is not None and not _is_id(self.id):
            _reject("message_id", "An id should be 1 to 36 letters, digits or ._~- and no dot segment")
        _check_recipients(self.phone_numbers)
        _check_device(self.device_id)
        _check_ttl(self.ttl)
        _check_times(self)
        if data is not None:
            _check_data(data, is_encrypted=self.is_encrypted)
        elif mms is None:
            _check_text(text.text if text is not None else self.message)
        return self


def _is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None and text not in _DOTS


def _check_device(device_id: str | None) -> None:
    if device_id is not None and not device_id.strip():
        _reject("empty_device", "device_id should not be empty; leave it out for any device")


def _check_ttl(ttl: int | None) -> None:
    if ttl is not None and ttl > MAX_TTL:
        _reject("ttl_range", "ttl should be at most 9000000000 seconds")


def _check_recipients(phone_numbers: Sequence[str]) -> None:
    for number in phone_numbers:
        if number != number.strip():
            _reject("recipient", "A recipient should not be blank, nor begin or end with white space")
    if len(phone_numbers) > 1 and len({number.casefold() for number in phone_numbers}) != len(phone_numbers):
        _reject("distinct_recipients", "Recipients should be distinct, also without regard to case")


def _check_times(message: MessageRules) -> None:
    if message.valid_until is None:
        return
    if message.ttl is not None:
        _reject("ttl_or_valid_until", "ttl and valid_until exclude each other")
    if message.schedule_at is not None and message.schedule_at > message.valid_until:
        _reject("schedule_after_end", "schedule_at should not be later than valid_until")


def _check_text(text: str | None) -> None:
    if not text:
        _reject("no_content", "The text should not be empty")
    if len(text) > SURELY_STORED and stored_size(text) > MAX_STORED_SIZE:
        _reject("stored_size", "The text should take at most 65535 bytes as the server stores it")


def _check_data(content: Data, *, is_encrypted: bool) -> None:
    if not is_encrypted and (not content.data or not _BASE64.fullmatch(content.data)):
        _reject("base64", "Data should be bytes in padded standard Base64, not empty")
    if len(content.data) > SURELY_STORED and stored_size(content) > MAX_STORED_SIZE:
        _reject("stored_size", "The data should take at most 65535 bytes as the server stores it")


class PeriodRules(Model):
    """Rules for periods of the inbox."""

    also_checked: ClassVar[str] = (
        "since is not later than until, deviceId is not empty, and messageTypes are SMS and MMS only."
    )

    if TYPE_CHECKING:
        since: datetime
        until: datetime
        device_id: str | None
        message_types: Any

    @model_validator(mode="after")
    def _check_period(self) -> Self:
        if self.since > self.until:
            _reject("period", "since should not be later than until")
        _check_device(self.device_id)
        if any(kind not in _REFRESHED for kind in self.message_types or ()):
            _reject("message_types", "Only SMS and MMS can be asked for")
        return self


class TokenRequestRules(Model):
    """Rules for scopes and TTL of a requested token."""

    also_checked: ClassVar[str] = "Scopes are not empty, without white space around them; ttl is at most 9000000000."

    if TYPE_CHECKING:
        scopes: list[Any]
        ttl: int | None

    @model_validator(mode="after")
    def _check_scopes(self) -> Self:
        if not all(scope and scope == scope.strip() for scope in self.scopes):
            _reject("empty_scope", "Scopes should not be empty, nor begin or end with white space")
        _check_ttl(self.ttl)
        return self


class DeviceRules(Model):
    """Repr of devices: it shows the name, which is how people tell their phones apart."""

    repr_formats: ClassVar[Mapping[str, Callable[[str], str]]] = {"name": str}


class WebhookRules(Model):
    """Rules for webhooks to register."""

    also_checked: ClassVar[str] = (
        "An id has 1 to 36 letters, digits or ._~- and is no dot segment; event and deviceId are not empty."
    )

    if TYPE_CHECKING:
        id: str | None
        device_id: str | None
        event: Any

    repr_formats: ClassVar[Mapping[str, Callable[[str], str]]] = {"url": redact_url}
    is_sent_back: ClassVar[bool] = True

    @model_validator(mode="after")
    def _check_webhook(self, info: ValidationInfo) -> Self:
        if info.context is not BUILDING:
            return self
        if self.id is not None and not _is_id(self.id):
            _reject("webhook_id", "An id should be 1 to 36 letters, digits or ._~- and no dot segment")
        if not self.event.strip():
            _reject("empty_event", "event should not be empty; WebhookEvent names the events")
        _check_device(self.device_id)
        return self


class SettingsRules(Model):
    """Null values in requests: null resets a setting to the phone's default."""

    keeps_null: ClassVar[bool] = True
    is_sent_back: ClassVar[bool] = True


class MessageStateRules(Model):
    """Final states of messages."""

    if TYPE_CHECKING:
        state: Any
        recipients: list[Any]

    @property
    def is_final(self) -> bool:
        """Whether the state is final: the message, or every recipient, is delivered, failed or cancelled.

        The message's own state has precedence, because the gateway never updates recipients without a leading ``+``.
        Without delivery reports a sent message stays Sent, which is not final in this sense.
        """
        if self.state in _FINAL:
            return True
        return bool(self.recipients) and all(recipient.state in _FINAL for recipient in self.recipients)


class IncomingMessageRules(Model):
    """Sender of a received message."""

    if TYPE_CHECKING:
        sender: str

    @property
    def remote(self) -> str:
        """The sender: a number, a name or a short code."""
        return self.sender

    @property
    def message_type(self: Typed[T_co]) -> T_co:
        """Another name of ``type``, for programs written for the official client."""
        return self.type


class ReceivedPayloadRules(Model):
    """Sender in reports about received messages."""

    if TYPE_CHECKING:
        sender: str | None
        phone_number: str | None

    @property
    def remote(self) -> str | None:
        """The sender; its field depends on the version of the app."""
        sender = self.sender or self.phone_number
        return None if sender == "unknown" else sender  # what the app writes for an MMS it read too early


class SentPayloadRules(Model):
    """Recipient in reports about sent messages."""

    if TYPE_CHECKING:
        recipient: str | None
        phone_number: str | None

    @property
    def remote(self) -> str | None:
        """The recipient; its field depends on the version of the app."""
        return self.recipient or self.phone_number
