"""Signatures of webhook requests: headers, HMAC, age, and the device that signed.

The phone computes HMAC-SHA256 over the raw body directly followed by the text of ``X-Timestamp`` (no separator), keyed
with the UTF-8 bytes of the signing key, and sends it as hex in ``X-Signature``. Every attempt is signed anew, so the
age of a time stamp is the age of that attempt. Public names are re-exported by `smsgate.webhooks`.
"""

from __future__ import annotations

import hmac
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from smsgate._core.limits import seconds
from smsgate._core.signing_keys import KeyLookup, KeysByDevice, encode_keys
from smsgate.errors import ConfigurationError, SignatureError, StaleEventError


class SupportsItems(Protocol):
    """Anything with ``items()``: dicts, and the header objects of the standard library and of web frameworks."""

    def items(self) -> Iterable[tuple[Any, Any]]:
        """Return pairs of name and value, or of name and list of values."""
        ...


Body: TypeAlias = bytes | bytearray | memoryview | str
"""A request's body as it came; text is taken as UTF-8."""
Headers: TypeAlias = SupportsItems | Iterable[tuple[str | bytes, object]]
"""A request's headers: any mapping, or pairs. Names in any case; names and values str or bytes, values also lists."""
MAX_DEVICES = 4
"""Devices whose keys are tried on one body."""

_SIGNATURE_HEADER = "x-signature"
_TIMESTAMP_HEADER = "x-timestamp"
_REASONS = {_SIGNATURE_HEADER: "malformed_signature", _TIMESTAMP_HEADER: "malformed_timestamp"}
_SIGNATURE = re.compile(r"[0-9A-Fa-f]{64}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_LATEST = 1e12  # what time stamps can say
_DEVICE_ID = re.compile(r"[!-~]{1,128}")
_DEVICE_MEMBER = re.compile(rb'"deviceId"[ \t\r\n]{0,64}:[ \t\r\n]{0,64}("(?:[^"\\\x00-\x1f]|\\.){1,768}")')
_MAX_MENTIONS = 1000  # of devices in one body that are looked at


class Signature(NamedTuple):
    """The signature headers of a request."""

    mac: bytes
    timestamp: str


def encode_body(body: Body) -> bytes | None:
    """Return a body as bytes; None for text that no bytes can have been (lone surrogates).

    Raises:
        TypeError: it is neither bytes nor text, for example JSON that some framework has parsed already.
    """
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        try:
            return body.encode()
        except UnicodeEncodeError:  # its text would quote the body
            return None
    if isinstance(body, (bytearray, memoryview)):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may err
        return bytes(body)
    raise TypeError(f"pass the raw body as bytes, not {type(body).__name__}")


# --- headers ----------------------------------------------------------------------------------------------------------


def _decode(value: object) -> str:
    if isinstance(value, str):
        return value
    return value.decode("latin-1") if isinstance(value, (bytes, bytearray)) else ""


def _list_headers(headers: Any) -> list[tuple[object, object]]:
    try:
        return [(name, value) for name, value in (headers.items() if hasattr(headers, "items") else headers)]
    except (TypeError, ValueError):
        raise ConfigurationError("headers takes a mapping, or pairs of names and values") from None


def read_signature(headers: Headers) -> Signature:
    """Return the MAC and the time stamp of a request.

    Raises:
        ConfigurationError: the headers are neither a mapping nor pairs.
        SignatureError: one is missing, malformed, or given twice with different values.
    """
    found: dict[str, str] = {}
    for name, value in _list_headers(headers):
        header = _decode(name).lower()
        if header in _REASONS:
            for item in cast("Iterable[object]", value if isinstance(value, (list, tuple)) else (value,)):
                text = _decode(item).strip(" \t")
                if text and found.setdefault(header, text) != text:
                    raise SignatureError(f"the request has several {header.title()}", reason=_REASONS[header])
    for header in _REASONS:
        if header not in found:
            raise SignatureError(f"the request has no {header.title()}", reason="missing_header")
    signature, timestamp = found[_SIGNATURE_HEADER], found[_TIMESTAMP_HEADER]
    if not _SIGNATURE.fullmatch(signature):
        raise SignatureError("X-Signature is not 64 hex digits", reason=_REASONS[_SIGNATURE_HEADER])
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureError("X-Timestamp is not 1 to 12 digits of Unix seconds", reason=_REASONS[_TIMESTAMP_HEADER])
    return Signature(bytes.fromhex(signature), timestamp)


# --- checking ---------------------------------------------------------------------------------------------------------


def check_signature(body: bytes, signature: Signature, keys: Iterable[bytes]) -> None:
    """Compare in constant time with the signature of each key.

    Raises:
        SignatureError: none of them matches.
    """
    if not _has_signed(body, signature, keys):
        raise _mismatch()


def _mismatch() -> SignatureError:
    return SignatureError(
        "the signature does not fit the body: key of another device, or a body that was changed or re-encoded",
        reason="signature_mismatch",
    )


def _has_signed(body: bytes, signature: Signature, keys: Iterable[bytes]) -> bool:
    matches = False
    for key in keys:  # all of them, whichever matches: the time must not tell which
        mac = hmac.new(key, body, "sha256")
        mac.update(signature.timestamp.encode())
        matches |= hmac.compare_digest(mac.digest(), signature.mac)
    return matches


def find_device_ids(body: bytes) -> Iterator[str]:
    """Yield the device ids in a body, at any depth, without parsing it: the body is not verified yet.

    Text values cannot be mistaken for names, because their quotes are escaped.
    """
    seen: set[bytes] = set()
    for mention in islice(_DEVICE_MEMBER.finditer(body), _MAX_MENTIONS):
        quoted = mention[1]
        if quoted in seen:
            continue
        seen.add(quoted)
        try:
            device: str = json.loads(quoted)
        except ValueError:
            continue
        if _DEVICE_ID.fullmatch(device):  # a lookup need not survive arbitrary text
            yield device


def find_signing_device(body: bytes, signature: Signature, keys: KeysByDevice | KeyLookup) -> str:
    """Return the device that the body names and whose key signed it; at most `MAX_DEVICES` are tried.

    Raises:
        ConfigurationError: one of their keys is empty.
        SignatureError: none of them has a key, or no key matches.
    """
    devices = find_device_ids(body)
    look_up: Callable[[str], object]
    if isinstance(keys, Mapping):
        by_device: KeysByDevice = keys  # pyright: ignore[reportUnknownVariableType]
        devices = (device for device in devices if device in by_device)
        look_up = by_device.get
    else:
        look_up = keys
    has_tried = False
    for device in islice(devices, MAX_DEVICES):
        found = look_up(device)
        encoded = () if found is None else encode_keys(found)
        if _has_signed(body, signature, encoded):
            return device
        has_tried = has_tried or bool(encoded)
    if not has_tried:
        raise SignatureError("no signing key is known for the device that the body names", reason="unknown_device")
    raise _mismatch()


def check_tolerance(tolerance: timedelta | None) -> float | None:
    """Return a tolerance in seconds.

    Raises:
        ConfigurationError: it is no `timedelta`, or negative.
    """
    if tolerance is None:
        return None
    if not isinstance(tolerance, timedelta) or tolerance < timedelta():  # pyright: ignore[reportUnnecessaryIsInstance] # callers may err
        raise ConfigurationError("a tolerance is a timedelta of zero or more, or None for any age")
    return tolerance.total_seconds()


def check_age(timestamp: str, tolerated: float | None, now: datetime | float | None) -> None:
    """Reject a timestamp that is further from now than tolerated, in either direction, in whole seconds.

    Raises:
        ConfigurationError: ``now`` has no zone, or is no number.
        StaleEventError: it is too old or too new.
    """
    if tolerated is None:
        return
    if isinstance(now, datetime):
        if now.utcoffset() is None:
            raise ConfigurationError("now needs a zone")
        now = now.timestamp()
    elif now is not None:
        now = seconds("now", now, most=_LATEST)
    age = math.floor(datetime.now(timezone.utc).timestamp() if now is None else now) - int(timestamp)
    if abs(age) <= tolerated:
        return
    side, reason = ("too old", "timestamp_too_old") if age > 0 else ("too new", "timestamp_too_new")
    raise StaleEventError(
        f"the time stamp is {side}: {abs(age)} seconds from now, {tolerated:g} allowed; a replay, or a clock is wrong",
        reason=reason,
    )


# --- signing ----------------------------------------------------------------------------------------------------------


def sign(body: Body, timestamp: int | str, signing_key: str) -> str:
    """Return the ``X-Signature`` that a phone would send, for tests and emulators.

    Args:
        body: the raw body.
        timestamp: Unix seconds, exactly as ``X-Timestamp`` will say.
        signing_key: the key; white space around it does not count.

    Returns:
        64 lower-case hex digits.

    Raises:
        ConfigurationError: the key is empty.
        ValueError: the body holds lone surrogates.
    """
    raw = encode_body(body)
    if raw is None:
        raise ValueError("the body holds lone surrogates, which cannot be encoded")
    (key,) = encode_keys([signing_key])
    return hmac.digest(key, raw + str(timestamp).encode(), "sha256").hex()
