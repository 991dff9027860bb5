# Written by scripts/unasync.py from tests/_async/test_strict_models.py; change that file instead.
"""Strict validation of models from JSON and of enum values before a request is sent."""

from __future__ import annotations

import json

import pytest

from smsgate import InvalidRequestError, domain

MESSAGE = {"phoneNumbers": ["+12025550101"], "textMessage": {"text": "Hi"}}
PERIOD = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
WEBHOOK = {"url": "https://hooks.test/sms", "event": "sms:received"}


@pytest.mark.parametrize(
    ("method", "model", "document"),
    [
        ("send", domain.Message, {**MESSAGE, "sheduleAt": "2030-01-01T09:00:00Z"}),
        ("send", domain.Message, {**MESSAGE, "scheduleAt": "2030-01-01T09:00:00"}),
        ("send", domain.Message, {**MESSAGE, "textMessage": {"text": "Hi", "lang": "en"}}),
        ("create_webhook", domain.Webhook, {**WEBHOOK, "devceId": "a"}),
        ("create_webhook", domain.Webhook, {**WEBHOOK, "event": "sms.received"}),
        ("patch_settings", domain.DeviceSettings, {"messages": {"limit_period": "perDay"}}),
        ("create_webhook", domain.Webhook, {**WEBHOOK, "id": "a/b"}),
        ("patch_settings", domain.DeviceSettings, {"messages": {"limitvalue": 1}}),
        ("update_settings", domain.DeviceSettings, {"mesages": {}}),
        ("refresh_inbox", domain.InboxRefreshRequest, {**PERIOD, "since": "2026-01-01T00:00:00"}),
        ("refresh_inbox", domain.InboxRefreshRequest, {**PERIOD, "device": "a"}),
        ("export_inbox", domain.MessagesExportRequest, {**PERIOD, "until": "2026-01-02 00:00:00"}),
        ("generate_token", domain.TokenRequest, {"scopes": ["messages:send"], "lifetime": 60}),
    ],
)
def test_model_from_json_is_checked_before_anything_leaves(client, http, method, model, document):
    with pytest.raises(InvalidRequestError) as caught:
        getattr(client, method)(model.model_validate_json(json.dumps(document)))

    assert "Hi" not in str(caught.value)
    assert http.requests == []


def test_send_many_reports_a_bad_model_as_its_own_result(client):
    bad = domain.Message.from_dict({**MESSAGE, "scheduleAt": "2030-01-01T09:00:00"})
    good = domain.Message.from_dict(MESSAGE)

    results = [result for result in client.send_many([bad, good])]

    assert [type(result.error) for result in results] == [InvalidRequestError, type(None)]


def test_unknown_value_of_a_gateway_and_one_in_a_constructor_are_sent(answered):
    body = json.dumps({**WEBHOOK, "id": "a", "event": "sms:novel"}).encode()
    client, backend = answered((200, b"[" + body + b"]"), (201, body))

    (received,) = client.get_webhooks()
    client.create_webhook(received.model_copy(update={"device_id": "d"}))
    client.create_webhook(domain.Webhook(url=WEBHOOK["url"], event=domain.WebhookEvent("sms:novel")))

    assert [json.loads(request.content)["event"] for request in backend.requests[1:]] == ["sms:novel", "sms:novel"]


def test_unknown_value_from_json_is_refused_with_the_nearest_one(client):
    model = domain.Webhook.from_dict({**WEBHOOK, "event": "sms.received"})

    with pytest.raises(InvalidRequestError, match=r"event: .* did you mean 'sms:received'"):
        client.create_webhook(model)


def test_item_of_send_many_that_is_no_message_costs_no_others(client):
    good = domain.Message.from_dict(MESSAGE)

    results = [result for result in client.send_many([good, 5, None, "Hi", good])]

    assert [result.ok for result in results] == [True, False, False, False, True]
    assert [str(result.error) for result in results[1:4]] == [
        "messages[1] is no Message, but of type int",
        "messages[2] is no Message, but of type NoneType",
        "messages[3] is no Message, but of type str",
    ]
    assert [result.message for result in results[1:4]] == [5, None, "Hi"]


@pytest.mark.parametrize("messages", [None, 5, "Hi", b"Hi", MESSAGE, domain.Message.from_dict(MESSAGE)])
def test_send_many_takes_an_iterable_of_messages(client, http, messages):
    with pytest.raises(InvalidRequestError, match=f"messages takes .* not a value of type {type(messages).__name__}"):
        for _ in client.send_many(messages):
            pass

    assert http.requests == []


def test_settings_of_a_newer_server_survive_reading_changing_and_writing(answered):
    client, backend = answered((200, b'{"messages": {"limit_value": 5, "novel": true}, "future": {"a": 1}}'))

    settings = client.get_settings()
    client.update_settings(settings.model_copy(update={"ping": domain.SettingsPing(interval_seconds=60)}))

    assert json.loads(backend.requests[-1].content) == {
        "messages": {"limit_value": 5, "novel": True},
        "future": {"a": 1},
        "ping": {"interval_seconds": 60},
    }


def test_unknown_enum_text_of_a_filter_is_refused_with_the_nearest_value(client, http):
    for call in (
        lambda: client.get_messages(state="failed"),
        lambda: client.get_messages(query=domain.MessagesQueryFilter(state="failed")),
        lambda: client.get_messages(query=domain.MessagesQueryFilter.from_dict({"state": "failed"})),
    ):
        with pytest.raises(InvalidRequestError, match="did you mean 'Failed'"):
            call()
    for call in (
        lambda: client.list_inbox_messages(message_type="mms_download"),
        lambda: client.list_inbox_messages(inbox_filter=domain.InboxQueryFilter(message_type="mms_download")),
    ):
        with pytest.raises(InvalidRequestError, match="did you mean 'MMS_DOWNLOADED'"):
            call()
    with pytest.raises(InvalidRequestError, match="did you mean 'sms:received'"):
        client.ensure_webhooks("https://hooks.test/sms", ["sms.received"])
    with pytest.raises(InvalidRequestError, match="did you mean 'Failed'"):
        for _ in client.iter_messages(state="failed"):
            pass

    assert http.requests == []


def test_unknown_enum_value_passes_on_purpose(answered):
    client, backend = answered((200, b"[]"))
    novel = domain.ProcessState("Novel")
    client.get_messages(query=domain.MessagesQueryFilter(state=novel))
    client.get_messages(state=novel)

    assert [request.url.partition("?")[2] for request in backend.requests] == ["state=Novel", "state=Novel"]
