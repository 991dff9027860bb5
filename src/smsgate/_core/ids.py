"""Ids that a client chooses."""

from __future__ import annotations

import secrets
from string import ascii_lowercase, digits

_ALPHABET = digits + ascii_lowercase
"""Lower case only: servers ignore the case of ids."""
_LENGTH = 21


def new_id() -> str:
    """Return a new message id: 21 lower-case letters and digits (108 bits) from the system's random source.

    Store it with the job that sends the message, and pass it as ``id``: after a crash the program can look the message
    up, and send it again without a duplicate.

    Example:
        >>> len(new_id())
        21
    """
    number = secrets.randbelow(len(_ALPHABET) ** _LENGTH)  # one random number: 21 calls of `choice` take 25 µs more
    characters: list[str] = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)
