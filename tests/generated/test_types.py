"""Base of generated packages: parsing, times, enums, repr and encoding."""

import copy
import json
import logging
import pickle
import threading
from datetime import datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from smsgate.runtime.reading import ObjectReader, PageReader, parse_object, read_bytes, read_nothing
from smsgate.runtime.types import (
    InvalidItem,
    Model,
    Operation,
    Page,
    Timestamp,
    UnreadableError,
    encode,
    wire_time,
)
from smsgate_api import models

UTC = timezone.utc
SECRET = "+15550107788"
STATE = {
    "id": "order-1",
    "deviceId": "Qm7xT0pWcE4vN9sKd2RbL",
    "state": "Pending",
    "isHashed": False,
    "isEncrypted": False,
    "recipients": [{"phoneNumber": SECRET, "state": "Pending"}],
    "states": {"Pending": "2026-10-04T18:20:31.123456789+02:00"},
}
read_state = ObjectReader(lambda: models.MessageState)
read_page = PageReader(lambda: models.MessageState)


def wire(value):
    return json.dumps(value).encode()


def state(**changes):
    """A message state as parsed JSON, with some fields changed or (value ...) left out."""
    merged = {**STATE, **changes}
    return {key: value for key, value in merged.items() if value is not ...}


def read(**changes):
    return read_state(200, {}, wire(state(**changes)))


class Moment(Model):
    at: Timestamp
    maybe: Timestamp | None = None


# --- reading one object


def test_regular_answer_is_read_by_the_compiled_validator_alone(monkeypatch):
    monkeypatch.setattr(ObjectReader, "repair", lambda *_: pytest.fail("went to repair"))
    message = read()
    assert message.recipients[0].state is models.ProcessState.Pending
    assert message.states["Pending"] == datetime(2026, 10, 4, 16, 20, 31, 123456, UTC)


@pytest.mark.parametrize("content", [b"", b"  \n", b"null", b"[]", b'"text"', b"5", b"{", b"<html>502</html>", b"\xff"])
def test_body_that_is_no_json_object_is_unreadable(content):
    with pytest.raises(UnreadableError, match="MessageState: the document"):
        read_state(200, {}, content)


@pytest.mark.parametrize("depth", [150, 500, 900, 980, 2_000, 200_000])
def test_hopelessly_nested_body_is_unreadable_and_not_a_crash(depth):
    nested = b"[" * depth + b"]" * depth
    with pytest.raises(UnreadableError):
        read_state(200, {}, b'{"id":' + nested + b"}")


def test_hopelessly_nested_item_never_hides_in_a_list():
    page = read_page(200, {}, b'[{"id":' + b"[" * 300 + b"]" * 300 + b"}," + wire(state()) + b"]")
    assert len(page) == 1
    assert len(page.invalid) == 1


def test_null_list_and_null_map_become_empty():
    message = read(recipients=None, states=None)
    assert message.recipients == []
    assert message.states == {}


def test_absent_and_null_optional_fields_are_the_same():
    assert read(textMessage=None).text_message is None
    assert read().text_message is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"createdAt": "the other day"}, "created_at"),
        ({"createdAt": 5}, "created_at"),
        ({"textMessage": "text"}, "text_message"),
        ({"textMessage": {}}, "text_message"),
        ({"textMessage": {"text": 5}}, "text_message"),
        ({"textMessage": [{"text": "x"}]}, "text_message"),
        ({"dataMessage": {"data": "AQ=="}}, "data_message"),
    ],
)
def test_unreadable_optional_field_becomes_absent(change, field):
    message = read(**change)
    assert getattr(message, field) is None
    assert field not in message.model_fields_set
    assert message.recipients[0].phone_number == SECRET


def test_unreadable_field_with_a_default_falls_back_to_it():
    message = read(isHashed="perhaps", states=[1])
    assert message.is_hashed is False
    assert message.states == {}


def test_unreadable_entry_of_a_map_is_left_out_and_the_others_stay():
    message = read(states={"Pending": "garbage", "Sent": "2026-01-01T00:00:00Z"})
    assert list(message.states) == ["Sent"]


def test_unreadable_optional_field_deep_inside_costs_only_itself():
    message = read(recipients=[{"phoneNumber": SECRET, "state": "Failed", "error": 7}])
    assert message.recipients[0].error is None
    assert message.recipients[0].state == "Failed"


@pytest.mark.parametrize(
    ("change", "location", "reason"),
    [
        ({"id": ...}, "id", "missing"),
        ({"id": 5}, "id", "string_type"),
        ({"id": None}, "id", "string_type"),
        ({"state": 5}, "state", "enum"),
        ({"recipients": ...}, "recipients", "missing"),
        ({"recipients": {}}, "recipients", "list_type"),
        ({"recipients": [{"state": "Sent"}]}, "recipients.0.phoneNumber", "missing"),
        ({"recipients": [{"phoneNumber": 5, "state": "Sent"}]}, "recipients.0.phoneNumber", "string_type"),
        ({"recipients": [5]}, "recipients.0", "model_type"),
    ],
)
def test_unreadable_required_field_is_named_where_the_trouble_started(change, location, reason):
    with pytest.raises(UnreadableError) as caught:
        read(**change)
    assert (caught.value.what, caught.value.location, caught.value.reason) == ("MessageState", location, reason)
    assert location in str(caught.value)


def test_error_holds_no_value_of_the_answer_in_text_repr_cause_or_context():
    with pytest.raises(UnreadableError) as caught:
        read(id=5, recipients=[{"phoneNumber": SECRET}])
    seen = f"{caught.value!s} {caught.value!r} {caught.value.args} {caught.value.__cause__} {caught.value.__context__}"
    assert SECRET not in seen
    assert pickle.loads(pickle.dumps(caught.value)).location == caught.value.location


def test_key_of_a_map_that_is_no_plain_name_is_masked_in_errors():
    read_batch = ObjectReader(lambda: models.HealthResponse)
    with pytest.raises(UnreadableError) as caught:
        read_batch(200, {}, wire({"status": 1, "checks": {SECRET: {}}}))
    assert SECRET not in str(caught.value)


def test_several_troubles_at_once_do_not_disturb_each_other():
    message = read(
        recipients=None, states={"recipients": "x"}, createdAt="x", scheduleAt="y", textMessage={"text": None}
    )
    assert (message.recipients, message.states, message.created_at, message.text_message) == ([], {}, None, None)
    assert message.id == "order-1"


@pytest.mark.parametrize("trouble", [{}, {"createdAt": "x"}])
def test_answers_are_read_by_wire_names_alone(trouble):
    document = state(hashed_message={"hash": "x"}, **trouble)
    for message in (read_state(200, {}, wire(document)), read_page(200, {}, wire([document]))[0]):
        assert message.hashed_message is None
        assert message.model_extra == {"hashed_message": {"hash": "x"}}


def test_many_troubles_take_one_round_not_one_each():
    rounds = []
    original = read_state.validator

    class Counting:
        def validate_json(self, content, **options):
            rounds.append(content)
            return original.validate_json(content, **options)

    reader = ObjectReader(lambda: models.MessageState)
    reader._validator = Counting()
    message = reader(200, {}, wire(state(states={f"s{n}": "bad" for n in range(1000)})))
    assert message.states == {}
    assert len(rounds) == 2  # cleaned of bad text, without the bad entries


def test_byte_order_mark_bad_utf8_and_lone_surrogates_are_survived():
    content = b"\xef\xbb\xbf" + wire(state()).replace(b"order-1", b"or\xffder-\\ud83d")
    message = read_state(200, {}, content)
    assert message.id.startswith("or\ufffdder-")
    assert message.id.encode("utf-8")


def test_unknown_enum_value_is_kept_and_written_back():
    message = read(state="Teleported")
    assert message.state == "Teleported"
    assert isinstance(message.state, models.ProcessState)
    assert json.loads(message.model_dump_json())["state"] == "Teleported"


def test_nothing_received_is_too_long():
    message = read(id="x" * 5000, recipients=[{"phoneNumber": "1" * 5000, "state": "Sent"}] * 500)
    assert len(message.recipients) == 500


def test_parse_object_reads_like_an_answer():
    assert parse_object(models.MessageState, wire(state(recipients=None))).recipients == []


def test_bytes_are_kept_and_meaningless_bodies_never_looked_at():
    assert read_bytes(200, {}, b"\x00{") == b"\x00{"
    assert read_nothing(202, {}, b"Accepted") is None


# --- reading lists


@pytest.mark.parametrize("headers", [{"X-Total-Count": "12"}, {"x-total-count": "12"}])
def test_page_knows_total_limit_and_offset(headers):
    page = read_page(200, headers, wire([state()]), limit=1, offset=3)
    assert (len(page), page.total, page.limit, page.offset, page.invalid) == (1, 12, 1, 3, [])
    assert isinstance(page, list)


@pytest.mark.parametrize("headers", [{}, {"X-Total-Count": ""}, {"X-Total-Count": "many"}, {"X-Total-Count": "-1"}])
def test_total_is_never_invented(headers):
    assert read_page(200, headers, wire([state()])).total is None


def test_null_list_is_an_empty_page_with_its_total(caplog):
    page = read_page(200, {"X-Total-Count": "0"}, b"null", limit=5)
    assert (page, page.total, page.limit) == ([], 0, 5)
    assert not caplog.records


@pytest.mark.parametrize("content", [b"", b"{}", b"5", b"[", b"<html>"])
def test_body_that_is_no_list_is_unreadable(content):
    with pytest.raises(UnreadableError, match="list of MessageState: the document"):
        read_page(200, {}, content)


def test_unreadable_item_goes_to_invalid_and_the_others_stay(caplog):
    broken = state(id=..., recipients=[{"phoneNumber": SECRET, "state": "Sent"}])
    with caplog.at_level(logging.DEBUG, logger="smsgate"):
        page = read_page(200, {"X-Total-Count": "4"}, wire([state(), broken, 7, state(recipients=None)]))

    assert [message.recipients for message in page] == [read().recipients, []]
    assert [item.reason for item in page.invalid] == ["id (missing)", "the item (model_type)"]
    assert page.invalid[0].raw == broken
    assert SECRET not in repr(page.invalid)
    assert page.total == 4
    assert [record.getMessage() for record in caplog.records] == [
        "2 of 4 items in a list of MessageState could not be read"
    ]


def test_page_survives_copy_and_pickle():
    page = Page([1, 2], total=9, limit=2, offset=4, invalid=[InvalidItem({"x": 1}, "why")])
    for other in (pickle.loads(pickle.dumps(page)), copy.copy(page), copy.deepcopy(page)):
        assert (other, other.total, other.limit, other.offset, other.invalid) == (page, 9, 2, 4, page.invalid)


def test_empty_page_has_its_own_list_of_invalid_items():
    assert Page().invalid is not Page().invalid


# --- times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, 0, UTC)),
        ("2026-01-02t03:04:05z", datetime(2026, 1, 2, 3, 4, 5, 0, UTC)),
        ("2026-01-02 03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, 0, UTC)),
        ("2026-01-02T03:04:05.1Z", datetime(2026, 1, 2, 3, 4, 5, 100000, UTC)),
        ("2026-01-02T03:04:05.123Z", datetime(2026, 1, 2, 3, 4, 5, 123000, UTC)),
        ("2026-01-02T03:04:05.123456Z", datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)),
        ("2026-01-02T03:04:05.000+05:30", datetime(2026, 1, 1, 21, 34, 5, 0, UTC)),
        ("2026-01-02T03:04:05-08:00", datetime(2026, 1, 2, 11, 4, 5, 0, UTC)),
        ("2026-01-02T03:04:05.5+-5:00", datetime(2026, 1, 2, 8, 4, 5, 500000, UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, 0, UTC)),
        ("2026-01-02T03:04:05.123456789", datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, 0, 0, 0, 0, UTC)),
    ],
)
def test_time_is_read_in_every_form_that_servers_and_phones_write(text, expected):
    assert parse_object(Moment, wire({"at": text})).at == expected
    assert Moment.from_dict({"at": text}).at == expected


@pytest.mark.parametrize("value", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-02T03:04:05+99:00", 5, True, []])
def test_what_is_no_time_is_unreadable(value):
    with pytest.raises(UnreadableError, match="at \\(timestamp\\)"):
        parse_object(Moment, wire({"at": value}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 0, UTC), "2026-01-02T03:04:05.000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 123999, UTC), "2026-01-02T03:04:05.123Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 0, timezone(timedelta(hours=5, minutes=30))), "2026-01-01T21:34:05.000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
        (datetime(9999, 12, 31, 18, 59, 59, 0, timezone(timedelta(hours=-5))), "9999-12-31T23:59:59.000Z"),
    ],
)
def test_time_is_written_in_utc_with_three_digits(value, expected):
    assert wire_time(value) == expected
    assert json.loads(encode(Moment(at=value)))["at"] == expected


def test_received_time_that_does_not_exist_in_utc_is_written_in_its_own_zone():
    assert parse_object(Moment, wire({"at": "0001-01-01T00:00:00+05:00"})).asdict() == {
        "at": "0001-01-01T00:00:00.000+05:00"
    }


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), "2026-01-01T00:00:00", "2026-01-01", 1_700_000_000, True])  # noqa: DTZ001 - the point
def test_time_without_zone_is_refused_when_building(value):
    with pytest.raises(ValidationError, match="date and time with a zone"):
        Moment(at=value)


def test_aware_text_is_accepted_as_a_time_when_building():
    assert Moment(at="2026-01-01T00:00:00+01:00").at == datetime(2025, 12, 31, 23, 0, 0, 0, UTC)


def test_python_dump_keeps_datetimes_and_json_schema_says_date_time():
    moment = Moment(at=datetime(2026, 1, 1, tzinfo=UTC))
    assert moment.model_dump()["at"] == moment.at
    for mode in ("validation", "serialization"):
        assert Moment.model_json_schema(mode=mode)["properties"]["at"]["format"] == "date-time"


# --- enums


@pytest.mark.parametrize("value", ["Sent", "Teleported"])
def test_text_enum_member_is_its_value_everywhere(value):
    member = models.ProcessState(value)
    assert member == value
    assert hash(member) == hash(value)
    assert f"{member}" == str(member) == format(member) == member.value == value
    assert f"{member:>12}" == f"{value:>12}"
    assert {value: 1}[member] == 1
    assert json.dumps(member) == json.dumps(value)


@pytest.mark.parametrize("value", ["Sent", "Teleported"])
def test_text_enum_member_survives_pickle_copy_and_deepcopy(value):
    member = models.ProcessState(value)
    for other in (pickle.loads(pickle.dumps(member)), copy.copy(member), copy.deepcopy(member)):
        assert other == member
        assert type(other) is models.ProcessState
        assert other.value == value


def test_unknown_values_do_not_leak_into_the_members():
    models.ProcessState("Teleported")
    assert "Teleported" not in [member.value for member in models.ProcessState]
    assert repr(models.ProcessState("Teleported")) == "<ProcessState.Teleported: 'Teleported'>"


def test_known_value_is_the_one_member():
    assert models.ProcessState("Sent") is models.ProcessState.Sent


@pytest.mark.parametrize("value", [5, None, True, 1.5, models.WebhookEvent.SMS_SENT])
def test_text_enum_refuses_what_is_no_text_of_its_own(value):
    with pytest.raises(ValueError, match="is not a valid ProcessState"):
        models.ProcessState(value)


def test_integer_enum_keeps_other_numbers_and_refuses_booleans():
    member = models.MessagePriority(50)
    assert (member, f"{member}", hash(member)) == (50, "50", hash(50))
    assert pickle.loads(pickle.dumps(member)) == copy.deepcopy(member) == 50
    assert models.MessagePriority(100) is models.MessagePriority.BYPASS_THRESHOLD
    for wrong in (True, "50", 1.5):
        with pytest.raises(ValueError, match="is not a valid MessagePriority"):
            models.MessagePriority(wrong)


# --- building


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": "x", "txt": "y"},
        {"text": 5},
        {"text": None},
        {"text": ["x"]},
        {},
    ],
)
def test_building_refuses_unknown_keywords_and_wrong_types_without_showing_values(arguments):
    with pytest.raises(ValidationError) as caught:
        models.TextMessage(**arguments)
    assert "input_value" not in str(caught.value)


def test_unknown_keyword_in_nested_data_is_refused_when_building():
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        models.Message(phone_numbers=["+15550100001"], text_message={"text": "x", "txt": "y"})


def test_text_is_no_list():
    with pytest.raises(ValidationError, match="valid list"):
        models.Message(phone_numbers=SECRET, text_message=models.TextMessage(text="x"))


def test_models_are_frozen():
    message = models.TextMessage(text="x")
    with pytest.raises(ValidationError, match="frozen"):
        message.text = "y"


def test_wire_names_are_accepted_when_building_from_data():
    assert models.RecipientState.from_dict({"phoneNumber": "1", "state": "Sent"}).phone_number == "1"
    assert models.RecipientState(phone_number="1", state="Sent").asdict() == {"phoneNumber": "1", "state": "Sent"}


def test_first_use_from_many_threads_builds_models_that_work():
    class Part(Model):
        at: Timestamp

    class Whole(Model):
        parts: list[Part]

    results = []
    barrier = threading.Barrier(8)

    def work():
        barrier.wait()
        results.append(
            (models.LogEntry.from_dict(LOG), Part(at=datetime(2026, 1, 1, tzinfo=UTC)), parse_object(Whole, WHOLE))
        )

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all(result == results[0] for result in results)


LOG = {
    "id": 1,
    "priority": "INFO",
    "module": "m",
    "message": "text",
    "createdAt": "2026-01-01T00:00:00Z",
    "context": {"to": SECRET},
}
WHOLE = wire({"parts": [{"at": "2026-01-01T00:00:00Z"}]})


# --- what survives


def test_unknown_fields_survive_parse_copy_dump_and_pickle():
    settings = parse_object(models.DeviceSettings, wire({"future": {"a": [1]}, "ping": {"new_field": None}}))
    copies = (
        settings,
        copy.copy(settings),
        copy.deepcopy(settings),
        settings.model_copy(update={"logs": models.SettingsLogs(lifetime_days=3)}).model_copy(update={}),
        pickle.loads(pickle.dumps(settings)),
    )
    for other in copies:
        written = json.loads(encode(other))
        assert written["future"] == {"a": [1]}
        assert written["ping"] == {"new_field": None}


def test_unknown_fields_survive_the_repair_path():
    assert read(recipients=None, brandNew={"x": 1}).model_extra == {"brandNew": {"x": 1}}


def test_models_compare_by_value_after_pickle_and_deepcopy():
    message = read()
    assert pickle.loads(pickle.dumps(message)) == message
    assert copy.deepcopy(message) == message


def test_asdict_has_wire_names_and_defaults_but_no_none():
    assert read(states=...).asdict() == {**state(), "states": {}}


# --- repr


def test_repr_shows_states_numbers_times_and_ids_but_no_other_text():
    message = read(textMessage={"text": "for your eyes only"}, novelty="also private", count=15550107788)
    shown = repr(message) + str(message)
    for hidden in (SECRET, "for your eyes only", "also private", "15550107788"):
        assert hidden not in shown
    for visible in (
        "order-1",
        "Qm7xT0pWcE4vN9sKd2RbL",
        "ProcessState.Pending",
        "phone_number=…",
        "text=…",
        "novelty=…",
    ):
        assert visible in shown
    assert "'Pending': datetime.datetime(2026" in shown


def test_repr_hides_secrets_lists_of_text_and_free_maps():
    token = models.TokenResponse(
        id="jti-1", token_type="Bearer", access_token="a.b.c", refresh_token="d.e.f", expires_at="2026-01-01T00:00:00Z"
    )
    request = models.Message(phone_numbers=[SECRET], message="private", is_encrypted=True, priority=100)
    log = models.LogEntry.from_dict(LOG)
    shown = f"{token!r} {request!r} {log!r} {models.SettingsEncryption(passphrase='hunter2')!r}"
    for hidden in ("a.b.c", "d.e.f", SECRET, "private", "hunter2"):
        assert hidden not in shown
    assert "phone_numbers=[…]" in shown
    assert "context={…}" in shown
    assert "priority=100" in shown
    assert "jti-1" in shown


def test_repr_masks_keys_of_maps_that_are_no_names():
    checks = {"db:ping": {"status": "pass", "observed_value": 1}, SECRET: {"status": "pass", "observed_value": 1}}
    shown = repr(models.HealthResponse(status="pass", checks=checks))
    assert "db:ping" in shown
    assert SECRET not in shown
    assert SECRET not in repr(models.MessageState.from_dict({**STATE, "states": {SECRET: "2026-01-01T00:00:00Z"}}))


def test_unreadable_check_leaves_the_others_alone():
    good = {"status": "pass", "observedValue": 1}
    for bad in (None, 5, {}, {"status": 5, "observedValue": 1}, {"status": "pass", "observedValue": "many"}):
        read = parse_object(models.HealthResponse, wire({"status": "fail", "checks": {"a": good, "db:ping": bad}}))
        assert list(read.checks) == ["a"]


def test_operation_repr_shows_name_and_method_only():
    operation = Operation("send_message", "POST", f"/messages/{SECRET}", read_nothing, query="q=1", content=b"private")
    assert repr(operation) == "<Operation send_message POST>"
    assert (operation.auth, operation.repeat, operation.scope, operation.also_success) == ("client", "never", None, ())


# --- encoding


def test_request_holds_what_was_set_without_none():
    message = models.Message(phone_numbers=["+15550100001"], text_message=models.TextMessage(text="é"), ttl=None)
    assert encode(message) == '{"phoneNumbers":["+15550100001"],"textMessage":{"text":"é"}}'.encode()


def test_settings_hold_nulls_that_were_set_and_nothing_that_was_not():
    settings = models.DeviceSettings(ping=models.SettingsPing(interval_seconds=None), logs=models.SettingsLogs())
    assert json.loads(encode(settings)) == {"ping": {"interval_seconds": None}, "logs": {}}


@pytest.mark.parametrize(
    "update",
    [
        {"ttl": 1},
        {"phone_numbers": []},
        {"phone_numbers": ["a", "A"]},
        {"message": "second content"},
        {"priority": 300},
        {"text_message": None},
        {"id": object()},
        {"valid_until": datetime(2026, 1, 1)},  # noqa: DTZ001 - the point
    ],
)
def test_model_that_was_broken_after_building_does_not_leave(update):
    message = models.Message(phone_numbers=["+15550100001"], text_message=models.TextMessage(text="secret words"))
    broken = message.model_copy(update=update)
    with pytest.raises(ValidationError) as caught:
        encode(broken)
    assert "secret words" not in str(caught.value)
    assert "input_value" not in str(caught.value)


def test_constructed_model_is_checked_before_it_leaves():
    with pytest.raises(ValidationError):
        encode(models.Message.model_construct(phone_numbers="+15550100001"))
