"""Settings of the app, and their import from the tree that a server stores."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, cast

from smsgate_api.settings import MessagesProcessingOrder, SimSelectionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo
    from enum import Enum

RETRIES = 15
"""How often the app retries a delivery unless its settings say otherwise."""

_PERIODS = {
    "Disabled": None,
    "PerMinute": timedelta(minutes=1),
    "Per30Minutes": timedelta(minutes=30),
    "PerHour": timedelta(hours=1),
    "PerDay": timedelta(days=1),
}
LONGEST_PERIOD = timedelta(days=1)
_CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """Settings of the app as it acts on them; ``None`` is no limit, no pause, no ping, or not set.

    Attributes:
        limit_value: most messages in a ``limit_period``.
        interval_min: shortest pause after a message, in seconds.
        interval_max: longest one; without it, or below ``interval_min``, there is no pause.
        processing_order: order of messages with equal priority, ``LIFO`` or ``FIFO``; None follows the handset.
        work_hours_start: local time from which messages below priority 100 are sent.
        work_hours_end: local time from which they wait; before the start means over midnight, equal is always.
        ping_interval: seconds between two pings.
        retry_count: retries of a webhook delivery.
        passphrase: None follows the handset; empty is erased.
        signing_key: None follows the handset.
    """

    limit_value: int | None = None
    limit_period: timedelta | None = None
    interval_min: int = 0
    interval_max: int | None = None
    sim_selection_mode: str = "OSDefault"
    processing_order: str | None = None
    work_hours_enabled: bool = False
    work_hours_start: time = time(9)
    work_hours_end: time = time(19)
    ping_interval: int | None = None
    retry_count: int = RETRIES
    internet_required: bool = True
    passphrase: str | None = field(default=None, repr=False)
    signing_key: str | None = field(default=None, repr=False)

    def opening_after(self, now: datetime, zone: tzinfo) -> datetime | None:
        """Return when work hours begin next; None within them."""
        start, end = self.work_hours_start, self.work_hours_end
        if not self.work_hours_enabled or start == end:
            return None
        local = now.astimezone(zone)
        clock = local.time()
        if (start <= clock < end) if start < end else (clock >= start or clock < end):
            return None
        day = local.date() if clock < start else local.date() + timedelta(days=1)
        return datetime.combine(day, start, zone)


class SettingsError(ValueError):
    """A setting that the app cannot import.

    Attributes:
        imported: the settings with everything before it.
    """

    def __init__(self, message: str, imported: PhoneSettings) -> None:
        super().__init__(message)
        self.imported = imported


def import_settings(settings: PhoneSettings, tree: Mapping[str, Any], new_key: Callable[[], str]) -> PhoneSettings:
    """Return settings after an import: what the tree lacks stays, null is the default, and unknown names are skipped.

    Args:
        settings: the settings before.
        tree: sections of names and values, as ``GET /settings`` shows them to phones.
        new_key: draws the signing key that replaces an erased one.

    Raises:
        SettingsError: for a value that the app does not know; what comes before it is imported.
    """
    for section, values in tree.items():
        known = _LEAVES.get(section, {})
        for name, value in cast("Mapping[str, Any]", values or {}).items():
            if name not in known:
                continue
            target, read = known[name]
            try:
                settings = replace(settings, **{target: _default(target) if value is None else read(value)})
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
                raise SettingsError(f"Failed to import {section}.{name}", settings) from None
            if target == "signing_key" and not settings.signing_key:
                settings = replace(settings, signing_key=new_key())
    return settings


def stored_text(text: str) -> str:
    """Return a passphrase or key as the app reads it back from its lenient storage; empty is not set."""
    stripped = text.strip()
    for quote in "\"'":
        if len(stripped) > 1 and stripped.startswith(quote) and stripped.endswith(quote):
            return stripped[1:-1]
    if stripped.lower() == "null" or stripped.startswith(("#", "//")):
        return ""
    return stripped.lower() if stripped.lower() in {"true", "false"} else stripped


def _default(target: str) -> Any:
    return "" if target in {"passphrase", "signing_key"} else PhoneSettings.__dataclass_fields__[target].default


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _at_least_one(value: Any) -> int:
    return max(1, int(value))


def _one_of(kind: type[Enum]) -> Callable[[Any], str]:
    names = {member.value: member.value for member in kind}
    return names.__getitem__


def _clock_time(value: Any) -> time:
    found = _CLOCK_TIME.fullmatch(value)
    if found is None:
        raise ValueError
    return time(int(found[1]), int(found[2]))


_LEAVES: dict[str, dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "encryption": {"passphrase": ("passphrase", stored_text)},
    "messages": {
        "send_interval_min": ("interval_min", int),
        "send_interval_max": ("interval_max", int),
        "limit_period": ("limit_period", lambda value: _PERIODS[value]),
        "limit_value": ("limit_value", int),
        "sim_selection_mode": ("sim_selection_mode", _one_of(SimSelectionMode)),
        "processing_order": ("processing_order", _one_of(MessagesProcessingOrder)),
        "work_hours_enabled": ("work_hours_enabled", _boolean),
        "work_hours_start": ("work_hours_start", _clock_time),
        "work_hours_end": ("work_hours_end", _clock_time),
    },
    "ping": {"interval_seconds": ("ping_interval", _at_least_one)},
    "webhooks": {
        "internet_required": ("internet_required", _boolean),
        "retry_count": ("retry_count", _at_least_one),
        "signing_key": ("signing_key", stored_text),
    },
}
"""Section and name of each setting that the phone's behaviour follows: the field, and how its value is read."""
