"""Deliveries after control requests and inbox refreshes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from smsgate import webhooks
from smsgate.emulator import Attachment
from smsgate.phone import _message_ids as message_ids


def register(talk, *names):
    for name in names:
        assert talk("POST", "/webhooks", {"url": "https://receiver.example/sms", "event": name}).status == 201


def documents(gateway):
    return [json.loads(attempt.body) for attempt in gateway.deliveries.due()]


# --- by hand ----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["cloud", "local"])
def silent(request, open_gateway):
    """A gateway whose phone reports by hand only."""
    return open_gateway(mode=request.param, phone=False)


def test_states_reported_by_hand_are_delivered_as_usual(silent):
    register(silent, "sms:sent", "sms:delivered", "sms:failed")
    sent = silent.send(["+79990001234", "+79990005678"], textMessage={"text": "я" * 71}).json

    for state in ("Processed", "Sent", "Sent", "Delivered"):
        silent.gateway.report(sent["id"], state)
    told = [(one["event"], one["payload"]["recipient"]) for one in documents(silent.gateway)]

    assert sorted(told) == sorted(
        (event, number)
        for number in ("+79990001234", "+79990005678")
        for event in ("sms:sent", "sms:delivered", "sms:delivered")  # one for each part
    )


def test_failure_of_one_recipient_reported_by_hand_is_told_with_its_reason(silent):
    register(silent, "sms:sent", "sms:delivered", "sms:failed")
    sent = silent.send(["+79990001234", "+79990005678"]).json
    recipients = [
        {"phoneNumber": "+79990001234", "state": "failed", "error": "no luck"},
        {"phoneNumber": "+79990005678", "state": "Processed"},
    ]

    silent.gateway.report(sent["id"], "Processed", recipients=recipients)
    (told,) = documents(silent.gateway)

    assert (told["event"], told["payload"]["recipient"]) == ("sms:failed", "+79990001234")
    assert (told["payload"]["reason"], told["payload"]["messageId"]) == ("no luck", sent["id"])


def test_what_the_server_drops_is_told_to_webhooks_all_the_same(cloud):
    register(cloud, "sms:failed")
    sent = cloud.send().json

    assert not cloud.gateway.report(sent["id"], "Failed", error="x" * 257)
    assert not cloud.gateway.report("nobody", "Failed")
    assert len(cloud.gateway.deliveries.due()) == 1


def test_parts_are_counted_after_the_text_was_hashed_too(open_gateway):
    talk = open_gateway(phone=False)
    register(talk, "sms:delivered")
    sent = talk.send(textMessage={"text": "я" * 141}).json
    talk.gateway.report(sent["id"], "Sent")
    talk.gateway.hash_now()

    talk.gateway.report(sent["id"], "Delivered")

    assert talk.gateway.messages[0].is_hashed
    assert len(talk.gateway.deliveries.due()) == 3


# --- inbox refresh ----------------------------------------------------------------------------------------------------

PERIOD = {"since": "2026-01-01T11:00:00Z", "until": "2026-01-01T13:00:00Z"}


def refresh(talk, path="/inbox/refresh", **fields):
    assert talk("POST", path, {**PERIOD, **fields}).status == 202
    return documents(talk.gateway)


@pytest.fixture(params=["cloud", "local"])
def talk(request, open_gateway):
    opened = open_gateway(mode=request.param)
    register(opened, "sms:received", "mms:downloaded", "sms:batch:received", "mms:batch:downloaded")
    return opened


def missed(talk, *texts, **fields):
    return [talk.gateway.receive("900", text, missed=True, **fields) for text in texts]


@pytest.mark.parametrize(
    "fields",
    [
        {"webhookDelivery": "Individual"},
        {"triggerWebhooks": True},
        {"webhookDelivery": "Individual", "triggerWebhooks": False},
    ],
)
def test_refresh_delivers_missed_texts_one_by_one(talk, fields):
    (late,) = missed(talk, "late")
    (early,) = missed(talk, "early", received_at=talk.clock() - timedelta(minutes=1))
    assert documents(talk.gateway) == []

    told = refresh(talk, **fields)

    assert [(one["event"], one["payload"]["message"]) for one in told] == [
        ("sms:received", "early"),
        ("sms:received", "late"),
    ]
    numbers = [int(one["payload"]["messageId"], 16) for one in told]
    assert [message_ids.inbox_id("text", number) for number in numbers] == [early.id, late.id]


def test_refresh_delivers_batches_of_a_hundred_by_kind(talk):
    missed(talk, *(str(number) for number in range(150)))
    missed(talk, "picture", type="MMS_DOWNLOADED", attachments=[Attachment(7, "dot.png", "image/png", b"PNG")])

    told = refresh(talk, messageTypes=["SMS", "MMS"], webhookDelivery="Batch")

    assert [(one["event"], len(one["payload"]["messages"])) for one in told] == [
        ("sms:batch:received", 100),
        ("sms:batch:received", 50),
        ("mms:batch:downloaded", 1),
    ]
    texts = [item["message"] for one in told[:2] for item in one["payload"]["messages"]]
    assert sorted(texts, key=int) == [str(number) for number in range(150)]
    assert told[2]["payload"]["messages"][0]["body"] == "picture"
    read = [webhooks.parse_unverified(json.dumps(one)) for one in told]
    assert isinstance(read[0], webhooks.SmsBatchReceived)
    assert isinstance(read[2], webhooks.MmsBatchDownloaded)


@pytest.mark.parametrize("fields", [{}, {"webhookDelivery": "Disabled"}, {"triggerWebhooks": False}])
def test_refresh_without_webhooks_uses_the_messages_up(talk, fields):
    missed(talk, "hello")

    assert refresh(talk, **fields) == []
    assert refresh(talk, webhookDelivery="Individual") == []


def test_refresh_is_no_replay(talk):
    talk.gateway.receive("900", "seen")
    assert len(documents(talk.gateway)) == 1
    missed(talk, "missed", "seen")

    assert [one["payload"]["message"] for one in refresh(talk, triggerWebhooks=True)] == ["missed"]
    assert refresh(talk, triggerWebhooks=True) == []


def test_refresh_looks_at_time_and_kind(talk):
    at = [datetime(2026, 1, 1, hour, tzinfo=timezone.utc) for hour in (10, 11, 13, 14)]
    for moment in at:
        missed(talk, f"{moment:%H}", received_at=moment)
    missed(talk, "picture", type="MMS_DOWNLOADED")

    told = refresh(talk, triggerWebhooks=True)
    pictures = refresh(talk, triggerWebhooks=True, messageTypes=["MMS"])

    assert [one["payload"]["message"] for one in told] == ["11", "13"]
    assert [one["payload"]["body"] for one in pictures] == ["picture"]


def test_export_is_a_refresh_of_texts(talk):
    missed(talk, "hello")
    missed(talk, "picture", type="MMS_DOWNLOADED")

    told = refresh(talk, "/messages/inbox/export", webhookDelivery="Batch", messageTypes=["MMS"])

    assert [one["event"] for one in told] == ["sms:received"]


def test_found_texts_are_in_the_inbox_of_a_local_server(local):
    (item,) = missed(local, "hello")
    before = local("GET", "/inbox").json
    refresh(local)

    assert (before, [one["id"] for one in local("GET", "/inbox").json]) == ([], [item.id])


def test_refresh_reaches_the_phones_it_is_for_if_they_are_on(open_gateway):
    talk = open_gateway(devices=3)
    register(talk, "sms:received")
    one, other, off = (device.id for device in talk.gateway.devices)
    for device in (one, other, off):
        missed(talk, f"to {device}", device_id=device)
    talk.gateway.switch(off, on=False)

    first = refresh(talk, triggerWebhooks=True, deviceId=other)
    nobody = refresh(talk, triggerWebhooks=True, deviceId="unknown")
    rest = refresh(talk, triggerWebhooks=True)

    assert [[told["deviceId"] for told in answer] for answer in (first, nobody, rest)] == [[other], [], [one]]


def test_only_what_a_phone_keeps_can_be_missed(cloud):
    for kind in ("DATA_SMS", "MMS"):
        with pytest.raises(ValueError, match="refresh"):
            cloud.gateway.receive("900", "00", type=kind, missed=True)
