"""Phone number checks: the server's when a message is accepted, the phone's when it is sent."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from smsgate._extras import missing
from smsgate.emulator._http.responses import RequestError

if TYPE_CHECKING:
    from types import ModuleType

MISSING = missing("the check of phone numbers", "emulator")
REGION = "RU"
"""The server reads numbers without ``+`` as Russian ones."""

_CACHED = 4096  # checked numbers: a check takes as long as all the rest of a send


def load() -> ModuleType:
    """Import phonenumbers on first use.

    Raises:
        ImportError: one sentence that names the extra.
    """
    try:
        import phonenumbers  # noqa: PLC0415 - an extra, and 30 ms that in-memory use without sends need not pay
    except ImportError:
        raise ImportError(MISSING) from None
    return phonenumbers


def normalize(number: str) -> str:
    """Check a number as the cloud server does and return it in E.164.

    Raises:
        RequestError: 400 when it cannot be parsed, is invalid, or is no mobile number.
    """
    return _normalize(load(), number)


@lru_cache(_CACHED)
def _normalize(library: Any, number: str) -> str:
    try:
        parsed = library.parse(number, REGION)
    except library.NumberParseException as error:
        reason = "the phone number supplied is not a number" if error.error_type == 1 else str(error)
        raise RequestError(400, f"failed to parse phone number: {reason}") from None
    if not library.is_valid_number(parsed):
        raise RequestError(400, "invalid phone number")
    if library.number_type(parsed) not in _mobile(library):
        raise RequestError(400, "not mobile phone number")
    formatted: str = library.format_number(parsed, library.PhoneNumberFormat.E164)
    return formatted


def send_error(number: str) -> str | None:
    """Return why a phone rejects a number of a message that its own server took; ``None`` when it would send."""
    library: Any = load()
    try:
        parsed = library.parse(number, REGION)
    except library.NumberParseException as error:
        return str(error).partition(") ")[2]
    if not library.is_valid_number(parsed):
        return "Invalid phone number"
    return None if library.number_type(parsed) in _mobile(library) else "Invalid phone number type"


def _mobile(library: Any) -> tuple[Any, Any]:
    return (library.PhoneNumberType.MOBILE, library.PhoneNumberType.FIXED_LINE_OR_MOBILE)
