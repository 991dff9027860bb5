"""Rules across fields, at and just beyond each limit."""

import base64
import json
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import partial

import pytest
from pydantic import ValidationError

from smsgate.runtime.contents import MAX_STORED_SIZE, stored_size
from smsgate.runtime.types import InvalidArgumentError, encode
from smsgate_api import events, models

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
LATER = NOW + timedelta(hours=1)
NUMBER = "+15550100001"
TEXT = models.TextMessage(text="hello")
DATA = models.DataMessage(data="AQID", port=5000)
MMS = models.MmsMessage(text="hello")


def message(**fields):
    return models.Message(**{"phone_numbers": [NUMBER], "text_message": TEXT, **fields})


def content(**fields):
    return models.Message(phone_numbers=[NUMBER], **fields)


def refusal(build, *arguments, **fields):
    """The text of the refusal; it must not show what was refused."""
    with pytest.raises(ValidationError) as caught:
        build(*arguments, **fields)
    assert "input_value" not in str(caught.value)
    return str(caught.value)


# --- content


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"text_message": TEXT}, "hello"),
        ({"message": "hello"}, "hello"),
        ({"data_message": DATA}, DATA),
        ({"mms_message": MMS}, MMS),
        ({"text_message": TEXT, "message": ""}, "hello"),
        ({"data_message": DATA, "message": ""}, DATA),
    ],
)
def test_one_content_is_accepted_and_found(fields, expected):
    assert content(**fields).content == expected


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"message": ""},
        {"text_message": TEXT, "data_message": DATA},
        {"text_message": TEXT, "message": "hello"},
        {"data_message": DATA, "mms_message": MMS},
        {"text_message": TEXT, "data_message": DATA, "mms_message": MMS, "message": "hello"},
    ],
)
def test_no_content_and_two_contents_are_refused(fields):
    assert "exactly one of" in refusal(content, **fields)


def test_empty_text_is_no_content_to_send():
    assert "should not be empty" in refusal(content, text_message=models.TextMessage(text=""))


# --- recipients


@pytest.mark.parametrize("numbers", [["1"], ["1" * 128], [str(n) for n in range(100)]])
def test_number_and_length_of_recipients_reach_their_limits(numbers):
    assert message(phone_numbers=numbers).phone_numbers == numbers


@pytest.mark.parametrize("numbers", [[], [""], ["1" * 129], [str(n) for n in range(101)], NUMBER, [5], [None], None])
def test_recipients_beyond_the_limits_are_refused(numbers):
    refusal(message, phone_numbers=numbers)


@pytest.mark.parametrize("numbers", [[NUMBER, NUMBER], ["abc", "ABC"], ["1", "2", "1"], ["straße", "STRASSE"]])
def test_recipients_that_differ_by_case_only_are_refused(numbers):
    assert "distinct" in refusal(message, phone_numbers=numbers)


@pytest.mark.parametrize("number", [" ", "\t", f" {NUMBER}", f"{NUMBER} ", f"{NUMBER}\n", f"\u00a0{NUMBER}"])
def test_blank_recipient_and_one_within_white_space_are_refused(number):
    assert "white space" in refusal(message, phone_numbers=[number])


# --- id, SIM, priority


@pytest.mark.parametrize("chosen", ["a", "x" * 36, "A-Za-z0-9._~-", "...", ".a"])
def test_id_of_unreserved_characters_is_accepted(chosen):
    assert message(id=chosen).id == chosen


@pytest.mark.parametrize("chosen", ["", "x" * 37, ".", "..", "a b", "a/b", "a?b", "caf\u00e9", "a\n", "a:b", "%41"])
def test_id_that_could_never_be_looked_up_is_refused(chosen):
    refusal(message, id=chosen)


@pytest.mark.parametrize("sim", [1, 3, 4, 100])
def test_sim_number_has_no_upper_limit(sim):
    assert message(sim_number=sim).sim_number == sim


@pytest.mark.parametrize("sim", [0, -1])
def test_sim_number_starts_at_one(sim):
    refusal(message, sim_number=sim)


@pytest.mark.parametrize("priority", [-128, -1, 0, 50, 127, models.MessagePriority.BYPASS_THRESHOLD])
def test_any_priority_of_the_range_is_accepted_and_written_as_a_number(priority):
    assert message(priority=priority).priority == priority
    assert json.loads(encode(message(priority=priority)))["priority"] == int(priority)


@pytest.mark.parametrize("priority", [-129, 128, 300, models.MessagePriority(500)])
def test_priority_outside_the_range_is_refused(priority):
    refusal(message, priority=priority)


def test_priority_is_zero_and_delivery_report_on_by_default():
    assert (message().priority, message().with_delivery_report, message().is_encrypted) == (0, True, False)


# --- times


def test_ttl_starts_at_five_seconds():
    assert message(ttl=5).ttl == 5
    refusal(message, ttl=4)
    refusal(message, ttl=0)


def test_ttl_ends_where_servers_would_overflow():
    for build in (message, partial(models.TokenRequest, scopes=["a"])):
        assert build(ttl=9_000_000_000).ttl == 9_000_000_000
        assert "9000000000 seconds" in refusal(build, ttl=9_000_000_001)


def test_ttl_and_valid_until_exclude_each_other():
    assert message(valid_until=NOW).valid_until == NOW
    assert "exclude each other" in refusal(message, ttl=5, valid_until=NOW)


def test_schedule_may_reach_the_end_and_not_pass_it():
    assert message(schedule_at=NOW, valid_until=NOW).schedule_at == NOW
    assert message(schedule_at=LATER, ttl=5).ttl == 5
    assert "later than valid_until" in refusal(message, schedule_at=LATER, valid_until=NOW)


@pytest.mark.parametrize("field", ["valid_until", "schedule_at"])
def test_time_without_zone_is_refused(field):
    assert "zone" in refusal(message, **{field: NOW.replace(tzinfo=None)})


@pytest.mark.parametrize("field", ["valid_until", "schedule_at"])
@pytest.mark.parametrize(
    "time",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
        "0001-01-01T00:00:00+05:00",
    ],
)
def test_time_that_does_not_exist_in_utc_is_refused_and_read(field, time):
    assert "years 1 to 9999" in refusal(message, **{field: time})
    state = {"id": "a", "deviceId": "b", "state": "Sent", "recipients": [], "createdAt": str(time)}
    assert models.MessageState.from_dict(state).created_at.tzinfo is not None


# --- stored size


def as_stored(document):
    """Go's compact encoding, made another way than the code under test makes it."""
    written = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written.encode()


@pytest.mark.parametrize(
    "text",
    ["", "x", "é€😀", "<b>&amp;</b>", '"quoted" \\ back', "\n\r\t\b\f\x00\x1f\x7f", "\u2028\u2029", "a" * 70_000],
)
def test_stored_size_of_text_is_that_of_its_encoding(text):
    expected = len(as_stored({"text": text}))
    assert stored_size(text) == expected
    assert stored_size(models.TextMessage(text=text)) == expected


@pytest.mark.parametrize(("data", "port"), [("AQID", 0), ("AQID/v8=", 65535), ("$aes-256-cbc$<x>", 7)])
def test_stored_size_of_data_is_that_of_its_encoding(data, port):
    expected = len(as_stored({"data": data, "port": port}))
    assert stored_size(models.DataMessage(data=data, port=port)) == expected


@pytest.mark.parametrize(
    ("character", "most"),
    [
        ("x", 65_524),
        ("€", 65_524 // 3),
        ("😀", 65_524 // 4),
        ("<", 65_524 // 6),
        ("\u2028", 65_524 // 6),
        ('"', 32_762),
    ],
)
def test_text_fills_the_column_and_not_a_character_more(character, most):
    text = character * most
    assert content(text_message=models.TextMessage(text=text)).content == text
    assert "65535 bytes" in refusal(content, text_message=models.TextMessage(text=text + character))


def test_deprecated_text_has_the_same_limit():
    assert content(message="x" * 65_524).content == "x" * 65_524
    assert "65535 bytes" in refusal(content, message="x" * 65_525)


def test_data_fills_the_column_and_not_a_group_more():
    frame = len('{"data":"","port":5000}')
    groups = (MAX_STORED_SIZE - frame) // 4
    assert content(data_message=models.DataMessage(data="AAAA" * groups, port=5000)).content is not None
    assert "65535 bytes" in refusal(content, data_message=models.DataMessage(data="AAAA" * (groups + 1), port=5000))


def test_encrypted_content_has_the_same_limit():
    text = models.TextMessage(text="$aes" + "x" * 65_521)
    assert "65535 bytes" in refusal(content, text_message=text, is_encrypted=True)


# --- data messages


@pytest.mark.parametrize("raw", [b"\x00", b"\x01\x02\x03", bytes(range(256))])
def test_bytes_go_in_and_come_out(raw):
    data = models.DataMessage.with_bytes(raw, 5000)
    assert data.as_bytes() == raw
    assert data.data == base64.b64encode(raw).decode()
    assert content(data_message=data).content == data


@pytest.mark.parametrize("port", [0, 1, 65_535])
def test_port_covers_its_range(port):
    assert models.DataMessage(data="AQID", port=port).port == port
    assert models.DataMessage.with_bytes(b"x", port).port == port


@pytest.mark.parametrize("port", [-1, 65_536])
def test_port_outside_its_range_is_refused(port):
    assert "0 to 65535" in refusal(models.DataMessage, data="AQID", port=port)
    assert "0 to 65535" in refusal(models.DataMessage.with_bytes, b"x", port)


def test_any_port_is_read():
    assert models.DataMessage.from_dict({"data": "AQID", "port": 70_000}).port == 70_000


@pytest.mark.parametrize("data", ["", "A", "AQI", "AQ=", "AQID=", "A===", "AQ-_", " AQID", "AQID\n", "text!"])
def test_data_that_is_no_base64_is_refused_in_a_message(data):
    wrong = models.DataMessage(data=data, port=1)
    assert "Base64" in refusal(content, data_message=wrong)


def test_encrypted_data_need_not_be_base64_and_has_no_bytes():
    secret = models.DataMessage(data="$aes-256-cbc/pbkdf2-sha1$i=1$x$y", port=1)
    assert content(data_message=secret, is_encrypted=True).content == secret
    with pytest.raises(ValueError, match="no Base64"):
        secret.as_bytes()


@pytest.mark.parametrize("data", ["x", None, 5, [1]])
def test_what_is_no_bytes_is_refused_as_such(data):
    with pytest.raises(InvalidArgumentError, match="takes bytes"):
        models.DataMessage.with_bytes(data, 1)


# --- other requests


WEBHOOK = {"url": "https://a.test/", "event": "sms:received"}


@pytest.mark.parametrize(
    "build",
    [
        message,
        partial(models.InboxRefreshRequest, since=NOW, until=NOW),
        partial(models.MessagesExportRequest, since=NOW, until=NOW),
        partial(models.Webhook, **WEBHOOK),
    ],
)
def test_device_has_an_id_or_is_left_out(build):
    assert build(device_id="a").device_id == "a"
    assert build(device_id=None).device_id is None
    for empty in ("", " "):
        assert "device_id should not be empty" in refusal(build, device_id=empty)


@pytest.mark.parametrize("chosen", ["a", "x" * 36, "A-Za-z0-9._~-"])
def test_webhook_id_is_like_a_message_s(chosen):
    assert models.Webhook(id=chosen, **WEBHOOK).id == chosen


@pytest.mark.parametrize("chosen", ["", "x" * 37, ".", "..", "a b", "a/b", "caf\u00e9"])
def test_webhook_id_that_could_not_be_deleted_is_refused_and_read(chosen):
    assert "1 to 36" in refusal(models.Webhook, id=chosen, **WEBHOOK)
    assert models.Webhook.from_dict({**WEBHOOK, "id": chosen, "deviceId": ""}).id == chosen


def test_webhook_is_for_some_event():
    for event in ("", " "):
        assert "should not be empty" in refusal(models.Webhook, **{**WEBHOOK, "event": event})
        assert "should not be empty" in refusal(models.Webhook, **{**WEBHOOK, "event": models.WebhookEvent(event)})


@pytest.mark.parametrize("model", [models.InboxRefreshRequest, models.MessagesExportRequest])
def test_period_may_be_a_moment_and_not_run_backwards(model):
    assert model(since=NOW, until=NOW).since == NOW
    assert "later than until" in refusal(model, since=LATER, until=NOW)


def test_kinds_of_messages_are_not_an_empty_list():
    request = models.InboxRefreshRequest(since=NOW, until=NOW, message_types=["SMS"])
    assert json.loads(encode(request))["messageTypes"] == ["SMS"]
    refusal(models.InboxRefreshRequest, since=NOW, until=NOW, message_types=[])


@pytest.mark.parametrize("scopes", [["messages:send"], [models.Scope.MESSAGES_SEND, "brand:new"]])
def test_scopes_are_names_known_or_not(scopes):
    request = models.TokenRequest(scopes=scopes, ttl=0)
    assert json.loads(encode(request)) == {"scopes": [str(scope) for scope in scopes], "ttl": 0}


@pytest.mark.parametrize("scopes", [[], [""], [" "], ["messages:send", ""], ["a "], "messages:send", None, [5], [b"a"]])
def test_token_without_proper_scopes_is_refused(scopes):
    refusal(models.TokenRequest, scopes=scopes)


def test_lifetime_of_a_token_is_not_negative():
    assert models.TokenRequest(scopes=["a"], ttl=0).ttl == 0
    refusal(models.TokenRequest, scopes=["a"], ttl=-1)


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": "s"},
        {"text": "t"},
        {"attachments": [models.MmsAttachment(content_type="image/png", data="AQID")]},
    ],
)
def test_mms_with_something_in_it_is_accepted(fields):
    assert models.MmsMessage(**fields)


@pytest.mark.parametrize("fields", [{}, {"subject": ""}, {"text": ""}, {"attachments": []}])
def test_empty_mms_is_refused(fields):
    assert "subject, a text or an attachment" in refusal(models.MmsMessage, **fields)


# --- conveniences


@pytest.mark.parametrize(
    ("overall", "recipients", "final"),
    [
        ("Sent", ["Sent"], False),
        ("Delivered", ["Delivered"], True),
        ("Failed", ["Failed", "Failed"], True),
        ("Sent", ["Delivered", "Failed"], True),
        ("Sent", ["Delivered", "Sent"], False),
        ("Cancelled", ["Pending"], True),
        ("Cancelling", ["Pending"], False),
        ("Pending", [], False),
        ("Teleported", ["Teleported"], False),
    ],
)
def test_state_is_final_when_nothing_more_will_happen(overall, recipients, final):
    state = models.MessageState.from_dict(
        {
            "id": "a",
            "deviceId": "b",
            "state": overall,
            "recipients": [{"phoneNumber": str(n), "state": each} for n, each in enumerate(recipients)],
        }
    )
    assert state.is_final is final


def test_remote_is_the_other_end_in_both_directions():
    common = {"messageId": "1", "sender": "from", "recipient": "to", "phoneNumber": "old"}
    received = events.SmsReceivedPayload.from_dict({**common, "message": "x", "receivedAt": "2026-01-01T00:00:00Z"})
    sent = events.SmsSentPayload.from_dict({**common, "sentAt": "2026-01-01T00:00:00Z"})
    assert (received.remote, sent.remote) == ("from", "to")


def test_remote_falls_back_to_the_older_field():
    common = {"messageId": "1", "phoneNumber": "old"}
    received = events.SmsReceivedPayload.from_dict({**common, "message": "x", "receivedAt": "2026-01-01T00:00:00Z"})
    sent = events.SmsSentPayload.from_dict({**common, "sentAt": "2026-01-01T00:00:00Z"})
    assert (received.remote, sent.remote) == ("old", "old")


def test_remote_of_an_inbox_entry_is_its_sender():
    entry = {"id": "text:1", "type": "SMS", "sender": "from", "contentPreview": "", "createdAt": "2026-01-01T00:00:00Z"}
    assert models.IncomingMessage.from_dict(entry).remote == "from"


# --- what may be given for a field


class Text(str, Enum):
    A = "sms:sent"


class NoText(Enum):
    A = "+15550100001"


class Word(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "fields",
    [
        {"id": b"a"},
        {"device_id": NoText.A},
        {"phone_numbers": [b"+15550100001"]},
        {"phone_numbers": [NoText.A]},
        {"phone_numbers": NUMBER.encode()},
        {"phone_numbers": {NUMBER: "Ann"}},
        {"is_encrypted": "yes"},
        {"with_delivery_report": 1},
        {"priority": True},
        {"priority": "10"},
        {"priority": 1.0},
        {"ttl": "60"},
        {"sim_number": True},
        {"text_message": {"text": b"hello"}},
        {"text_message": "hello"},
    ],
)
def test_value_of_another_type_is_refused_and_not_coerced(fields):
    refusal(message, **fields)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (models.TextMessage, {"text": b"hello"}),
        (models.DataMessage, {"data": "AQID", "port": "1"}),
        (models.DataMessage, {"data": "AQID", "port": True}),
        (models.TokenRequest, {"scopes": ["a"], "ttl": "60"}),
        (models.Webhook, {**WEBHOOK, "url": NoText.A}),
        (models.Webhook, {**WEBHOOK, "event": b"sms:sent"}),
        (models.Webhook, {**WEBHOOK, "event": NoText.A}),
        (models.SettingsPing, {"interval_seconds": "60"}),
        (models.SettingsWebhooks, {"internet_required": "yes"}),
        (models.DeviceSettings, {"ping": {"interval_seconds": True}}),
        (models.InboxRefreshRequest, {"since": NOW, "until": NOW, "trigger_webhooks": 1}),
        (models.MmsMessage, {"attachments": [{"content_type": "a/b", "data": b"AQID"}]}),
    ],
)
def test_no_model_coerces_what_it_is_built_with(model, fields):
    refusal(model, **fields)


def test_stand_ins_that_mean_one_thing_only_are_taken():
    built = message(phone_numbers=(number for number in ("+1", "+2")), text_message={"text": "hello"}, id=Word("a"))
    assert built == message(phone_numbers=["+1", "+2"], id="a")
    assert type(built.id) is str
    assert message(phone_numbers=(NUMBER,), validUntil="2026-01-02T03:04:05Z").valid_until == NOW
    assert models.Webhook(url="https://a.test/", event=models.WebhookEvent("brand:new")).event == "brand:new"
    assert models.Webhook(url="https://a.test/", event=Text.A).event is models.WebhookEvent.SMS_SENT
    request = models.InboxRefreshRequest(since=NOW, until=NOW, messageTypes=("SMS",), webhook_delivery="Batch")
    assert request.message_types == [models.IncomingMessageType.SMS]
    assert models.TokenRequest(scopes=("a", Text.A)).scopes == ["a", "sms:sent"]
    settings = models.DeviceSettings(messages={"limit_period": "PerHour"})
    assert settings.messages == models.SettingsMessages(limit_period=models.LimitPeriod.PER_HOUR)
    mms = models.MmsMessage(attachments=({"contentType": "a/b", "data": "AQID"},))
    assert mms.attachments == [models.MmsAttachment(content_type="a/b", data="AQID")]


@pytest.mark.parametrize("changes", [{"priority": "5"}, {"ttl": True}, {"is_encrypted": "no"}, {"device_id": ""}])
def test_copy_with_a_value_of_another_type_is_not_sent(changes):
    with pytest.raises(ValidationError):
        encode(message().model_copy(update=changes))


def test_answer_is_still_read_with_values_that_mean_the_same():
    settings = models.DeviceSettings.from_dict({"ping": {"interval_seconds": "60"}, "webhooks": {"retry_count": 5.0}})
    assert (settings.ping.interval_seconds, settings.webhooks.retry_count) == (60, 5)


BROKEN = [
    {"id": ""},
    {"id": "a/b"},
    {"id": ".."},
    {"id": 7},
    {"phone_numbers": []},
    {"phone_numbers": [""]},
    {"phone_numbers": [" +15550100"]},
    {"phone_numbers": ["1" * 129]},
    {"phone_numbers": [15550100]},
    {"phone_numbers": "+15550100"},
    {"phone_numbers": ["+15550100", "+15550100"]},
    {"text_message": None},
    {"text_message": "hello"},
    {"text_message": models.TextMessage.model_construct()},
    {"text_message": models.TextMessage.model_construct(text="")},
    {"text_message": models.TextMessage.model_construct(text=7)},
    {"text_message": TEXT.model_copy(update={"further": 1})},
    {"further": 1},
    {"priority": 1000},
]


@pytest.mark.parametrize("changes", BROKEN, ids=str)
def test_copy_that_breaks_a_rule_is_rejected_before_it_leaves(changes):
    with pytest.raises(ValidationError):
        encode(message().model_copy(update=changes))


@pytest.mark.parametrize(
    "changes",
    [{}, {"id": "own-id_1.~"}, {"is_encrypted": True}, {"text_message": models.TextMessage(text="x" * 11_000)}],
)
def test_copy_that_keeps_the_rules_is_written(changes):
    written = encode(message().model_copy(update=changes))

    assert models.Message.model_validate_json(written, strict=True) == message(**changes)


def test_constructed_message_without_fields_is_rejected_before_it_leaves():
    with pytest.raises(ValidationError):
        encode(models.Message.model_construct())


def test_list_changed_after_building_is_noticed():
    changed = message()
    changed.phone_numbers.clear()
    with pytest.raises(ValidationError):
        encode(changed)
