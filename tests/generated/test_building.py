"""Constructor arguments: positions, unknown names, unknown enum values, and the signature."""

import inspect
import pydoc
import subprocess
import sys
from datetime import datetime, timezone

import pytest
from pydantic import ValidationError

from smsgate.runtime.types import InvalidArgumentError, Model
from smsgate_api import events, models, operations

MODELS = [
    model
    for module in (models, events)
    for name in dir(module)
    if isinstance(model := getattr(module, name), type) and issubclass(model, Model) and not name.endswith("Rules")
]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


# --- positions


@pytest.mark.parametrize(
    ("built", "same"),
    [
        (models.TextMessage("Hi"), models.TextMessage(text="Hi")),
        (models.DataMessage("AQID", port=5), models.DataMessage(data="AQID", port=5)),
        (models.SettingsPing(60), models.SettingsPing(interval_seconds=60)),
        (models.SettingsLogs(7), models.SettingsLogs(lifetime_days=7)),
        (models.SettingsEncryption("secret"), models.SettingsEncryption(passphrase="secret")),
        (models.TokenRequest(["messages:send"], ttl=60), models.TokenRequest(scopes=["messages:send"], ttl=60)),
    ],
)
def test_one_obvious_field_may_be_given_by_position(built, same):
    assert built == same
    assert built.model_fields_set == same.model_fields_set


@pytest.mark.parametrize(
    ("build", "advice"),
    [
        (lambda: models.TextMessage("a", "b"), "keywords only: TextMessage(text=…)"),
        (lambda: models.DataMessage("AQID", 5), "keywords only: DataMessage(data=…, port=…)"),
        (lambda: models.Message(["+15550100"], "Hi"), "keywords only: Message(phone_numbers=…)"),
        (lambda: models.Webhook("https://a.test", "sms:received"), "keywords only: Webhook(url=…, event=…)"),
        (lambda: models.DeviceSettings({}), "keywords only: DeviceSettings(gateway=…)"),
        (lambda: models.TextMessage("a", text="b"), "two values for text"),
    ],
)
def test_other_positions_are_refused_with_what_to_write(build, advice):
    with pytest.raises(TypeError) as caught:
        build()

    assert advice in str(caught.value)


def test_value_at_a_position_is_checked_like_any_other():
    with pytest.raises(ValidationError):
        models.TextMessage(b"Hi")


# --- names


@pytest.mark.parametrize(
    ("build", "name", "meant"),
    [
        (lambda: models.Message(phone_numbers=["+15550100"], text="Hi"), "text", "did you mean text_message=?"),
        (lambda: models.Message(phone="+15550100"), "phone", "did you mean phone_numbers=?"),
        (lambda: models.Message(phoneNumber="+15550100"), "phoneNumber", "did you mean phone_numbers=?"),
        (lambda: models.Message(TTL=5), "TTL", "did you mean ttl=?"),
        (lambda: models.Webhook(url="https://a.test", events="x"), "events", "did you mean event=?"),
        (lambda: models.TextMessage(zzz="Hi"), "zzz", "the fields are text"),
        (lambda: models.Message(text_message={"txt": "Hi"}), "text_message.txt", "did you mean text=?"),
    ],
)
def test_unknown_name_is_refused_with_the_field_that_was_meant(build, name, meant):
    with pytest.raises(ValidationError) as caught:
        build()

    (problem,) = caught.value.errors()
    assert problem["type"] == "extra_forbidden"
    assert ".".join(problem["loc"]) == name
    assert meant in problem["msg"]
    assert "Hi" not in str(caught.value)
    assert "+15550100" not in str(caught.value)


# --- values of enums


@pytest.mark.parametrize(
    ("build", "nearest"),
    [
        (lambda: models.Webhook(url="https://a.test", event="sms.received"), "'sms:received'"),
        (lambda: models.Webhook(url="https://a.test", event="SMS_RECEIVED"), "'sms:received'"),
        (lambda: models.SettingsMessages(limit_period="per_day"), "'PerDay'"),
        (lambda: models.SettingsMessages(sim_selection_mode="osdefault"), "'OSDefault'"),
        (lambda: models.DeviceSettings(messages={"limit_period": "perhour"}), "'PerHour'"),
        (lambda: models.InboxRefreshRequest(since=NOW, until=NOW, webhook_delivery="batch"), "'Batch'"),
        (lambda: models.InboxRefreshRequest(since=NOW, until=NOW, message_types=["sms"]), "'SMS'"),
        (lambda: models.RecipientState(phone_number="+1", state="failed"), "'Failed'"),
        (lambda: models.MessageState(id="a", device_id="b", state="sended", recipients=[]), "'Pending'"),
        (lambda: models.HealthCheck(status="okay", observed_value=1), "'pass'"),
    ],
)
def test_unknown_text_for_an_enum_is_refused_with_the_nearest_value(build, nearest):
    with pytest.raises(ValidationError) as caught:
        build()

    assert [problem["type"] for problem in caught.value.errors()] == ["unknown_value"]
    assert "did you mean" in str(caught.value)
    if nearest not in {"'Pending'", "'pass'"}:  # of texts that resemble nothing any value may be named
        assert nearest in str(caught.value)


def test_unknown_value_of_an_enum_passes_on_purpose():
    event = models.WebhookEvent("brand:new")

    assert models.Webhook(url="https://a.test", event=event).event is event
    assert operations.list_messages(state=models.ProcessState("Novel")).query == "state=Novel"


@pytest.mark.parametrize(
    ("build", "nearest"),
    [
        (lambda: operations.list_messages(state="failed"), "'Failed'"),
        (lambda: operations.list_messages(sort="created"), "'created_at'"),
        (lambda: operations.list_inbox(type_="mms"), "'MMS'"),
    ],
)
def test_unknown_text_for_a_parameter_is_refused_with_the_nearest_value(build, nearest):
    with pytest.raises(InvalidArgumentError) as caught:
        build()

    assert nearest in str(caught.value)


# --- signatures and completion


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_signature_names_every_field_as_it_is_built(model):
    found = inspect.signature(model)

    assert set(found.parameters) == set(model.model_fields)
    for name, parameter in found.parameters.items():
        kind = parameter.POSITIONAL_OR_KEYWORD if name == model.positional else parameter.KEYWORD_ONLY
        assert parameter.kind is kind
        assert (parameter.default is parameter.empty) == model.model_fields[name].is_required()


def test_signature_is_the_same_before_and_after_first_use():
    program = """
import inspect
from smsgate_api.models import TextMessage, Message
before = inspect.signature(Message), inspect.signature(TextMessage)
Message(phone_numbers=["+15550100"], text_message=TextMessage("Hi"))
assert before == (inspect.signature(Message), inspect.signature(TextMessage))
assert not hasattr(TextMessage("Hi"), "__signature__")
print(before[1])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "(text: str) -> None\n"


def test_help_shows_the_fields():
    lines = pydoc.render_doc(models.Message, renderer=pydoc.plaintext).replace("\n |", " ")  # 3.13 breaks signatures

    assert "*, id: str | None = None, device_id: " in " ".join(lines.split())


@pytest.mark.parametrize("module", [models, operations])
def test_completion_offers_what_the_module_is_for(module):
    assert dir(module) == sorted(module.__all__)
    assert all(
        getattr(getattr(module, name), "__module__", "smsgate_api").startswith("smsgate_api") for name in dir(module)
    )
    assert not {"Any", "TYPE_CHECKING", "partial", "Model"} & set(dir(module))


# --- repr


def test_repr_shows_where_a_webhook_goes_but_no_credentials():
    webhook = models.Webhook(url="https://user:secret@hooks.test:8443/sms/in?key=secret#secret", event="sms:sent")

    assert "url='https://hooks.test:8443/sms/in?…'" in str([webhook])
    assert "secret" not in repr(webhook)


@pytest.mark.parametrize("url", ["", "secret", "https://[secret", "https:///secret"])
def test_repr_hides_a_url_that_is_none(url):
    shown = repr(models.Webhook.from_dict({"id": "a", "url": url, "event": "sms:sent"}))

    assert "url='…'" in shown
    assert "secret" not in shown


def test_repr_of_a_phone_shows_its_name():
    times = dict.fromkeys(("createdAt", "updatedAt", "lastSeen"), "2026-01-02T03:04:05Z")
    device = models.Device.from_dict(
        {"id": "a", "name": "Kitchen", "simCards": [{"slotIndex": 0, "simNumber": 1, "iccid": "secret"}], **times}
    )

    assert "name='Kitchen'" in repr(device)
    assert "secret" not in repr(device)
