"""Error for a missing optional package."""

from __future__ import annotations

from smsgate.errors import ConfigurationError


class MissingExtraError(ConfigurationError):
    """An optional package is not installed.

    Args:
        what: the feature that needs it.
        extra: the extra that installs it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(missing(what, extra))


def missing(what: str, extra: str) -> str:
    """Return a sentence that names the feature, its extra and the command that installs it."""
    return f"{what} needs a package that is not installed: pip install 'smsgate[{extra}]'"
