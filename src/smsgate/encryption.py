"""End-to-end encryption of texts and phone numbers with a passphrase shared by the sender and the phone.

An encrypted field reads ``$aes-256-cbc/pbkdf2-sha1$i=<iterations>$<salt>$<ciphertext>``, the last two in Base64. The
key is PBKDF2-HMAC-SHA1 of the passphrase in UTF-8, 32 bytes; the salt, 16 bytes, is also the initialisation vector, so
every field needs its own salt. Released apps (1.5.0 and later) read only this form. The form has no
authentication: a wrong passphrase or a damaged field nearly always fails, but may also decrypt to a wrong text.
"""

from __future__ import annotations

import base64
import importlib
import re
import secrets
import warnings
from abc import ABC, abstractmethod
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

from smsgate._core.ciphers import aes_cbc, derive_key as _derive_key
from smsgate._core.encryption_schemes import SCHEME, without_plus
from smsgate._core.limits import whole
from smsgate._extras import MissingExtraError
from smsgate.errors import (
    CiphertextFormatError,
    ConfigurationError,
    DecryptionError,
    EncryptionError,
    UnsupportedAlgorithmError,
)
from smsgate.runtime.locks import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BaseEncryptor", "Encryptor", "ciphertext_length", "without_plus"]

_WEAK_BELOW = 10_000
_MOST_ITERATIONS = 10_000_000  # seconds of work for one field: no ciphertext from elsewhere may cost more
_ALGORITHM = "aes-256-cbc/pbkdf2-sha1"
_PARAMETERS = re.compile(r"i=([1-9][0-9]{0,8})")
_PARTS = 5
_BLOCK = 16


class BaseEncryptor(ABC):
    """Base class of encryption schemes; a subclass writes ``encrypt`` and ``decrypt``.

    ``passphrase`` and ``iterations`` are attributes for the scheme's own use; one that needs neither may bring its own
    ``__init__`` and not call this one. Failures are best reported as `smsgate.errors.EncryptionError`.
    """

    def __init__(self, passphrase: str = "", *, iterations: int = 75_000) -> None:
        self.passphrase = passphrase
        self.iterations = iterations

    @abstractmethod
    def encrypt(self, text: str, /) -> str:
        """Return the encrypted form of a text, a phone number or Base64 data."""

    @abstractmethod
    def decrypt(self, text: str, /) -> str:
        """Return the plaintext of a ciphertext."""

    def is_encrypted(self, text: str, /) -> bool:
        """Tell whether a received text is a ciphertext of this scheme.

        True for everything that begins with ``$name$``, as all schemes of the app do; override it for other forms.
        """
        return _scheme(text) is not None

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is neither pickled nor copied: it holds a passphrase")


class Encryptor(BaseEncryptor):
    """Encryption scheme of the app; immutable, and safe to share between threads.

    A field costs one key derivation, about 25 ms at 75,000 iterations, which releases the GIL; asynchronous code calls
    it in a worker thread. Derived keys are cached by salt, so a text that was encrypted here decrypts at once.

    Args:
        passphrase: the one entered in the app, not empty, taken as it is (the app itself drops spaces around it).
        iterations: rounds of key derivation when encrypting, at least 1; fewer than 10,000 give a `UserWarning`.
        max_iterations: most rounds a ciphertext may ask for, at most 10,000,000; beyond that no key is derived.
        cache_size: keys in the LRU cache, about 260 bytes each; 0 for no cache. The default is enough for a page of a
            hundred messages to a hundred recipients.

    Raises:
        ConfigurationError: for a passphrase or number outside these bounds, or without ``smsgate[encryption]``.
    """

    def __init__(
        self, passphrase: str, *, iterations: int = 75_000, max_iterations: int = 2_000_000, cache_size: int = 10_240
    ) -> None:
        secret = _utf8(passphrase)
        if not secret:
            raise ConfigurationError("the passphrase must be a str, not empty and without lone surrogates")
        whole("max_iterations", max_iterations, 1, _MOST_ITERATIONS)
        whole("iterations", iterations, 1, max_iterations)
        whole("cache_size", cache_size, 0, 1_000_000)
        _require_cryptography()
        if iterations < _WEAK_BELOW:
            warnings.warn(f"encryption with {iterations} iterations is weak; 75000 are usual", stacklevel=2)
        super().__init__(passphrase, iterations=iterations)
        self.max_iterations = max_iterations
        self._key = _KeyCache(partial(_derive_key, secret), cache_size)

    def encrypt(self, text: str) -> str:
        """Encrypt a text, a phone number, or data as its Base64 text, under a fresh random salt.

        Raises:
            EncryptionError: when it is no str or holds lone surrogates.
        """
        return self._encrypt_with_salt(text, secrets.token_bytes(_BLOCK))

    def decrypt(self, text: str) -> str:
        """Decrypt one field. White space around it or a ``+`` in front makes it invalid.

        Raises:
            UnsupportedAlgorithmError: when it names another algorithm.
            CiphertextFormatError: when it is no ciphertext, or asks for more than ``max_iterations``.
            DecryptionError: when the passphrase is wrong or the ciphertext damaged.
        """
        iterations, salt, body = _parse(text, self.max_iterations)
        return _unpad(aes_cbc(self._key(salt, iterations), salt, body, decrypt=True))

    def is_encrypted(self, text: str) -> bool:
        """Tell whether a text begins like a ciphertext of this scheme. It may still be damaged."""
        return _scheme(text) == _ALGORITHM

    def cost_of_decryption(self, text: str) -> int:
        """Return the iterations that a decryption takes: 0 for a cached key, and for a text that is no ciphertext."""
        try:
            iterations, salt, _ = _parse(text, self.max_iterations)
        except EncryptionError:
            return 0
        return 0 if (salt, iterations) in self._key else iterations

    def _encrypt_with_salt(self, text: str, salt: bytes) -> str:
        padded = _pad(text)
        body = aes_cbc(self._key(salt, self.iterations), salt, padded, decrypt=False)
        return _join(self.iterations, salt, body)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self):  # the cached keys belong to one passphrase
            raise AttributeError(f"{name} of an Encryptor cannot be changed; make another one")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"Encryptor(iterations={self.iterations})"


class _KeyCache:
    """LRU cache of derived keys.

    The lock is free during a derivation: at worst two threads derive the same key.
    """

    def __init__(self, derive: Callable[[bytes, int], bytes], size: int) -> None:
        self._derive = derive
        self.size = size
        self._keys: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self._lock = ForkSafeLock()

    def __contains__(self, salt_and_iterations: tuple[bytes, int]) -> bool:
        return salt_and_iterations in self._keys

    def __call__(self, salt: bytes, iterations: int) -> bytes:
        with self._lock:
            key = self._keys.get((salt, iterations))
            if key is not None:
                self._keys.move_to_end((salt, iterations))
                return key
        key = self._derive(salt, iterations)
        with self._lock:
            self._keys[salt, iterations] = key
            while len(self._keys) > self.size:
                self._keys.popitem(last=False)
        return key


def ciphertext_length(text: str, iterations: int = 75_000) -> int:
    """Return the number of characters that `Encryptor` makes of a text, without encrypting it.

    Servers take encrypted recipients of at most 128 characters: 47 bytes of UTF-8 at 75,000 iterations.

    Raises:
        EncryptionError: as `Encryptor.encrypt`.
    """
    return len(_join(iterations, bytes(_BLOCK), _pad(text)))


def _scheme(text: object) -> str | None:
    found = SCHEME.match(text) if isinstance(text, str) else None
    return found and found[1]


def _parse(text: str, max_iterations: int) -> tuple[int, bytes, bytes]:
    """Return iterations, salt and ciphertext, without deriving a key. No error repeats the text."""
    scheme = _scheme(text)
    if scheme is None:
        raise CiphertextFormatError(f"a ciphertext is a str that begins with ${_ALGORITHM}$")
    if scheme != _ALGORITHM:
        raise UnsupportedAlgorithmError(f"encrypted with another algorithm than {_ALGORITHM}, the only one known")
    parts = text.split("$", _PARTS)
    if len(parts) != _PARTS:
        raise CiphertextFormatError("a ciphertext has exactly four parts, each behind a $")
    parameters = _PARAMETERS.fullmatch(parts[2])
    if parameters is None:
        raise CiphertextFormatError("the parameters of a ciphertext are i=<iterations> and nothing else")
    iterations = int(parameters[1])
    if iterations > max_iterations:
        raise CiphertextFormatError(f"the ciphertext asks for {iterations} iterations; {max_iterations} are allowed")
    salt, body = _from_base64(parts[3]), _from_base64(parts[4])
    if salt is None or len(salt) != _BLOCK:
        raise CiphertextFormatError("the salt of a ciphertext is 16 bytes in strict Base64")
    if not body or len(body) % _BLOCK:
        raise CiphertextFormatError("the last part of a ciphertext is one or more blocks of 16 bytes in strict Base64")
    return iterations, salt, body


def _join(iterations: int, salt: bytes, body: bytes) -> str:
    return f"${_ALGORITHM}$i={iterations}${_base64(salt)}${_base64(body)}"


def _require_cryptography() -> None:
    try:
        importlib.import_module("cryptography.hazmat.primitives.kdf.pbkdf2")
    except ImportError as error:
        raise MissingExtraError("encryption", "encryption") from error


def _pad(text: object) -> bytes:
    plain = _utf8(text)
    if plain is None:
        raise EncryptionError("only a str without lone surrogates can be encrypted")
    count = _BLOCK - len(plain) % _BLOCK
    return plain + bytes([count]) * count


def _unpad(padded: bytes) -> str:
    count = padded[-1]
    if 1 <= count <= _BLOCK and padded.endswith(bytes([count]) * count):
        with suppress(UnicodeDecodeError):  # the error holds the plaintext, so it must not become the context of ours
            return padded[:-count].decode("utf-8")
    raise DecryptionError("the passphrase is wrong or the ciphertext is damaged")


def _utf8(text: object) -> bytes | None:
    with suppress(UnicodeEncodeError):  # the error holds the text
        return text.encode("utf-8") if isinstance(text, str) else None
    return None


def _from_base64(text: str) -> bytes | None:
    with suppress(ValueError):
        data = base64.b64decode(text, validate=True)
        return data if _base64(data) == text else None  # unused bits of the last character must be zero
    return None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
