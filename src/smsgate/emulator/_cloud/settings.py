"""Settings operations of the cloud server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.binding import ValidationErrors, bind, is_form, raw_body, struct
from smsgate.emulator._http.responses import RequestError, json_response
from smsgate.emulator._state.settings import SECTIONS

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator._http.routing import ParsedRequest
    from smsgate.emulator._state.state import GatewayState

_FOUR_DIGITS = re.compile(r"[0-9]{2}:[0-9]{2}")
_CLOCK_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


_SHAPE = struct(
    "DeviceSettings",
    {
        section: struct(f"Settings{section.capitalize()}", {name: leaf.read for name, leaf in leaves.items()})
        for section, leaves in SECTIONS.items()
    },
)


def get_settings(state: GatewayState, _request: ParsedRequest) -> Response:
    """Handle ``GET /settings``: stored values without secrets."""
    state.need_database("failed to get settings: failed to get settings")
    return json_response(200, _without_secrets(state.settings))


def replace_settings(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``PUT /settings``: the body becomes the settings."""
    fields = _read_settings(request)
    state.need_database("failed to update settings: failed to update settings")
    state.change_settings(_merge({}, fields))
    return json_response(200, _without_secrets(state.settings))


def patch_settings(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``PATCH /settings``: fields of the body are stored, null included; others are kept."""
    fields = _read_settings(request)
    state.need_database("failed to update settings: failed to update settings")
    state.change_settings(_merge(state.settings, fields))
    return json_response(200, _without_secrets(state.settings))


def _read_settings(request: ParsedRequest) -> dict[str, Any]:
    try:
        raw = _raw_settings(request)
        _check(bind(raw, _SHAPE))
    except RequestError as refused:
        raise RequestError(400, f"Invalid settings format: {refused.message}") from None
    return raw or {}


def _raw_settings(request: ParsedRequest) -> dict[str, Any] | None:
    if is_form(request):
        raise RequestError(400, "failed to parse body: schema: interface must be a pointer to struct")
    raw: dict[str, Any] | None = raw_body(request)
    return raw


def _check(fields: dict[str, Any]) -> None:
    errors = ValidationErrors("DeviceSettings")
    for section, leaves in SECTIONS.items():
        for name, value in fields.get(section, {}).items():
            leaf = leaves[name]
            errors.check(f"{section.capitalize()}.{leaf.go_name}", (leaf.tag, leaf.allows(value)))
    errors.settle()
    messages: dict[str, Any] = fields.get("messages", {})
    low, high = messages.get("send_interval_min"), messages.get("send_interval_max")
    if low is not None and high is not None and high < low:
        raise _invalid("sendIntervalMax must be greater than or equal to sendIntervalMin")
    if messages.get("work_hours_enabled"):
        _check_work_hours(messages)


def _check_work_hours(messages: dict[str, Any]) -> None:
    fields = (("work_hours_start", "workHoursStart"), ("work_hours_end", "workHoursEnd"))
    for name, shown in fields:
        if name not in messages:
            raise _invalid(f"{shown} is required when work hours are enabled")
    for name, shown in fields:
        if not _FOUR_DIGITS.fullmatch(messages[name]):
            raise _invalid(f'{shown} must be in HH:mm format, got "{messages[name]}"')
    for name, shown in fields:
        if not _CLOCK_TIME.fullmatch(messages[name]):
            raise _invalid(f'{shown} "{messages[name]}" contains invalid time values')


def _invalid(reason: str) -> RequestError:
    return RequestError(400, f"failed to validate: validation failed: {reason}")


def _merge(stored: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    result = dict(stored)
    for section, leaves in SECTIONS.items():
        change: dict[str, Any] | None = fields.get(section)
        if change is not None:
            kept = {name: change[name] for name, leaf in leaves.items() if leaf.stored and name in change}
            result[section] = {**result.get(section, {}), **kept}
    return result


def _without_secrets(stored: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for section in sorted(stored):
        leaves = SECTIONS[section]
        shown[section] = {name: value for name, value in sorted(stored[section].items()) if leaves[name].shown}
    return shown
