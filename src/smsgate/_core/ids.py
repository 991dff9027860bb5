"""Ids that a client chooses."""

from __future__ import annotations

from base64 import b32encode
from secrets import token_bytes

_LENGTH = 21


def new_id() -> str:
    """Return a new message id: 21 lower-case letters and digits (105 bits) from the system's random source.

    Store it with the job that sends the message, and pass it as ``id``: after a crash the program can look the message
    up, and send it again without a duplicate.

    Example:
        >>> len(new_id())
        21
    """
    return b32encode(token_bytes(14))[:_LENGTH].decode().lower()  # servers ignore the case of ids
