"""Ids that a client chooses."""

from __future__ import annotations

import os

__all__ = ["new_id"]

_ALPHABET = b"0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 21
_TABLE = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))


def new_id() -> str:
    """Return 21 random lower-case letters and digits: servers compare ids without regard to case.

    Together they hold 108 random bits; that four of the characters are a little more frequent costs less than one.
    """
    return os.urandom(_LENGTH).translate(_TABLE).decode("ascii")
