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

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from smsgate._core.encryption_schemes import Decryptor
from smsgate._core.signatures import (
    MAX_DEVICES,
    Body,
    Headers,
    Signature,
    check_age,
    check_signature,
    check_tolerance,
    encode_body,
    find_device_ids,
    find_signing_device,
    read_signature,
    sign,
)
from smsgate._core.signing_keys import EncodedKeys, SigningKey, encode_signing_key, normalize_signing_key
from smsgate._core.webhook_events import Event, UnknownEvent, check_decryptor, load_document, read_event
from smsgate.errors import PayloadError, SignatureError
from smsgate_api import events as _events
from smsgate_api.events import *  # noqa: F403 - the generated module lists the classes of all events and payloads

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Body",
    "Decryptor",
    "Event",
    "Headers",
    "SignedRequest",
    "SigningKey",
    "UnknownEvent",
    "check_decryptor",
    "check_tolerance",
    "normalize_signing_key",
    "parse",
    "parse_unverified",
    "sign",
    "verify",
]
__all__ += _events.__all__

_TOLERANCE = timedelta(minutes=5)


class SignedRequest:
    """A request with well-formed signature headers; the steps of `parse`, for keys that are looked up asynchronously.

    Args:
        body: see `verify`.
        headers: see `verify`.
        tolerance: see `verify`.
        now: see `verify`.

    Raises:
        ConfigurationError: a wrong tolerance.
        SignatureError: headers missing or malformed.
    """

    def __init__(
        self,
        body: Body,
        headers: Headers,
        *,
        tolerance: timedelta | None = _TOLERANCE,
        now: datetime | float | None = None,
    ) -> None:
        self._tolerated = check_tolerance(tolerance)
        self._now = now
        raw = encode_body(body)
        self._signature: Signature = read_signature(headers)
        if raw is None:
            raise SignatureError(
                "the body holds lone surrogates, so it is not what was signed; pass the raw bytes",
                reason="signature_mismatch",
            )
        self._body = raw

    def find_device_ids(self) -> list[str]:
        """Return the ids of at most four devices whose keys to look up; the body is not verified yet.

        Raises:
            StaleEventError: the time stamp is too old or too new, so that nothing should be looked up.
        """
        self._check_age()
        return list(islice(find_device_ids(self._body), MAX_DEVICES))

    def verify(self, signing_key: SigningKey | EncodedKeys) -> None:
        """Check signature and age.

        Raises:
            ConfigurationError: see `verify`.
            SignatureError: see `verify`.
            StaleEventError: see `verify`.
            PayloadError: see `verify`.
        """
        device = self._authenticate(signing_key)
        if device is not None:
            self._load(device)

    def parse(self, signing_key: SigningKey | EncodedKeys, *, encryptor: Decryptor | None = None) -> Event:
        """Check signature and age, and return the event.

        Raises:
            ConfigurationError: see `verify`.
            SignatureError: see `verify`.
            StaleEventError: see `verify`.
            PayloadError: the signature is good, but the body is no event.
        """
        device = self._authenticate(signing_key)
        return read_event(self._load(device), encryptor)

    def _authenticate(self, signing_key: SigningKey | EncodedKeys) -> str | None:
        """Check signature and age; return the device whose key signed, or None where keys belong to no device."""
        keys = encode_signing_key(signing_key)
        if isinstance(keys, EncodedKeys):
            check_signature(self._body, self._signature, keys)
            self._check_age()
            return None
        self._check_age()  # first: to find the key, the whole body is searched
        return find_signing_device(self._body, self._signature, keys)

    def _check_age(self) -> None:
        check_age(self._signature.timestamp, self._tolerated, self._now)

    def _load(self, device: str | None) -> dict[str, Any]:
        document = load_document(self._body)
        if device is not None and document.get("deviceId") != device:
            raise SignatureError(
                "the body is signed with the key of another device than it names", reason="signature_mismatch"
            )
        return document


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
            old requests valid for ever.
        now: an aware time or Unix seconds instead of the clock.

    Raises:
        ConfigurationError: no key, an empty key, a wrong tolerance.
        SignatureError: headers missing or malformed, no key for the device, or a signature that does not fit.
        StaleEventError: the time stamp is too old or too new.
        PayloadError: keys go by device id, the signature is good, but the body is no JSON object.
    """
    keys = encode_signing_key(signing_key)
    SignedRequest(body, headers, tolerance=tolerance, now=now).verify(keys)


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

    Times that cannot be read are None; ids and lists that are left out are empty; unknown fields are kept. An event
    that is still unreadable is an `UnknownEvent` with its payload and the reason. Deliveries come at least once and in
    any order: remember ``event.id`` to notice repetitions.

    Args:
        body: see `verify`.
        headers: see `verify`.
        signing_key: see `verify`.
        tolerance: see `verify`.
        now: see `verify`.
        encryptor: decrypts the recipient in reports about encrypted messages; other ciphertexts stay as they are.

    Returns:
        The event, of the class of its name.

    Raises:
        ConfigurationError: see `verify`; or the encryptor cannot decrypt.
        SignatureError: see `verify`.
        StaleEventError: see `verify`.
        PayloadError: the signature is good, but the body is no event.
    """
    check_decryptor(encryptor)
    keys = encode_signing_key(signing_key)
    return SignedRequest(body, headers, tolerance=tolerance, now=now).parse(keys, encryptor=encryptor)


def parse_unverified(body: Body, *, encryptor: Decryptor | None = None) -> Event:
    """Return the event of a body from a trusted source, such as your own queue.

    Args:
        body: the raw body.
        encryptor: see `parse`.

    Returns:
        The event, of the class of its name.

    Raises:
        ConfigurationError: the encryptor cannot decrypt.
        PayloadError: the body is no event.
    """
    check_decryptor(encryptor)
    raw = encode_body(body)
    if raw is None:
        raise PayloadError("the body holds lone surrogates", reason="invalid_json")
    return read_event(load_document(raw), encryptor)
