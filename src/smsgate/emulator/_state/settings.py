"""Settings of servers and phones: names, JSON types and rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.binding import Reader, boolean, integer, text
from smsgate_api.settings import LimitPeriod, MessagesProcessingOrder, NotificationChannel, SimSelectionMode

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

_INTEGER = integer("int", -(2**63), 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One setting: its Go name, JSON type and rule; whether it is stored and shown."""

    go_name: str
    read: Reader
    tag: str = ""
    allows: Callable[[Any], bool] = lambda _value: True
    stored: bool = True
    shown: bool = True


def _at_least_one(go_name: str) -> Leaf:
    return Leaf(go_name, _INTEGER, "min", lambda value: value >= 1)


def _one_of(go_name: str, kind: type[Enum], *, stored: bool = True) -> Leaf:
    names = frozenset(member.value for member in kind)
    return Leaf(go_name, text, "oneof", lambda value: value in names, stored, stored)


def _forbidden_leaf(go_name: str, *, stored: bool = True) -> Leaf:
    return Leaf(go_name, text, "isdefault", lambda _value: False, stored, shown=False)


SECTIONS: dict[str, dict[str, Leaf]] = {
    "encryption": {"passphrase": _forbidden_leaf("Passphrase")},
    "gateway": {
        "cloud_url": _forbidden_leaf("CloudURL", stored=False),
        "private_token": _forbidden_leaf("PrivateToken", stored=False),
        "notification_channel": _one_of("NotificationChannel", NotificationChannel),
    },
    "messages": {
        "send_interval_min": _at_least_one("SendIntervalMin"),
        "send_interval_max": _at_least_one("SendIntervalMax"),
        "limit_period": _one_of("LimitPeriod", LimitPeriod),
        "limit_value": _at_least_one("LimitValue"),
        "sim_selection_mode": _one_of("SimSelectionMode", SimSelectionMode),
        "log_lifetime_days": _at_least_one("LogLifetimeDays"),
        "processing_order": _one_of("ProcessingOrder", MessagesProcessingOrder, stored=False),
        "work_hours_enabled": Leaf("WorkHoursEnabled", boolean),
        "work_hours_start": Leaf("WorkHoursStart", text),
        "work_hours_end": Leaf("WorkHoursEnd", text),
    },
    "ping": {"interval_seconds": _at_least_one("IntervalSeconds")},
    "logs": {"lifetime_days": _at_least_one("LifetimeDays")},
    "webhooks": {
        "internet_required": Leaf("InternetRequired", boolean),
        "retry_count": _at_least_one("RetryCount"),
        "signing_key": _forbidden_leaf("SigningKey"),
    },
    "receiver": {"content_provider_enabled": Leaf("ContentProviderEnabled", boolean)},
}
