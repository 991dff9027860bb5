"""The account's settings on the cloud server: which fields exist, which are shown, what is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smsgate.emulator.answers import RefusedError, json_answer
from smsgate.emulator.shapes import Failures, Reader, raw_body, struct, text, truth, typed, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate._http import Response
    from smsgate.emulator.books import Books
    from smsgate.emulator.routing import Call

_WHOLE = whole("int", -(2**63), 2**63 - 1)
_CLOCK_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


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
    return Leaf(go_name, _WHOLE, "min", lambda value: value >= 1)


def _one_of(go_name: str, *names: str, stored: bool = True) -> Leaf:
    return Leaf(go_name, text, "oneof", lambda value: value in names, stored, stored)


def _forbidden(go_name: str, *, stored: bool = True) -> Leaf:
    return Leaf(go_name, text, "isdefault", lambda _value: False, stored, shown=False)


SECTIONS: dict[str, dict[str, Leaf]] = {
    "encryption": {"passphrase": _forbidden("Passphrase")},
    "gateway": {
        "cloud_url": _forbidden("CloudURL", stored=False),
        "private_token": _forbidden("PrivateToken", stored=False),
        "notification_channel": _one_of("NotificationChannel", "AUTO", "SSE_ONLY"),
    },
    "messages": {
        "send_interval_min": _at_least_one("SendIntervalMin"),
        "send_interval_max": _at_least_one("SendIntervalMax"),
        "limit_period": _one_of("LimitPeriod", "Disabled", "PerMinute", "Per30Minutes", "PerHour", "PerDay"),
        "limit_value": _at_least_one("LimitValue"),
        "sim_selection_mode": _one_of("SimSelectionMode", "OSDefault", "RoundRobin", "Random"),
        "log_lifetime_days": _at_least_one("LogLifetimeDays"),
        "processing_order": _one_of("ProcessingOrder", "LIFO", "FIFO", stored=False),
        "work_hours_enabled": Leaf("WorkHoursEnabled", truth),
        "work_hours_start": Leaf("WorkHoursStart", text),
        "work_hours_end": Leaf("WorkHoursEnd", text),
    },
    "ping": {"interval_seconds": _at_least_one("IntervalSeconds")},
    "logs": {"lifetime_days": _at_least_one("LifetimeDays")},
    "webhooks": {
        "internet_required": Leaf("InternetRequired", truth),
        "retry_count": _at_least_one("RetryCount"),
        "signing_key": _forbidden("SigningKey"),
    },
    "receiver": {"content_provider_enabled": Leaf("ContentProviderEnabled", truth)},
}
_SHAPE = struct(
    "DeviceSettings",
    {
        section: struct(f"Settings{section.capitalize()}", {name: leaf.read for name, leaf in leaves.items()})
        for section, leaves in SECTIONS.items()
    },
)


def get_settings(books: Books, _call: Call) -> Response:
    """Answer ``GET /settings``: what was set and is no secret."""
    books.need_database("failed to get settings: failed to get settings")
    return json_answer(200, _public(books.settings))


def replace_settings(books: Books, call: Call) -> Response:
    """Answer ``PUT /settings``: the body becomes the settings."""
    given = _given(call)
    books.need_database("failed to update settings: failed to update settings")
    books.settings = _merged({}, given)
    return json_answer(200, _public(books.settings))


def patch_settings(books: Books, call: Call) -> Response:
    """Answer ``PATCH /settings``: given leaves are stored, null included, the others stay."""
    given = _given(call)
    books.need_database("failed to update settings: failed to update settings")
    books.settings = _merged(books.settings, given)
    return json_answer(200, _public(books.settings))


def _given(call: Call) -> dict[str, Any]:
    try:
        raw: dict[str, Any] | None = raw_body(call)
        _check(typed(raw, _SHAPE))
    except RefusedError as refused:
        raise RefusedError(400, f"Invalid settings format: {refused.message}") from None
    return raw or {}


def _check(given: dict[str, Any]) -> None:
    failures = Failures("DeviceSettings")
    for section, leaves in SECTIONS.items():
        for name, value in given.get(section, {}).items():
            leaf = leaves[name]
            failures.check(f"{section.capitalize()}.{leaf.go_name}", (leaf.tag, leaf.allows(value)))
    messages: dict[str, Any] = given.get("messages", {})
    _check_work_hours(failures, messages)
    failures.settle()
    low, high = messages.get("send_interval_min"), messages.get("send_interval_max")
    if low is not None and high is not None and high < low:
        reason = "sendIntervalMax must be greater than or equal to sendIntervalMin"
        raise RefusedError(400, f"failed to validate: validation failed: {reason}")


def _check_work_hours(failures: Failures, messages: dict[str, Any]) -> None:
    if not messages.get("work_hours_enabled"):
        return
    for name, go_name in (("work_hours_start", "WorkHoursStart"), ("work_hours_end", "WorkHoursEnd")):
        value: str | None = messages.get(name)
        good = value is not None and _CLOCK_TIME.fullmatch(value) is not None
        failures.check(f"Messages.{go_name}", ("required", value is not None), ("datetime", good))


def _merged(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    result = dict(stored)
    for section, leaves in SECTIONS.items():
        change: dict[str, Any] | None = given.get(section)
        if change is not None:
            kept = {name: change[name] for name, leaf in leaves.items() if leaf.stored and name in change}
            result[section] = {**result.get(section, {}), **kept}
    return result


def _public(stored: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for section in sorted(stored):
        leaves = SECTIONS[section]
        shown[section] = {name: value for name, value in sorted(stored[section].items()) if leaves[name].shown}
    return shown
