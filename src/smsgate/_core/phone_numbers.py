"""Conversion of national phone numbers to international ones, by Google's numbering plans (extra ``numbers``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate._extras import MissingExtraError
from smsgate.errors import ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from smsgate_api.models import Message


def check_region(region: str | None) -> str | None:
    """Return a client's default region in capitals, None for none.

    Raises:
        ConfigurationError: when it is no region with phone numbers, or phonenumbers is not installed.
    """
    if region is None:
        return None
    try:
        import phonenumbers  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtraError("default_region", "numbers") from None
    known = isinstance(region, str) and region.upper() in phonenumbers.SUPPORTED_REGIONS
    if not known:
        raise ConfigurationError("default_region takes a country's two letters, such as 'DE', 'US' or 'GB'")
    return region.upper()


def with_international_numbers(message: Message, region: str | None, *, others_pass: bool) -> Message:
    """Return the message with its national numbers in international form (E.164).

    Args:
        message: one whose numbers are encrypted stays as it is.
        region: country of the numbers without ``+``; None leaves all as they are.
        others_pass: whether other texts, such as short codes, stay as they are.

    Raises:
        InvalidRequestError: for another text; names its index, not the text.
    """
    if region is None or message.__dict__.get("is_encrypted"):
        return message
    listed: Any = message.__dict__.get("phone_numbers")  # a constructed message may hold anything
    numbers: list[Any] = [*listed] if isinstance(listed, list | tuple) else [None]
    if not all(isinstance(number, str) for number in numbers):
        return message
    changed: list[str] = []
    for place, number in enumerate(numbers):
        found = number if number.startswith("+") else international(number, region)
        if found is None and not others_pass:
            raise InvalidRequestError(
                f"phone_numbers[{place}] is no phone number of the region {region}: write it with + and the country "
                "code; skip_phone_validation=True lets short codes pass"
            )
        changed.append(found or number)
    return message.model_copy(update={"phone_numbers": changed})


def international(number: str, region: str) -> str | None:
    """Return a number that is dialled in a region in E.164 form, None when it cannot exist there."""
    import phonenumbers  # noqa: PLC0415 - optional

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
