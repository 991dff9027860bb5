"""Error text for a missing optional package."""

from __future__ import annotations


def missing(what: str, extra: str) -> str:
    """Return a sentence that names the feature, its extra and the command that installs it."""
    return f"{what} needs a package that is not installed: pip install 'smsgate[{extra}]'"
