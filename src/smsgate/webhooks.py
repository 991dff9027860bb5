"""Events that phones report to your URL: check the signature, get a typed event. No framework needed.

::

    event = webhooks.parse(body, headers, signing_key=key)
    match event:
        case webhooks.SmsReceived(payload=message):
            print(message.remote, message.message)

Pass the body exactly as it came: a body that was parsed and written again has another signature. An event of a newer
app is an `UnknownEvent`, not an error. To narrow by name (``event.event == "sms:received"``) rule out `UnknownEvent`
first: its name is any text.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from pydantic import PrivateAttr

from smsgate._core.encryption_schemes import check_scheme, without_plus
from smsgate._core.signatures import (
    Body,
    Headers,
    SigningKey,
    body_bytes,
    check_age,
    check_device_signature,
    check_signature,
    checked_signing_key,
    known_keys,
    sign,
    signature_headers,
    tolerated_seconds,
)
from smsgate.errors import PayloadError, SignatureError
from smsgate.runtime.reading import parse_object
from smsgate.runtime.types import Model, UnreadableError
from smsgate_api.events import (
    AppStarted,
    AppStartedPayload,
    MmsBatchDownloaded,
    MmsBatchDownloadedPayload,
    MmsBatchReceived,
    MmsBatchReceivedPayload,
    MmsDownloaded,
    MmsDownloadedAttachment,
    MmsDownloadedPayload,
    MmsReceived,
    MmsReceivedPayload,
    SmsBatchDataReceived,
    SmsBatchDataReceivedPayload,
    SmsBatchReceived,
    SmsBatchReceivedPayload,
    SmsCancelled,
    SmsCancelledPayload,
    SmsDataReceived,
    SmsDataReceivedPayload,
    SmsDelivered,
    SmsDeliveredPayload,
    SmsFailed,
    SmsFailedPayload,
    SmsReceived,
    SmsReceivedPayload,
    SmsSent,
    SmsSentPayload,
    SystemPing,
    SystemPingPayload,
)

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "AppStarted",
    "AppStartedPayload",
    "Body",
    "Decryptor",
    "Event",
    "Headers",
    "MmsBatchDownloaded",
    "MmsBatchDownloadedPayload",
    "MmsBatchReceived",
    "MmsBatchReceivedPayload",
    "MmsDownloaded",
    "MmsDownloadedAttachment",
    "MmsDownloadedPayload",
    "MmsReceived",
    "MmsReceivedPayload",
    "SigningKey",
    "SmsBatchDataReceived",
    "SmsBatchDataReceivedPayload",
    "SmsBatchReceived",
    "SmsBatchReceivedPayload",
    "SmsCancelled",
    "SmsCancelledPayload",
    "SmsDataReceived",
    "SmsDataReceivedPayload",
    "SmsDelivered",
    "SmsDeliveredPayload",
    "SmsFailed",
    "SmsFailedPayload",
    "SmsReceived",
    "SmsReceivedPayload",
    "SmsSent",
    "SmsSentPayload",
    "SystemPing",
    "SystemPingPayload",
    "UnknownEvent",
    "checked_decryptor",
    "checked_signing_key",
    "parse",
    "parse_unverified",
    "sign",
    "verify",
]


class Decryptor(Protocol):
    """What decrypts recipients: `smsgate.Encryptor`, or anything with these two methods."""

    def is_encrypted(self, text: str, /) -> bool:
        """Whether a text looks like ciphertext."""
        ...

    def decrypt(self, text: str, /) -> str:
        """Return the plain text; raises where it cannot."""
        ...


class UnknownEvent(Model):
    """An event that this version does not know or cannot read; answer it with 2xx, or the phone repeats it for days."""

    id: str
    """Id of the delivery, the same in every attempt."""
    webhook_id: str
    """The webhook that called for it."""
    event: str
    """Name of the event."""
    device_id: str
    """The phone that reports."""
    payload: dict[str, Any]
    """What happened, as parsed JSON."""

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


Event: TypeAlias = (
    SmsReceived
    | SmsDataReceived
    | SmsSent
    | SmsDelivered
    | SmsFailed
    | SmsCancelled
    | MmsReceived
    | MmsDownloaded
    | SystemPing
    | AppStarted
    | SmsBatchReceived
    | SmsBatchDataReceived
    | MmsBatchReceived
    | MmsBatchDownloaded
    | UnknownEvent
)
"""Whatever a phone reports."""

_TOLERANCE = timedelta(minutes=5)
_MODELS: dict[str, type[Model]] = {
    "app:started": AppStarted,
    "mms:batch:downloaded": MmsBatchDownloaded,
    "mms:batch:received": MmsBatchReceived,
    "mms:downloaded": MmsDownloaded,
    "mms:received": MmsReceived,
    "sms:batch:data-received": SmsBatchDataReceived,
    "sms:batch:received": SmsBatchReceived,
    "sms:cancelled": SmsCancelled,
    "sms:data-received": SmsDataReceived,
    "sms:delivered": SmsDelivered,
    "sms:failed": SmsFailed,
    "sms:received": SmsReceived,
    "sms:sent": SmsSent,
    "system:ping": SystemPing,
}
_IDS = ("id", "webhookId", "deviceId")
_TOO_DEEP = "the body is nested too deeply"


def verify(
    body: Body,
    headers: Headers,
    *,
    signing_key: SigningKey,
    tolerance: timedelta | None = _TOLERANCE,
    now: datetime | float | None = None,
) -> None:
    """Check that a request was signed with a key, lately; returns nothing when it was.

    A signature may be in upper-case hex, though no phone writes it so.

    Args:
        body: the raw body.
        headers: the request's headers, any mapping or pairs.
        signing_key: the key that the app shows; several keys while one is being changed; or keys by device id, as a
            mapping or as a function that returns None for an unknown device. White space around keys does not count.
        tolerance: how far the time stamp may be from now, on either side; None for any distance, which leaves
            old requests good for ever.
        now: an aware time or Unix seconds instead of the clock.

    Raises:
        ConfigurationError: no key, an empty key, a wrong tolerance.
        SignatureError: headers missing or malformed, no key for the device, or a signature that does not fit.
        StaleEventError: the time stamp is too old or too new.
        PayloadError: keys go by device id, the signature is good, but the body is no JSON object.
    """
    _verified(body, headers, signing_key, tolerance, now)


def parse(
    body: Body,
    headers: Headers,
    *,
    signing_key: SigningKey,
    tolerance: timedelta | None = _TOLERANCE,
    now: datetime | float | None = None,
    encryptor: Decryptor | None = None,
) -> Event:
    """Check a request as `verify` does, and return its event.

    Times that cannot be read are None; ids and lists that are left out are empty; unknown fields are kept. What cannot
    be read even so is an `UnknownEvent` with its payload and the reason. Deliveries come at least once and in any
    order: remember ``event.id`` to notice repetitions.

    Args:
        body: see `verify`.
        headers: see `verify`.
        signing_key: see `verify`.
        tolerance: see `verify`.
        now: see `verify`.
        encryptor: decrypts the recipient in reports about encrypted messages; what it cannot decrypt stays as it is.

    Raises:
        ConfigurationError: see `verify`; or the encryptor cannot decrypt.
        SignatureError: see `verify`.
        StaleEventError: see `verify`.
        PayloadError: the signature is good, but the body is no event.
    """
    checked_decryptor(encryptor)
    raw, document = _verified(body, headers, signing_key, tolerance, now)
    return _event(raw, _load(raw) if document is None else document, encryptor)


def parse_unverified(body: Body, *, encryptor: Decryptor | None = None) -> Event:
    """Return the event of a body whose origin is known in another way, such as a queue that you filled yourself.

    Raises:
        ConfigurationError: the encryptor cannot decrypt.
        PayloadError: the body is no event.
    """
    checked_decryptor(encryptor)
    raw = body_bytes(body)
    if raw is None:
        raise PayloadError("the body holds lone surrogates", reason="invalid_json")
    return _event(raw, _load(raw), encryptor)


def checked_decryptor(encryptor: Decryptor | None) -> Decryptor | None:
    """Return what shall decrypt recipients.

    Raises:
        ConfigurationError: when it lacks a method, such as a mere passphrase.
    """
    if encryptor is not None:
        check_scheme(encryptor, "is_encrypted", "decrypt")
    return encryptor


def _verified(
    body: Body, headers: Headers, signing_key: SigningKey, tolerance: timedelta | None, now: datetime | float | None
) -> tuple[bytes, dict[str, Any] | None]:
    """Check a request; returns its body, and the parsed body if keys go by device."""
    tolerated = tolerated_seconds(tolerance)
    keys = known_keys(signing_key)
    raw = body_bytes(body)
    signature, timestamp = signature_headers(headers)
    if raw is None:
        raise SignatureError(
            "the body holds lone surrogates, so it is not what was signed; pass the raw bytes",
            reason="signature_mismatch",
        )
    if isinstance(keys, tuple):
        check_signature(raw, signature, timestamp, keys)  # pyright: ignore[reportUnknownArgumentType]
        check_age(int(timestamp), tolerated, now)
        return raw, None
    check_age(int(timestamp), tolerated, now)  # first: to find the key, the whole body is searched
    device = check_device_signature(raw, signature, timestamp, keys)
    document = _load(raw)
    if document.get("deviceId") != device:
        raise SignatureError(
            "the body is signed with the key of another device than it names", reason="signature_mismatch"
        )
    return raw, document


# --- from a body to an event ------------------------------------------------------------------------------------------


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):  # readers differ on which one counts
        raise ValueError("duplicate name")
    return members


def _no_constant(_name: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _load(raw: bytes) -> dict[str, Any]:
    """Parse a body as one JSON object, strictly: the signature does not mark where the body ends."""
    document: dict[str, Any] | None = None
    try:
        document = _decoder.decode(raw.decode())
    except (ValueError, RecursionError):  # the cause would carry the whole body
        raise PayloadError("the body is no valid JSON", reason="invalid_json") from None
    if not isinstance(document, dict):
        raise PayloadError("the body is no JSON object", reason="invalid_payload")
    return document


def _event(raw: bytes, document: dict[str, Any], encryptor: Decryptor | None) -> Event:
    name = document.get("event")
    if not isinstance(name, str) or not name:
        raise PayloadError("the body names no event", reason="invalid_payload")
    model = _MODELS.get(name)
    ids = {key: "" for key in _IDS if not isinstance(document.get(key), str)}
    if model is None:
        event: Event = _unknown(document, ids)
    else:
        try:
            event = cast("Event", parse_object(model, json.dumps({**document, **ids}).encode() if ids else raw))
        except UnreadableError as failure:
            event = _unknown(document, ids, f"{failure.location or 'the body'} ({failure.reason})")
        except RecursionError:  # writing JSON may give up earlier than reading it, depending on the Python version
            event = _unknown(document, ids, _TOO_DEEP)
    return event if encryptor is None else _decrypted(event, encryptor)


def _unknown(document: dict[str, Any], ids: dict[str, str], reason: str | None = None) -> UnknownEvent:
    """Return an event whose payload has no model, or does not fit it: whatever it is, it is not lost."""
    payload: Any = document.get("payload")
    members: dict[str, Any] = {**document, **ids, "payload": payload if isinstance(payload, dict) else {}}
    try:
        event = parse_object(UnknownEvent, json.dumps(members).encode())
    except (UnreadableError, RecursionError):
        names = {key: members[key] for key in ("event", *_IDS)}
        event = parse_object(UnknownEvent, json.dumps({**names, "payload": {}}).encode())
        reason = reason or _TOO_DEEP
    event._reason = reason  # noqa: SLF001 - the class is this module's  # pyright: ignore[reportPrivateUsage]
    if event.payload != payload:
        event._raw_payload = payload  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return event


def _decrypted(event: Event, encryptor: Decryptor) -> Event:
    """Decrypt the recipient; only reports about sent messages can hold ciphertext."""
    if not isinstance(event, (SmsSent, SmsDelivered, SmsFailed, SmsCancelled)):
        return event
    texts = (event.payload.recipient, event.payload.phone_number)  # usually equal, and decrypting is slow
    plain = {text: _plain(text, encryptor) for text in set(texts) if text}
    changes = {
        name: plain[text] for name, text in zip(("recipient", "phone_number"), texts, strict=True) if text in plain
    }
    return event.model_copy(update={"payload": event.payload.model_copy(update=changes)})


def _plain(text: str, encryptor: Decryptor) -> str:
    ciphertext = without_plus(text)
    try:
        plain = encryptor.decrypt(ciphertext) if encryptor.is_encrypted(ciphertext) else text
    except Exception:  # noqa: BLE001 - another passphrase; a scheme of the user's own may raise anything
        return text
    return plain if isinstance(plain, str) else text
