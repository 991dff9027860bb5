"""Phone numbers of rows, by Google's numbering plans (extra ``numbers``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from smsgate._extras import MissingExtraError
from smsgate.errors import ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["mobile", "landline", "either", "other"]
"""Kind of a number; "either" where the plan of a country does not distinguish, as in the USA."""


class ParsedNumber(NamedTuple):
    """A phone number that can exist.

    Attributes:
        e164: international form, such as ``+12025550100``.
        kind: "mobile", "landline", "either" or "other".
    """

    e164: str
    kind: Kind


def normalize(number: str, region: str | None = None) -> str:
    """Return a phone number in international form (E.164).

    Args:
        number: in any usual spelling, such as ``(202) 555-0100``.
        region: two letters of the country of numbers without ``+``; None accepts only international ones.

    Raises:
        InvalidRequestError: the number cannot exist; the text does not repeat it.
        ConfigurationError: no such region, or the extra ``numbers`` is not installed.

    Example:
        >>> normalize("(202) 555-0100", "US")
        '+12025550100'
    """
    found = number_parser(region)(number) if isinstance(number, str) else None
    if found is None:
        place = f" of the region {region.upper()}" if region else ""
        raise InvalidRequestError(f"this is no phone number{place}: write it with + and the country code")
    return found.e164


def number_parser(region: str | None) -> Callable[[str], ParsedNumber | None]:
    """Return a function that parses numbers of a region; it returns None for one that cannot exist.

    Raises:
        ConfigurationError: no such region, or the extra ``numbers`` is not installed.
    """
    try:
        import phonenumbers  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtraError("a campaign", "bulk") from None
    if region is not None and (not isinstance(region, str) or region.upper() not in phonenumbers.SUPPORTED_REGIONS):
        raise ConfigurationError("a region is a country's two letters, such as 'DE', 'US' or 'GB'")
    default = None if region is None else region.upper()
    types = phonenumbers.PhoneNumberType
    kinds: dict[int, Kind] = {
        types.MOBILE: "mobile",
        types.FIXED_LINE: "landline",
        types.FIXED_LINE_OR_MOBILE: "either",
    }

    code = str(phonenumbers.country_code_for_region(default or "ZZ"))

    def parse(number: str) -> ParsedNumber | None:
        found = parse_as_written(number)
        if found is None or found.kind in {"mobile", "either"} or "+" in number:
            return found
        digits = "".join(filter(str.isdecimal, number))
        if not digits.startswith(code):
            return found
        other = parse_as_written(f"+{digits}")  # spreadsheets drop the +, and some landlines begin like the country
        return other if other is not None and other.kind == "mobile" else found

    def parse_as_written(number: str) -> ParsedNumber | None:
        try:
            parsed = phonenumbers.parse(number, default)
        except phonenumbers.NumberParseException:
            return None
        type_ = phonenumbers.number_type(parsed)  # UNKNOWN exactly for numbers that are not valid; one look-up for both
        if type_ == types.UNKNOWN or parsed.extension:
            return None
        e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        return ParsedNumber(e164, kinds.get(type_, "other"))

    return parse
