"""Times on the wire: `Timestamp` is strict when built, tolerant when read, and written in one form."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

__all__ = ["BUILDING", "Timestamp", "read_time", "wire_time"]

BUILDING = {"smsgate": "building"}
"""Validation context of models that a user builds; without it, a response is being read."""
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d+))?\s*(?:[Zz]|([+-]{1,2})(\d{1,2})(?::?(\d\d))?)?", re.ASCII
)


class _AssumedUTC(tzinfo):
    """UTC of a time that was read without a zone; a request must not carry such a time, as its zone is a guess."""

    def utcoffset(self, _moment: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, _moment: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, _moment: datetime | None) -> str:
        return "UTC"

    def __repr__(self) -> str:
        return "datetime.timezone.utc"


_ASSUMED_UTC = _AssumedUTC()


def wire_time(value: datetime, *, precision: Literal["milliseconds", "microseconds"] = "milliseconds") -> str:
    """Write a time in the form that every server mode reads: UTC, three fraction digits, ``Z`` (naive stays naive).

    Args:
        value: the time.
        precision: digits of the fraction: three, or six for output that is not sent.
    """
    if value.tzinfo is None or value.utcoffset() is None:
        return value.replace(tzinfo=None).isoformat(timespec=precision)
    try:
        return value.astimezone(timezone.utc).isoformat(timespec=precision)[:-6] + "Z"
    except OverflowError:  # within a day of year 1 or 9999 the time exists only in its own zone
        return value.isoformat(timespec=precision)


def read_time(text: str) -> datetime:
    """Read RFC 3339 text, with a space, missing or odd zone as phones write them; naive when it has no zone.

    Raises:
        ValueError: it is something else.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError
    day, clock, fraction, sign, hours, minutes = found.groups()
    zone = timezone.utc
    if sign:  # phones with Android 6 and older write "+-5:00": the last sign is the true one
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        zone = timezone(-offset if sign[-1] == "-" else offset)
    value = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '')[:6].ljust(6, '0')}").replace(tzinfo=zone)
    has_zone = sign or text[-1] in "Zz"
    return value if has_zone else value.replace(tzinfo=None)


def _time_from_rest(value: Any, info: core_schema.ValidationInfo) -> datetime:
    """Read times that pydantic's strict parser rejects: a user's text, odd offsets, times without zone."""
    moment = value if isinstance(value, datetime) else read_time(value) if isinstance(value, str) else None
    if moment is None:
        raise ValueError
    if moment.tzinfo is None or moment.utcoffset() is None:
        if info.context is BUILDING:
            raise ValueError
        return moment.replace(tzinfo=_ASSUMED_UTC)
    if info.context is BUILDING and not _EARLIEST <= moment <= _LATEST:
        raise ValueError
    return moment


def _write_time(value: datetime, info: core_schema.SerializationInfo) -> str:
    """Write a time: in a request with milliseconds, elsewhere without loss.

    In a request that is to be checked, a time that was read without a zone has none.
    """
    if info.context is not BUILDING:
        return wire_time(value, precision="microseconds" if value.microsecond % 1000 else "milliseconds")
    return wire_time(value.replace(tzinfo=None) if isinstance(value.tzinfo, _AssumedUTC) else value)


class _TimestampSchema:
    """Pydantic schema of Timestamp: aware times run in compiled code, everything else in ``_time_from_rest``."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.union_schema(
            [
                core_schema.datetime_schema(strict=True, tz_constraint="aware", ge=_EARLIEST, le=_LATEST),
                core_schema.with_info_plain_validator_function(_time_from_rest),
            ],
            mode="left_to_right",
            custom_error_type="timestamp",
            custom_error_message=(
                "Input should be a date and time with a zone, such as 2026-01-31T12:00:00Z, of the years 1 to 9999"
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                _write_time, info_arg=True, when_used="json", return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "format": "date-time"}


Timestamp = Annotated[datetime, _TimestampSchema]
"""An aware datetime. Built: a zone is required. Read: RFC 3339, 0-9 fraction digits, no zone means UTC."""
