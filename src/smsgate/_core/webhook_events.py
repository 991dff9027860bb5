"""Events from the bodies of webhook requests: strict JSON, tolerant models, decryption of recipients."""

from __future__ import annotations

import json
import re
from typing import Any, TypeAlias

from pydantic import PrivateAttr

from smsgate._core.encryption_schemes import Decryptor, check_scheme, decrypt_text, is_ciphertext, without_plus
from smsgate.errors import PayloadError
from smsgate.runtime.reading import parse_document
from smsgate.runtime.types import Model, UnreadableError
from smsgate_api.events import EVENTS, KnownEvent, SmsCancelled, SmsDelivered, SmsFailed, SmsSent


class UnknownEvent(Model):
    """An event with an unknown name or an unreadable payload; respond with 2xx, or the phone retries it for days."""

    id: str
    """Id of the delivery, the same in every attempt."""
    webhook_id: str
    """Id of the webhook."""
    event: str
    """Name of the event."""
    device_id: str
    """Id of the phone."""
    payload: dict[str, Any]
    """The payload as parsed JSON."""

    _reason: str | None = PrivateAttr(default=None)
    _raw_payload: Any = PrivateAttr(default=None)

    @property
    def reason(self) -> str | None:
        """Why an event of a known name cannot be read: a field and what is wrong with it; None for an unknown name."""
        return self._reason

    @property
    def raw_payload(self) -> Any:
        """The payload as parsed JSON, also where it is no object, or nested too deeply for ``payload``."""
        return self.payload if self._raw_payload is None else self._raw_payload


Event: TypeAlias = KnownEvent | UnknownEvent
"""Any event of a phone."""

_IDS = ("id", "webhookId", "deviceId")
_TOO_DEEP = "the body is nested too deeply"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


# --- from bytes to JSON -----------------------------------------------------------------------------------------------


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):  # readers differ on which one counts
        raise ValueError("duplicate name")
    return members


def _reject_constant(_name: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_reject_duplicates, parse_constant=_reject_constant)


def load_document(body: bytes) -> dict[str, Any]:
    """Parse a body as one JSON object, strictly: the signature does not mark where the body ends.

    Raises:
        PayloadError: it is not JSON, or not an object.
    """
    document: Any = None
    try:
        document = _decoder.decode(body.decode())
        if _SURROGATE.search(body):  # a lone one could be kept, but never written again
            document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):  # the cause would carry the whole body
        raise PayloadError("the body is no valid JSON", reason="invalid_json") from None
    if not isinstance(document, dict):
        raise PayloadError("the body is no JSON object", reason="invalid_payload")
    return document  # pyright: ignore[reportUnknownVariableType]


# --- from JSON to an event --------------------------------------------------------------------------------------------


def read_event(document: dict[str, Any], encryptor: Decryptor | None) -> Event:
    """Return the event of a parsed body, with its recipient decrypted.

    Raises:
        PayloadError: the body names no event.
    """
    name = document.get("event")
    if not isinstance(name, str) or not name:
        raise PayloadError("the body names no event", reason="invalid_payload")
    document = {**document, **{key: "" for key in _IDS if not isinstance(document.get(key), str)}}
    model = EVENTS.get(name)
    if model is None:
        return _unknown_event(document, None)
    try:
        event = parse_document(model, document)
    except UnreadableError as failure:
        return _unknown_event(document, f"{failure.location or 'the body'} ({failure.reason})")
    return event if encryptor is None else _decrypt_recipient(event, encryptor)


def _unknown_event(document: dict[str, Any], reason: str | None) -> UnknownEvent:
    """Return an event whose payload has no model or does not match it, so that no event is lost."""
    payload: Any = document.get("payload")
    try:
        event = parse_document(UnknownEvent, {**document, "payload": payload if isinstance(payload, dict) else {}})
    except UnreadableError:
        envelope = {key: document[key] for key in ("event", *_IDS)}
        event = parse_document(UnknownEvent, {**envelope, "payload": {}})
        reason = reason or _TOO_DEEP
    event._reason = reason  # noqa: SLF001 - the class is this module's  # pyright: ignore[reportPrivateUsage]
    if event.payload != payload:
        event._raw_payload = payload  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return event


# --- decryption -------------------------------------------------------------------------------------------------------


def check_decryptor(encryptor: Decryptor | None) -> None:
    """Check a decryptor; None for no decryption.

    Raises:
        ConfigurationError: it lacks a method; a passphrase alone is not enough.
    """
    if encryptor is not None:
        check_scheme(encryptor, "is_encrypted", "decrypt")


def _decrypt_recipient(event: KnownEvent, encryptor: Decryptor) -> KnownEvent:
    """Decrypt the recipient; only reports about sent messages can hold ciphertext."""
    if not isinstance(event, (SmsSent, SmsDelivered, SmsFailed, SmsCancelled)):
        return event
    texts = (event.payload.recipient, event.payload.phone_number)  # usually equal, and decrypting is slow
    plain = {text: _decrypt(text, encryptor) for text in set(texts) if text}
    changes = {
        name: plain[text] for name, text in zip(("recipient", "phone_number"), texts, strict=True) if text in plain
    }
    return event.model_copy(update={"payload": event.payload.model_copy(update=changes)})


def _decrypt(text: str, encryptor: Decryptor) -> str:
    ciphertext = without_plus(text)
    plain = decrypt_text(encryptor, ciphertext) if is_ciphertext(encryptor, ciphertext) else ciphertext
    return text if plain == ciphertext else plain
