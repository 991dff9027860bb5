"""Received messages: ids, previews, events, and the search for missed ones."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import given, strategies as st

from phone_bench import START, Handset
from smsgate.phone import Attachment, Inbox, IncomingMessage, PhoneConfig, PhoneTimings, Refresh


def inbox(zone=timezone.utc):
    return Inbox(PhoneConfig("phone", Handset(), Random(0), zone, PhoneTimings()))


def message(text="hi", at=START, kind="SMS", **fields):
    return IncomingMessage("", kind, "+15550107788", text, at, **fields)


def test_ids_are_those_of_the_vectors(vectors):
    for case in vectors("webhook-events")["message_id_vectors"]:
        at = datetime.fromtimestamp(case["date_ms"] / 1000, timezone.utc)
        is_text = case["kind"] == "text"
        text = case["text"] if is_text else base64.b64decode(case["data_base64"]).hex()
        item = IncomingMessage(
            "", "SMS" if is_text else "DATA_SMS", case["sender"], text, at, sim_number=case["subscription_id"]
        )

        received = inbox().receive(item, START)

        assert received.message.id == case["inbox_id"]
        assert received.events[0].payload["messageId"] == case["webhook_message_id"]


@pytest.mark.parametrize(
    ("kind", "text", "subject", "preview"),
    [
        ("SMS", "hello", None, "hello"),
        ("SMS", "", None, ""),
        ("DATA_SMS", "010203feff", None, "010203feff"),
        ("DATA_SMS", "ab" * 65, None, "ab" * 64 + "..."),
        ("DATA_SMS", "", None, "Empty data"),
        ("MMS", "Holiday", None, "Holiday"),
        ("MMS", "", "Holiday", "Holiday"),
        ("MMS", "", None, "MMS notification"),
        ("MMS_DOWNLOADED", "Look", "Holiday", "Look"),
        ("MMS_DOWNLOADED", "", "Holiday", "Holiday"),
        ("MMS_DOWNLOADED", "", None, "MMS content"),
    ],
)
def test_previews_are_those_of_the_app(kind, text, subject, preview):
    assert message(text, kind=kind, subject=subject).preview == preview


def test_times_are_in_the_phones_zone_and_utc_is_z():
    zones = [timezone.utc, timezone(timedelta(hours=7)), timezone(-timedelta(hours=3, minutes=30))]

    found = [inbox(zone).receive(message(), START).events[0].payload["receivedAt"] for zone in zones]

    assert found == ["2026-01-01T12:00:00.000Z", "2026-01-01T19:00:00.000+07:00", "2026-01-01T08:30:00.000-03:30"]


def test_announced_and_downloaded_mms_are_two_messages():
    box, photo = inbox(), Attachment(41, "dot.png", "image/png", b"\x89PNG")
    announced = box.receive(message("Holiday", kind="MMS", attachments=(photo,)), START)
    downloaded = box.receive(message("Look", kind="MMS_DOWNLOADED", subject="Holiday", attachments=(photo,)), START)

    assert announced.message.id.startswith("mms-header:")
    assert announced.events[0].payload["transactionId"] == announced.events[0].payload["messageId"]
    assert (announced.events[0].payload["size"], announced.events[0].payload["subject"]) == (4, "Holiday")
    assert downloaded.message.id.startswith("mms:")
    payload = downloaded.events[0].payload
    assert list(payload)[:4] == ["attachments", "body", "receivedAt", "subject"]
    assert payload["attachments"][0]["data"] == base64.b64encode(b"\x89PNG").decode()


def test_equal_message_is_received_once_also_after_a_restart():
    box = inbox()
    first = box.receive(message(), START)
    again = box.receive(message(), START)
    restarted = inbox()
    restarted.resume(first.message)

    assert (again.message, again.events, again.is_new) == (first.message, [], False)
    assert not restarted.receive(message(), START).is_new


def test_missed_message_is_found_once_also_after_a_restart():
    box = inbox()
    missed = box.receive(message(), START, missed=True).message
    restarted = inbox()
    restarted.resume(missed, missed=True)
    refresh = Refresh(START, START)

    for one in (box, restarted):
        assert [item.id for item in one.missed] == [missed.id]
        found, events = one.refresh(refresh, START)
        assert ([item.id for item in found], [event.name for event in events]) == ([missed.id], ["sms:received"])
        assert one.refresh(refresh, START) == ([], [])


@given(
    texts=st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=260),
    since=st.integers(0, 50),
    length=st.integers(0, 50),
    delivery=st.sampled_from(["Disabled", "Individual", "Batch"]),
)
def test_refresh_finds_each_missed_message_of_the_period_once_and_in_order(texts, since, length, delivery):
    box = inbox()
    start, end = START + timedelta(seconds=since), START + timedelta(seconds=since + length)
    expected = []
    for number, (second, is_missed) in enumerate(texts):
        item = message(f"text {number}", START + timedelta(seconds=second))
        stored = box.receive(item, START, missed=is_missed).message
        if is_missed and start <= stored.received_at <= end:
            expected.append(stored)

    found, events = box.refresh(Refresh(start, end, ("SMS", "MMS"), delivery), START)

    assert sorted(item.id for item in found) == sorted(item.id for item in expected)
    assert found == sorted(found, key=lambda item: item.received_at)
    payloads = [event.payload for event in events]
    if delivery == "Batch":
        assert all(1 <= len(one["messages"]) <= 100 for one in payloads)
        payloads = [item for one in payloads for item in one["messages"]]
    assert [one["message"] for one in payloads] == ([] if delivery == "Disabled" else [item.text for item in found])
    assert box.refresh(Refresh(start, end, ("SMS",), delivery), START) == ([], [])


def test_messages_that_share_an_id_by_chance_are_both_kept():
    box = inbox()
    one, other = box.receive(message("Aa"), START).message, box.receive(message("BB"), START).message

    assert one.id != other.id
    assert replace(other, id="", device_id=None).received_at == START + timedelta(milliseconds=1)
