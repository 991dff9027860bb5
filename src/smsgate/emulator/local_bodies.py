"""Request bodies and query values as a phone's local server reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.emulator.answers import RefusedError
from smsgate.emulator.shapes import Reader, UnreadableError, parse_json
from smsgate.emulator.timestamps import TimeFormatError, parse_local, parse_local_body

if TYPE_CHECKING:
    from datetime import datetime

    from smsgate.emulator.routing import Call


def local_moment(value: Any, _owner: str, path: str) -> datetime:
    """Read a time of a body."""
    try:
        return parse_local_body(str(value))
    except TimeFormatError:
        raise UnreadableError(f"Failed parsing date at path $.{path}") from None


def read_body(call: Call, shape: Reader) -> Any:
    """Read a JSON body; anything unreadable is a 400 with the library's text."""
    try:
        value = parse_json(call.content)
        return shape({} if value is None else value, "", "")
    except UnreadableError as error:
        raise RefusedError(400, f"Failed to convert request body: {error}") from None


def whole_or(call: Call, name: str, default: int) -> int:
    """A query parameter as an integer, or the default when it is none."""
    try:
        return int(call.query.get(name, ""))
    except ValueError:
        return default


def strict_truth(call: Call, name: str) -> bool:
    """A query parameter that must be spelt ``true`` or ``false``; absent is false."""
    value = call.query.get(name.lower(), "false")
    if value not in {"true", "false"}:
        raise RefusedError(400, f"{name} must be true or false")
    return value == "true"


def period(call: Call, now: datetime, *, strict: bool) -> tuple[datetime | None, datetime]:
    """The query's ``from`` and ``to``, both inclusive; an unreadable one is dropped, or refused when ``strict``."""
    limits: dict[str, datetime | None] = {}
    for name in ("from", "to"):
        given = call.query.get(name)
        limits[name] = parse_local(given) if given is not None else None
        if strict and given is not None and limits[name] is None:
            raise RefusedError(400, f"Invalid {name} datetime")
    return limits["from"], limits["to"] or now


def check_order(start: datetime | None, end: datetime) -> None:
    """Refuse a period that ends before it starts."""
    if start and start > end:
        raise RefusedError(400, "Start date cannot be after end date")


def check_device(call: Call, device_id: str) -> None:
    """Refuse a ``deviceId`` that is not this phone's."""
    if call.query.get("deviceid", device_id) != device_id:
        raise RefusedError(400, "Invalid device ID")
