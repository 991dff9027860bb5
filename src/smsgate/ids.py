"""Ids that a client chooses."""

from __future__ import annotations

import os
from functools import cache
from itertools import count
from time import time_ns
from typing import Any

__all__ = ["new_id"]

_ALPHABET = b"0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 21
_TABLE = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))
_numbers = count()


def new_id() -> str:
    """Return 21 random lower-case letters and digits: servers compare ids without regard to case.

    Together they hold 108 random bits; that four of the characters are a little more frequent costs less than one.
    They are a hash under a key of this process's own: a system call for each id would give the interpreter to another
    thread. The time in it keeps copies of a process apart that go on from one snapshot of its memory.
    """
    drawn = _keyed().copy()
    drawn.update(b"%d %d" % (next(_numbers), time_ns()))
    digest: bytes = drawn.digest()
    return digest[:_LENGTH].translate(_TABLE).decode("ascii")


@cache
def _keyed() -> Any:
    from hashlib import sha256  # noqa: PLC0415 - slow to import, and needed with the first id only

    return sha256(os.urandom(64))  # a block of SHA-256: what follows is hashed from a secret state


if hasattr(os, "register_at_fork"):  # not on every system
    os.register_at_fork(after_in_child=_keyed.cache_clear)
