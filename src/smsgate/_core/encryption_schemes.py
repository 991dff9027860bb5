"""What all encryption schemes share: their methods, how a ciphertext begins, and what servers put before it."""

from __future__ import annotations

import re

from smsgate.errors import ConfigurationError

__all__ = ["SCHEME", "check_scheme", "looks_encrypted", "without_plus"]

SCHEME = re.compile(r"\$([A-Za-z][A-Za-z0-9/._-]*)\$")
"""The name that a ciphertext begins with."""
_ANYHOW = re.compile(rf"[\s+]*{SCHEME.pattern}")


def check_scheme(encryptor: object, *methods: str) -> None:
    """Refuse what lacks a method, such as a mere passphrase or a class.

    Raises:
        ConfigurationError: naming the methods.
    """
    if isinstance(encryptor, type) or not all(callable(getattr(encryptor, name, None)) for name in methods):
        raise ConfigurationError(f"encryptor takes an object with {', '.join(methods[:-1])} and {methods[-1]}")


def looks_encrypted(text: str) -> bool:
    """Tell whether a text begins like the ciphertext of any scheme, whatever was put before it."""
    return _ANYHOW.match(text) is not None


def without_plus(recipient: str) -> str:
    """Take away the ``+`` that servers put before an encrypted recipient in some states; all else stays as it is."""
    return recipient[1:] if recipient.startswith("+$") else recipient
