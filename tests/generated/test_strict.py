"""Strict validation of models from JSON: unknown names, times without zone, exceeded limits."""

import copy
import json
import pickle
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from smsgate.runtime.reading import ObjectReader, PageReader
from smsgate.runtime.strict import Strict, strict
from smsgate.runtime.types import Model, encode
from smsgate_api import models, operations

MESSAGE = {"phoneNumbers": ["+15550100"], "textMessage": {"text": "Hi"}}
PERIOD = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
WEBHOOK = {"url": "https://a.test", "event": "sms:received"}
BROKEN = [
    (models.Message, {**MESSAGE, "sheduleAt": "2030-01-01T09:00:00Z"}),
    (models.Message, {**MESSAGE, "textMessage": {"text": "Hi", "lang": "en"}}),
    (
        models.Message,
        {
            **MESSAGE,
            "textMessage": None,
            "mmsMessage": {"attachments": [{"contentType": "a/b", "data": "AQID", "size": 1}]},
        },
    ),
    (models.Message, {**MESSAGE, "scheduleAt": "2030-01-01T09:00:00"}),
    (models.Message, {**MESSAGE, "validUntil": "2030-01-01 09:00:00"}),
    (models.Message, {**MESSAGE, "ttl": 1}),
    (models.Message, {**MESSAGE, "phoneNumbers": []}),
    (models.InboxRefreshRequest, {**PERIOD, "since": "2026-01-01T00:00:00"}),
    (models.InboxRefreshRequest, {**PERIOD, "deviceid": "a"}),
    (models.MessagesExportRequest, {**PERIOD, "until": "2026-01-02T00:00:00"}),
    (models.Webhook, {**WEBHOOK, "device_Id": "a"}),
    (models.TokenRequest, {"scopes": ["messages:send"], "lifetime": 3}),
    (models.DeviceSettings, {"mesages": {"limit_value": 1}}),
    (models.DeviceSettings, {"messages": {"limitvalue": 1}}),
]


class Job(BaseModel):
    body: Strict[models.Message]
    extra: Strict[models.TextMessage] | None = None


class Tree(Model):
    """A model that contains itself."""

    text: models.TextMessage
    labels: dict[str, Any] | None = None
    children: list["Tree"] | None = None


@pytest.mark.parametrize(("model", "document"), BROKEN)
def test_model_from_json_is_checked_by_the_strict_rules_before_it_is_sent(model, document):
    for read in (model.from_dict, model.model_validate, lambda found: model.model_validate_json(json.dumps(found))):
        with pytest.raises(ValidationError):
            encode(read(document))  # some are not even read


@pytest.mark.parametrize(("model", "document"), BROKEN)
def test_strict_type_refuses_what_could_not_be_built(model, document):
    for adapter in (TypeAdapter(strict(model)), TypeAdapter(Strict[model])):
        with pytest.raises(ValidationError):
            adapter.validate_python(document)
        with pytest.raises(ValidationError):
            adapter.validate_json(json.dumps(document))


@pytest.mark.parametrize(
    ("model", "document"),
    [
        (models.Message, {**MESSAGE, "scheduleAt": "2030-01-01T09:00:00+01:00", "priority": 100}),
        (models.Message, {"phone_numbers": ["+15550100"], "text_message": {"text": "Hi"}}),
        (models.InboxRefreshRequest, {**PERIOD, "messageTypes": ["SMS"], "webhookDelivery": "Batch"}),
        (models.Webhook, WEBHOOK),
        (models.DeviceSettings, {"messages": {"limit_period": "PerDay"}}),
    ],
)
def test_strict_type_takes_what_could_be_built_and_makes_the_same_of_it(model, document):
    built = TypeAdapter(strict(model)).validate_json(json.dumps(document))

    assert built == model(**document)
    assert TypeAdapter(strict(model)).validate_python(built) is built
    assert encode(built) == encode(model.from_dict(document))


def test_strict_type_refuses_unknown_enum_values_and_names_the_place():
    with pytest.raises(ValidationError, match="did you mean 'sms:received'"):
        TypeAdapter(strict(models.Webhook)).validate_python({**WEBHOOK, "event": "sms.received"})
    with pytest.raises(ValidationError) as caught:
        Job.model_validate({"body": {**MESSAGE, "textMessage": {"text": "Hi", "lang": "en"}}})

    assert [problem["loc"] for problem in caught.value.errors()] == [("body", "textMessage", "lang")]


def test_strict_type_works_inside_other_models():
    job = Job.model_validate({"body": MESSAGE})

    assert job.body.content == "Hi"
    assert job.model_dump(mode="json")["body"]["phoneNumbers"] == ["+15550100"]
    assert "phoneNumbers" in json.dumps(Job.model_json_schema())
    for wrong in (
        {"body": [MESSAGE]},
        {"body": {1: 2}},
        {"body": MESSAGE, "extra": models.DataMessage("AQID", port=1)},
    ):
        with pytest.raises(ValidationError):
            Job.model_validate(wrong)


def test_json_schema_of_a_strict_type_allows_no_further_fields():
    schema = TypeAdapter(Strict[models.Message]).json_schema()
    text = schema["properties"]["textMessage"]["anyOf"][0]

    assert (schema["title"], schema["additionalProperties"]) == ("Message", False)
    assert (text["title"], text["additionalProperties"]) == ("TextMessage", False)
    assert "additionalProperties" not in schema["properties"]["phoneNumbers"]
    assert schema["properties"]["phoneNumbers"] == models.Message.model_json_schema()["properties"]["phoneNumbers"]
    assert models.Message.model_json_schema()["additionalProperties"] is True
    both = TypeAdapter(list[Strict[Tree] | Tree]).json_schema()
    assert both["items"]["anyOf"][0]["additionalProperties"] is False
    assert both["$defs"]["Tree"]["additionalProperties"] is True


def test_strict_type_checks_an_instance_that_was_read_tolerantly():
    with pytest.raises(ValidationError):
        Job(body=models.Message.from_dict({**MESSAGE, "scheduleAt": "2030-01-01T09:00:00"}))


@pytest.mark.parametrize("wrong", [int, list, BaseModel])
def test_strict_type_is_for_models(wrong):
    with pytest.raises(TypeError):
        strict(wrong)
    with pytest.raises(TypeError):
        TypeAdapter(Strict[wrong])


# --- times without a zone


def test_time_without_zone_is_utc_and_stays_refused_through_copies():
    message = models.Message.from_dict({**MESSAGE, "scheduleAt": "2030-01-01T09:00:00"})
    assert message.schedule_at.isoformat() == "2030-01-01T09:00:00+00:00"
    assert message.asdict()["scheduleAt"] == "2030-01-01T09:00:00.000Z"
    assert message == models.Message.from_dict({**MESSAGE, "scheduleAt": "2030-01-01T09:00:00Z"})
    copies = (copy.deepcopy(message), pickle.loads(pickle.dumps(message)), message.model_copy(update={"priority": 5}))
    for same in copies:
        with pytest.raises(ValidationError, match="with a zone"):
            operations.send_message(same)


def test_time_without_zone_in_a_response_means_utc():
    read = ObjectReader(lambda: models.MessageState)
    state = read(
        200,
        {},
        json.dumps(
            {"id": "a", "deviceId": "b", "state": "Sent", "recipients": [], "states": {"Sent": "2026-01-02T03:04:05"}}
        ).encode(),
    )

    assert state.states["Sent"].isoformat() == "2026-01-02T03:04:05+00:00"
    assert repr(state.states["Sent"].tzinfo) == "datetime.timezone.utc"
    assert state.states["Sent"].tzname() == "UTC"


# --- what a newer gateway sends, and gets back


def test_settings_and_webhooks_of_a_newer_gateway_can_be_sent_back_but_misspelt_changes_cannot():
    settings = ObjectReader(lambda: models.DeviceSettings)(200, {}, b'{"messages": {"novel": 1}, "future": {"a": 2}}')
    webhook = PageReader(lambda: models.Webhook)(200, {}, json.dumps([{**WEBHOOK, "secretName": "x"}]).encode())[0]

    ping = settings.model_copy(update={"ping": models.SettingsPing(interval_seconds=60)})
    assert json.loads(encode(ping)) == {"messages": {"novel": 1}, "future": {"a": 2}, "ping": {"interval_seconds": 60}}
    assert json.loads(encode(webhook.model_copy(update={"url": "https://b.test"})))["secretName"] == "x"
    for wrong in (settings.model_copy(update={"pings": 1}), webhook.model_copy(update={"deviceId": "x"})):
        with pytest.raises(ValidationError, match="Extra inputs"):
            encode(wrong)
