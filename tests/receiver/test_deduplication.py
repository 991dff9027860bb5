"""Which events count as the same."""

from __future__ import annotations

import pytest

from smsgate import webhooks
from smsgate.receiver._deduplication import get_deduplication_keys


def keys(body):
    return set(get_deduplication_keys(webhooks.parse_unverified(body)))


def same(one, other):
    return bool(keys(one) & keys(other))


def test_attempts_of_one_delivery_are_the_same(phone):
    body = phone.envelope("system:ping", payload={"health": {"status": "pass", "version": "1", "releaseId": 1}})

    assert len(keys(body)) == 1
    assert same(body, body)


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("sms:received", {"message": "hi", "sender": "+1", "recipient": "+2"}),
        ("sms:data-received", {"data": "AQID", "sender": "+1", "recipient": "+2"}),
        ("mms:received", {"transactionId": "t", "size": 1, "recipient": "+2"}),
        ("mms:downloaded", {"attachments": [], "recipient": "+2"}),
        ("sms:sent", {"recipient": "+2"}),
        ("sms:failed", {"recipient": "+2", "reason": "Unknown"}),
        ("sms:cancelled", {"recipient": "+2"}),
    ],
)
def test_two_deliveries_of_one_message_are_the_same(phone, event, fields):
    def body(device="phone-1", **changes):
        return phone.envelope(event, device=device, payload={"messageId": "m", **fields, **changes})

    assert same(body(), body())
    assert not same(body(), body(device="phone-2"))
    assert not same(body(), body(messageId="n"))
    assert not same(body(), body(recipient="+3"))


def test_texts_that_share_a_checksum_are_not_the_same(phone):
    one = phone.envelope(messageId="78542ff0", message="one")
    other = phone.envelope(messageId="78542ff0", message="other")

    assert not same(one, other)


@pytest.mark.parametrize(
    "changes", [{"sender": "+2"}, {"body": "other"}, {"subject": "other"}, {"attachments": []}, {"attachments": None}]
)
def test_pictures_under_a_row_number_that_was_given_again_are_not_the_same(phone, changes):
    part = {"partId": 1, "contentType": "image/png", "size": 7}
    payload = {"messageId": "5", "sender": "+1", "body": "look", "subject": "hi", "attachments": [part]}

    def body(**changes):
        return phone.envelope("mms:downloaded", payload={**payload, **changes})

    assert same(body(), body())
    assert not same(body(), body(**changes))


def test_events_of_one_message_are_not_the_same(phone):
    payload = {"messageId": "m", "recipient": "+2"}

    assert not same(phone.envelope("sms:sent", payload=payload), phone.envelope("sms:cancelled", payload=payload))


def test_reports_about_the_parts_of_a_message_are_not_the_same(phone):
    payload = {"messageId": "m", "recipient": "+2", "deliveredAt": "2026-01-01T12:00:00.000Z"}

    assert not same(phone.envelope("sms:delivered", payload=payload), phone.envelope("sms:delivered", payload=payload))


def test_recipient_of_an_old_app_is_found_under_its_old_name(phone):
    def body(number):
        return phone.envelope("sms:sent", payload={"messageId": "m", "phoneNumber": number})

    assert same(body("+2"), body("+2"))
    assert not same(body("+2"), body("+3"))


def test_event_without_ids_is_like_no_other(phone):
    body = phone.envelope(id="", payload={"message": "hi", "phoneNumber": "+1"})

    assert keys(body) == set()


def test_keys_give_nothing_away(phone):
    text = "".join(keys(phone.envelope(message="secret words", sender="+12025550199")))

    assert set(text) <= set("0123456789abcdef")
