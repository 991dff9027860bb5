"""Chooses the phone for a message. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsgate_api.models import Device

__all__ = ["LIST_LIFETIME", "choose_device"]

LIST_LIFETIME = 300.0
"""Seconds that a list of devices is good for."""
_RECENT = timedelta(hours=24)
_LONG_AGO = 24 * 366 * 10
"""More hours than that mean any phone."""


def choose_device(devices: Sequence[Device], active_within: int, now: datetime, draw: float) -> str | None:
    """Return the id of a phone, or None when there is none.

    Args:
        devices: the phones of the account.
        active_within: hours; only phones seen since then. 0 prefers those of the last 24 hours to the others.
        now: aware.
        draw: a random number from 0 to 1.
    """
    if 0 < active_within < _LONG_AGO:
        fitting = [device for device in devices if _seen_since(device, now - timedelta(hours=active_within))]
    else:
        fitting = [device for device in devices if _seen_since(device, now - _RECENT)] or list(devices)
    return fitting[min(int(draw * len(fitting)), len(fitting) - 1)].id if fitting else None


def _seen_since(device: Device, moment: datetime) -> bool:
    return device.last_seen >= moment
