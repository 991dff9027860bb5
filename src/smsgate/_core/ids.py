"""Ids that a client chooses."""

from __future__ import annotations

import secrets
from string import ascii_lowercase, digits

__all__ = ["new_id"]

_ALPHABET = digits + ascii_lowercase
"""One case only: servers compare ids without regard to case."""
_LENGTH = 21


def new_id() -> str:
    """Return a new message id: 21 lower-case letters and digits (108 bits) from the system's random source.

    Store it with the job that sends the message, and pass it as ``id``: then a program that crashes can find out what
    became of the message, and send it again without doubling it.

    Example:
        >>> len(new_id())
        21
    """
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
