"""Common parts of all encryption schemes: methods, prefix of a ciphertext, and the ``+`` that servers add."""

from __future__ import annotations

import re

from smsgate.errors import ConfigurationError

SCHEME = re.compile(r"\$([A-Za-z][A-Za-z0-9/._-]*)\$")
"""Prefix of a ciphertext: the name of its scheme."""
_PREFIXED = re.compile(rf"[\s+]*{SCHEME.pattern}")


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
