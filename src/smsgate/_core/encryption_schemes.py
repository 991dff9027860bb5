"""Common parts of all encryption schemes: methods, prefix of a ciphertext, and decryption of what may be one."""

from __future__ import annotations

import re
from typing import Protocol

from smsgate.errors import ConfigurationError

SCHEME = re.compile(r"\$([A-Za-z][A-Za-z0-9/._-]*)\$")
"""Prefix of a ciphertext: the name of its scheme."""
_PREFIXED = re.compile(rf"[\s+]*{SCHEME.pattern}")


class Decryptor(Protocol):
    """Decryptor of recipients: `smsgate.Encryptor`, or any object with these two methods."""

    def is_encrypted(self, text: str, /) -> bool:
        """Tell whether a text looks like a ciphertext."""
        ...

    def decrypt(self, text: str, /) -> str:
        """Return the plaintext; raise an exception if decryption fails."""
        ...


def check_scheme(encryptor: object, *methods: str) -> None:
    """Reject objects without the required methods, such as a passphrase or a class.

    Raises:
        ConfigurationError: naming the methods.
    """
    if isinstance(encryptor, type) or not all(callable(getattr(encryptor, name, None)) for name in methods):
        raise ConfigurationError(f"encryptor takes an object with {', '.join(methods[:-1])} and {methods[-1]}")


def looks_encrypted(text: str) -> bool:
    """Tell whether a text begins like a ciphertext of any scheme, after white space and ``+``."""
    return _PREFIXED.match(text) is not None


def without_plus(recipient: str) -> str:
    """Return a recipient without the ``+`` that servers put before a ciphertext in some states."""
    return recipient[1:] if recipient.startswith("+$") else recipient


def is_ciphertext(decryptor: Decryptor, text: str) -> bool:
    """Tell whether a scheme takes a text for its ciphertext; one that raises an exception does not."""
    try:
        return decryptor.is_encrypted(text)
    except Exception:  # noqa: BLE001 - see `decrypt_text`
        return False


def decrypt_text(decryptor: Decryptor, text: str) -> str:
    """Decrypt a text; one that cannot be decrypted stays as it is.

    A user's scheme may raise anything, and a state or event must not be lost over it.
    """
    try:
        plain = decryptor.decrypt(text)
    except Exception:  # noqa: BLE001 - see above
        return text
    return plain if isinstance(plain, str) else text
