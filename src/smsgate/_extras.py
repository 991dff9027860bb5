"""Extras: optional packages of others, and what to install when one is missing."""

from __future__ import annotations

__all__ = ["missing"]


def missing(what: str, extra: str) -> str:
    """Return the sentence for what cannot be done without an extra, with a command to copy into any shell."""
    return f"{what} needs a package that is not installed: pip install 'smsgate[{extra}]'"
