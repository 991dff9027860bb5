"""Import of settings: absent stays, null is the default, secrets are erased, and bad values stop it."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from smsgate.phone import PhoneSettings, SettingsError, import_settings
from smsgate.phone._settings import stored_text


def imported(tree, before=PhoneSettings()):  # noqa: B008 - frozen
    return import_settings(before, tree, lambda: "drawn")


FULL = {
    "encryption": {"passphrase": "secret"},
    "messages": {
        "send_interval_min": 1,
        "send_interval_max": 2,
        "limit_period": "PerHour",
        "limit_value": 3,
        "sim_selection_mode": "Random",
        "processing_order": "FIFO",
        "work_hours_enabled": True,
        "work_hours_start": "08:30",
        "work_hours_end": "16:45",
    },
    "ping": {"interval_seconds": 60},
    "webhooks": {"internet_required": False, "retry_count": 4, "signing_key": "key"},
}


def test_every_setting_is_read():
    assert imported(FULL) == PhoneSettings(
        limit_value=3,
        limit_period=timedelta(hours=1),
        interval_min=1,
        interval_max=2,
        sim_selection_mode="Random",
        processing_order="FIFO",
        work_hours_enabled=True,
        work_hours_start=time(8, 30),
        work_hours_end=time(16, 45),
        ping_interval=60,
        retry_count=4,
        internet_required=False,
        passphrase="secret",
        signing_key="key",
    )


@pytest.mark.parametrize("tree", [{}, {"messages": {}}, {"messages": None}, {"other": {"x": 1}, "messages": {"y": 2}}])
def test_what_is_absent_or_unknown_changes_nothing(tree):
    before = imported(FULL)

    assert imported(tree, before) == before


def test_null_is_the_default_and_erases_secrets():
    nulls = {section: dict.fromkeys(values) for section, values in FULL.items()}

    assert imported(nulls, imported(FULL)) == PhoneSettings(passphrase="", signing_key="drawn")


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("messages", "limit_period", "PerYear"),
        ("messages", "limit_period", []),
        ("messages", "limit_value", "many"),
        ("messages", "limit_value", float("inf")),
        ("messages", "sim_selection_mode", "Any"),
        ("messages", "processing_order", "Random"),
        ("messages", "work_hours_enabled", "yes"),
        ("messages", "work_hours_start", "24:00"),
        ("messages", "work_hours_start", 9),
        ("webhooks", "internet_required", 1),
        ("webhooks", "signing_key", 5),
    ],
)
def test_bad_value_stops_the_import_and_keeps_what_came_before(section, name, value):
    with pytest.raises(SettingsError, match=f"{section}.{name}") as failed:
        imported({"ping": {"interval_seconds": 5}, section: {name: value}, "logs": {}})

    assert failed.value.imported == PhoneSettings(ping_interval=5)


def test_numbers_are_cut_and_counts_are_at_least_one():
    found = imported({"messages": {"limit_value": 2.9}, "webhooks": {"retry_count": 0}})

    assert (found.limit_value, found.retry_count) == (2, 1)


@pytest.mark.parametrize(
    ("typed", "used"),
    [
        ("  key\n", "key"),
        ('"abc"', "abc"),
        ("'abc'", "abc"),
        ("NULL", ""),
        ("  ", ""),
        ("#secret", ""),
        ("//secret", ""),
        ("TRUE", "true"),
        ("a b=/+ü-_", "a b=/+ü-_"),
        ('"', '"'),
    ],
)
def test_secrets_are_read_back_leniently(typed, used):
    assert stored_text(typed) == used
    assert imported({"webhooks": {"signing_key": typed}}).signing_key == (used or "drawn")


def test_secrets_do_not_show():
    assert "secret" not in repr(imported(FULL))
