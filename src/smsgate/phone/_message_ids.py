"""Ids of received messages as the app computes them: checksums of sender, time, SIM and content."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_BITS = 2**32


def text_checksum(sender: str, text: str, at: datetime, subscription: int | None = None) -> int:
    """Return the checksum of a text message, 0 to 2³²-1."""
    return _mix(_head(sender, at, subscription), _java(_units(text)))


def data_checksum(sender: str, data: bytes, at: datetime, subscription: int | None = None) -> int:
    """Return the checksum of a data message, 0 to 2³²-1."""
    signed = (byte - 256 if byte > 127 else byte for byte in data)  # noqa: PLR2004 - a Java byte
    return _mix(_head(sender, at, subscription), _java(signed, start=1))


def name_checksum(name: str) -> int:
    """Return the checksum of the name by which an MMS is known, 0 to 2³²-1."""
    return _java(_units(name))


def inbox_id(prefix: str, checksum: int) -> str:
    """Write a checksum as the inbox does, signed: ``text:-2027567906``; a webhook has the same in hex, unsigned."""
    return f"{prefix}:{checksum - _BITS if checksum >= _BITS // 2 else checksum}"


def inbox_ids(message_id: str) -> set[str]:
    """Return the ids that the inbox may give to the message that a webhook calls by this id."""
    checksum = name_checksum(message_id)
    found = {inbox_id("mms", checksum), inbox_id("mms-header", checksum)}
    try:
        number = int(message_id, 16)
    except ValueError:
        return found
    return found | {inbox_id("text", number), inbox_id("data", number)}


def _head(sender: str, at: datetime, subscription: int | None) -> int:
    milliseconds = round(at.timestamp() * 1000)
    folded = (milliseconds ^ (milliseconds >> 32)) % _BITS
    return _mix(_mix(_java(_units(sender)), folded), subscription or 0)


def _mix(value: int, more: int) -> int:
    return (31 * value + more) % _BITS


def _java(numbers: Iterable[int], *, start: int = 0) -> int:
    value = start
    for number in numbers:
        value = _mix(value, number)
    return value


def _units(text: str) -> list[int]:
    encoded = text.encode("utf-16-be", errors="surrogatepass")
    return [int.from_bytes(encoded[place : place + 2], "big") for place in range(0, len(encoded), 2)]
