"""Decryption of a field as the app does it: more lenient than `smsgate.Encryptor`, and with the app's error texts."""

from __future__ import annotations

import base64
import binascii
import re

from smsgate._core.ciphers import aes_cbc, derive_key
from smsgate._extras import missing

_ALGORITHM = "aes-256-cbc/pbkdf2-sha1"
_PARTS = 5
_BLOCK = 16
_MOST_ITERATIONS = 10_000_000
"""The app has no limit and would be busy for hours; this one keeps a hostile message from stopping a test."""

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_FOREIGN = re.compile(r"[^A-Za-z0-9+/]")
_BAD_PADDING = "error:1e000065:Cipher functions:OPENSSL_internal:BAD_DECRYPT"
_BAD_BASE64 = "bad base-64"


class FieldError(Exception):
    """A field that the app cannot read; the text is the app's."""


def decrypt(text: str, passphrase: str) -> str:
    """Decrypt one field.

    Raises:
        FieldError: when the app could not.
    """
    parts = text.split("$")
    if len(parts) < _PARTS:
        raise FieldError("Invalid encrypted data format")
    if parts[1] != _ALGORITHM:
        raise FieldError("Unsupported algorithm")
    iterations = _iterations(parts[2])
    if not passphrase:
        raise FieldError("Passphrase is not set")
    salt, body = from_base64(parts[3]), from_base64(parts[4])
    if not salt:
        raise FieldError("the salt parameter must not be empty")
    if len(salt) != _BLOCK:
        raise FieldError(f"Wrong IV length: must be {_BLOCK} bytes long")
    if len(body) % _BLOCK:
        raise FieldError("error:1e00007b:Cipher functions:OPENSSL_internal:WRONG_FINAL_BLOCK_LENGTH")
    try:
        key = derive_key(passphrase.encode(errors="replace"), salt, iterations)
        return _unpad(aes_cbc(key, salt, body, decrypt=True)) if body else ""
    except ImportError:
        raise FieldError(missing("decryption", "encryption")) from None


def from_base64(text: str) -> bytes:
    """Decode Base64 as the app does: foreign characters are skipped, padding is optional.

    Raises:
        FieldError: a character is left over.
    """
    letters = _FOREIGN.sub("", text)
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4))
    except binascii.Error:
        raise FieldError(_BAD_BASE64) from None


def _iterations(parameters: str) -> int:
    values: dict[str, str] = {}
    for parameter in parameters.split(","):
        name, separator, value = parameter.partition("=")
        if not separator:
            raise FieldError("Index 1 out of bounds for length 1")
        values[name] = value
    if "i" not in values:
        raise FieldError("Missing iteration count")
    count = int(values["i"]) if _INTEGER.fullmatch(values["i"]) else 2**31
    if not -(2**31) <= count < 2**31:
        raise FieldError(f'For input string: "{values["i"]}"')
    if count <= 0:
        raise FieldError("invalid iterationCount value")
    if count > _MOST_ITERATIONS:
        raise FieldError(f"{count} iterations; at most {_MOST_ITERATIONS} are tried here")
    return count


def _unpad(padded: bytes) -> str:
    count = padded[-1]
    if 1 <= count <= _BLOCK and padded.endswith(bytes([count]) * count):
        return padded[:-count].decode("utf-8", errors="replace")
    raise FieldError(_BAD_PADDING)
