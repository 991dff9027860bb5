"""Ids that a client chooses."""

from __future__ import annotations

import secrets

__all__ = ["new_id"]

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 21


def new_id() -> str:
    """Return 21 random lower-case letters and digits: servers compare ids without regard to case."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
