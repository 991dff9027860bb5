"""Choice of the phone for a message."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from smsgate_api.models import Device

_RECENT = timedelta(hours=24)
_LONG_AGO = 24 * 366 * 10
"""Hours from which on the limit admits every phone."""


def choose_device(
    devices: Sequence[Device], active_within: int, now: datetime, message_id: str, excluded: Container[str] = ()
) -> str | None:
    """Return the id of the phone for a message, or None when there is none.

    The choice is a rendezvous hash of message id and device ids: every process with the same list of phones makes the
    same choice, and a phone that comes or goes changes only the messages of that phone.

    Args:
        devices: the phones of the account, in any order.
        active_within: hours; only phones seen since then. 0 prefers those of the last 24 hours to the others.
        now: aware.
        message_id: in either case, which servers ignore.
        excluded: ids of phones that are not to be chosen.
    """
    devices = [device for device in devices if device.id not in excluded]
    if 0 < active_within < _LONG_AGO:
        candidates = [device for device in devices if device.last_seen >= now - timedelta(hours=active_within)]
    else:
        candidates = [device for device in devices if device.last_seen >= now - _RECENT] or devices
    key = message_id.lower()
    return max((device.id for device in candidates), key=lambda id: _weight(key, id), default=None)


def _weight(message_id: str, device_id: str) -> bytes:
    return sha256(f"{message_id}\0{device_id}".encode("utf-8", "surrogatepass")).digest()
