"""Choice of a device for a message."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from smsgate import (
    Device,
)
from smsgate._core.device_choice import choose_device

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def device(id, hours):
    seen = NOW - timedelta(hours=hours)
    return Device(id=id, name="", created_at=seen, updated_at=seen, last_seen=seen)


def test_recently_seen_phone_is_preferred():
    phones = [device("old", 100), device("new", 1), device("newer", 0)]

    assert {choose_device(phones, 0, NOW, f"m{number}") for number in range(50)} == {"new", "newer"}
    assert choose_device(phones[:1], 0, NOW, "m1") == "old"
    assert choose_device(phones, 200, NOW, "m1", {"new", "newer"}) == "old"
    assert choose_device(phones[:1], 1, NOW, "m1") is None
    assert choose_device([], 0, NOW, "m1") is None


def test_phone_of_a_message_is_the_same_for_everybody_and_when_others_come_and_go():
    phones = [device(f"phone-{number}", 0) for number in range(5)]
    ids = [f"order-{number}" for number in range(200)]
    chosen = {id: choose_device(phones, 0, NOW, id) for id in ids}

    assert {id: choose_device(phones[::-1], 0, NOW, id.upper()) for id in ids} == chosen
    assert min(map([*chosen.values()].count, {phone.id for phone in phones})) > 10
    fewer = {id: choose_device(phones[1:], 0, NOW, id) for id in ids}
    assert {fewer[id] for id in ids if chosen[id] != "phone-0"} == {phone.id for phone in phones[1:]}
    assert all(fewer[id] == chosen[id] for id in ids if chosen[id] != "phone-0")
