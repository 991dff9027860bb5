"""Signing keys of phones: one, several, or keys by device id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, cast

from smsgate.errors import ConfigurationError

KeysByDevice: TypeAlias = Mapping[str, str | Iterable[str]]
KeyLookup: TypeAlias = Callable[[str], str | Iterable[str] | None]
SigningKey: TypeAlias = str | Iterable[str] | KeysByDevice | KeyLookup
"""One key, several keys of which any may match, or keys by device id: a mapping or a function."""


class EncodedKeys(tuple[bytes, ...]):
    """Keys as the HMAC takes them; any of them may have signed a request."""

    __slots__ = ()


def encode_keys(keys: object) -> EncodedKeys:
    """Encode one key or several, without white space around them (the app strips it, too).

    Raises:
        ConfigurationError: one is empty, or no text.
    """
    if isinstance(keys, (bytes, bytearray)) or not isinstance(keys, Iterable):
        raise ConfigurationError("a signing key is text, or several texts")
    return EncodedKeys(
        _encode_key(text) for text in cast("Iterable[object]", (keys,) if isinstance(keys, str) else keys)
    )


def _encode_key(text: object) -> bytes:
    if not isinstance(text, str):
        raise ConfigurationError("a signing key is text")
    try:
        key = text.strip().encode()
    except UnicodeEncodeError:  # its text would quote the key
        key = None
    if not key:
        raise ConfigurationError("a signing key is empty" if key is not None else "a signing key is no valid text")
    return key


def encode_signing_key(signing_key: SigningKey | EncodedKeys) -> EncodedKeys | KeysByDevice | KeyLookup:
    """Return the keys that may have signed any request, or the mapping or function that has the keys of a device.

    Raises:
        ConfigurationError: there is no key, or an empty one.
    """
    if isinstance(signing_key, Mapping):
        keys: EncodedKeys | KeysByDevice = cast("KeysByDevice", signing_key)
    elif isinstance(signing_key, EncodedKeys) or callable(signing_key):
        return signing_key
    else:
        keys = encode_keys(signing_key)
    if not keys:
        raise ConfigurationError("no signing key is given")
    return keys


def normalize_signing_key(signing_key: SigningKey) -> SigningKey:
    """Check every key that can be checked now, and return the same keys in a form that can be used any number of times.

    Raises:
        ConfigurationError: there is no key, or an empty one.
    """
    keys: Any = signing_key
    if not isinstance(keys, (str, Mapping)) and isinstance(keys, Iterable) and not callable(keys):  # pyright: ignore[reportUnknownArgumentType]
        keys = tuple(cast("Any", keys))  # an iterator gives its keys once only
    encode_signing_key(keys)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(keys, Mapping):
        by_device = cast("KeysByDevice", keys)
        keys = {device: normalize_signing_key(texts) for device, texts in by_device.items()}
    return cast("SigningKey", keys)
