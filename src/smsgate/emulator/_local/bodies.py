"""Binding of request bodies and query values as a phone's local server does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.binding import Reader, UnreadableError, parse_json
from smsgate.emulator._http.responses import RequestError
from smsgate.emulator._http.timestamps import TimeFormatError, parse_local, parse_local_body

if TYPE_CHECKING:
    from datetime import datetime

    from smsgate.emulator._http.routing import ParsedRequest


def local_moment(value: Any, _owner: str, path: str) -> datetime:
    """Read a time of a body."""
    try:
        return parse_local_body(str(value))
    except TimeFormatError:
        raise UnreadableError(f"Failed parsing date at path $.{path}") from None


def read_body(request: ParsedRequest, shape: Reader) -> Any:
    """Read a JSON body; anything unreadable is a 400 with the library's text."""
    try:
        value = parse_json(request.content)
        return shape({} if value is None else value, "", "")
    except UnreadableError as error:
        raise RequestError(400, f"Failed to convert request body: {error}") from None


def integer_or(request: ParsedRequest, name: str, default: int) -> int:
    """Return a query parameter as an integer, or the default if it is not one."""
    try:
        return int(request.query.get(name, ""))
    except ValueError:
        return default


def strict_boolean(request: ParsedRequest, name: str) -> bool:
    """Return a query parameter that must be spelt ``true`` or ``false``; absent is false."""
    value = request.query.get(name.lower(), "false")
    if value not in {"true", "false"}:
        raise RequestError(400, f"{name} must be true or false")
    return value == "true"


def period(request: ParsedRequest, now: datetime, *, strict: bool) -> tuple[datetime | None, datetime]:
    """Return the query's inclusive ``from`` and ``to``; an unreadable one is dropped, or rejected when ``strict``."""
    limits: dict[str, datetime | None] = {}
    for name in ("from", "to"):
        fields = request.query.get(name)
        limits[name] = parse_local(fields) if fields is not None else None
        if strict and fields is not None and limits[name] is None:
            raise RequestError(400, f"Invalid {name} datetime")
    return limits["from"], limits["to"] or now


def check_order(start: datetime | None, end: datetime) -> None:
    """Reject a period that ends before it starts."""
    if start and start > end:
        raise RequestError(400, "Start date cannot be after end date")


def check_device(request: ParsedRequest, device_id: str) -> None:
    """Reject a ``deviceId`` of another phone."""
    if request.query.get("deviceid", device_id) != device_id:
        raise RequestError(400, "Invalid device ID")
