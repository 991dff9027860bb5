"""Generated operations: requests, rejected arguments and metadata."""

import inspect
import json
from datetime import datetime, timedelta, timezone
from enum import Enum

import pytest
from pydantic import ValidationError

from smsgate.runtime.types import InvalidArgumentError, Operation, UnreadableError
from smsgate_api import models, operations

UTC = timezone.utc
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
NAMES = [
    *("send_message", "list_messages", "get_message", "cancel_message", "export_inbox", "list_inbox"),
    *("download_attachment", "refresh_inbox", "list_devices", "list_local_devices", "delete_device", "list_webhooks"),
    *("create_webhook", "delete_webhook", "get_settings", "replace_settings", "patch_settings", "get_logs", "health"),
    *("health_live", "health_ready", "health_startup", "create_token", "refresh_token", "revoke_token"),
]
MESSAGE = models.Message(phone_numbers=["+15550100001"], text_message=models.TextMessage(text="hello"))
ID_TAKERS = [
    (operations.get_message, "/messages/{}"),
    (operations.cancel_message, "/messages/{}"),
    (operations.delete_device, "/devices/{}"),
    (operations.delete_webhook, "/webhooks/{}"),
    (operations.revoke_token, "/auth/token/{}"),
    (lambda value: operations.download_attachment(value, 1), "/inbox/{}/attachments/1"),
]


class Chosen(str, Enum):
    ID = "order-1"


class Shouting(str):
    __slots__ = ()

    def __str__(self):
        return "LOUD"

    def __format__(self, spec):
        return "LOUD"


def test_every_operation_of_the_contract_exists_and_no_other():
    functions = inspect.getmembers(operations, inspect.isfunction)
    own = [name for name, function in functions if function.__module__ == operations.__name__]
    assert sorted(own) == sorted(NAMES)
    assert all(getattr(operations, name).__doc__ for name in NAMES)


def test_operation_is_named_like_its_function():
    for name in ("list_messages", "list_devices", "get_settings", "health", "list_local_devices"):
        assert getattr(operations, name)().name == name


# --- paths


@pytest.mark.parametrize(("take", "path"), ID_TAKERS)
def test_id_is_percent_encoded_as_one_segment(take, path):
    assert take("Ab9._~-").path == path.format("Ab9._~-")
    assert take("text:-5").path == path.format("text%3A-5")
    assert take("a b?c#d%e&é+;").path == path.format("a%20b%3Fc%23d%25e%26%C3%A9%2B%3B")
    assert take("...").path == path.format("...")


@pytest.mark.parametrize(
    "value", ["", ".", "..", "a/b", "/", "a\\b", "a\x00", "a\nb", "\x7f", "\x85", None, 5, b"a", "\ud83d"]
)
@pytest.mark.parametrize(("take", "path"), ID_TAKERS)
def test_empty_or_path_like_id_is_refused_without_being_quoted(take, path, value):
    with pytest.raises(InvalidArgumentError) as caught:
        take(value)
    assert path
    assert "must" in str(caught.value) or "surrogate" in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("take", "path"), ID_TAKERS)
def test_id_of_a_text_type_is_sent_as_its_text(take, path):
    assert take(Chosen.ID).path == path.format("order-1")
    assert take(Shouting("order-1")).path == path.format("order-1")


@pytest.mark.parametrize(("part", "segment"), [(0, "0"), (-7, "-7"), (2**40, "1099511627776")])
def test_part_number_is_any_whole_number(part, segment):
    assert operations.download_attachment("mms:1", part).path == f"/inbox/mms%3A1/attachments/{segment}"


@pytest.mark.parametrize("part", ["1", None, True, 1.0])
def test_part_number_that_is_no_whole_number_is_refused(part):
    with pytest.raises(InvalidArgumentError, match="whole number"):
        operations.download_attachment("mms:1", part)


# --- queries


def test_query_is_empty_without_arguments():
    assert operations.list_messages().query == ""
    assert operations.send_message(MESSAGE).query == ""


def test_query_holds_what_was_given_in_the_order_of_the_spec():
    operation = operations.list_messages(
        device_id="a b&c=d",
        state=models.ProcessState.Sent,
        limit=100,
        offset=0,
        include_content=False,
        sort="-created_at",
        from_=NOW,
        to=NOW.astimezone(timezone(timedelta(hours=-3))),
    )
    assert sorted(operation.query.split("&")) == [
        "deviceId=a%20b%26c%3Dd",
        "from=2026-01-02T03%3A04%3A05.678Z",
        "includeContent=false",
        "limit=100",
        "offset=0",
        "sort=-created_at",
        "state=Sent",
        "to=2026-01-02T03%3A04%3A05.678Z",
    ]


def test_enum_in_a_query_may_be_text_or_unknown():
    assert operations.list_messages(state="Sent").query == "state=Sent"
    assert operations.list_messages(state=models.ProcessState("Teleported now")).query == "state=Teleported%20now"


def test_text_type_in_a_query_is_written_as_its_text():
    assert operations.list_messages(device_id=Chosen.ID).query == "deviceId=order-1"
    assert operations.list_messages(device_id=Shouting("order-1")).query == "deviceId=order-1"


def test_flags_are_written_small():
    assert operations.send_message(MESSAGE, skip_phone_validation=True).query == "skipPhoneValidation=true"


@pytest.mark.parametrize(
    "arguments",
    [
        {"from_": NOW.replace(tzinfo=None)},
        {"to": NOW.replace(tzinfo=None)},
        {"from_": "2026-01-01T00:00:00Z"},
        {"limit": "5"},
        {"limit": True},
        {"include_content": 1},
        {"state": 5},
        {"device_id": 5},
        {"device_id": "\ud83d"},
        {"device_id": ""},
        {"device_id": " "},
        {"state": ""},
        {"sort": ""},
    ],
)
def test_argument_of_the_wrong_kind_is_refused(arguments):
    with pytest.raises(InvalidArgumentError, match=r"^\w+ (must|holds)"):
        operations.list_messages(**arguments)


# --- bodies


def test_body_is_encoded_and_the_rest_described():
    operation = operations.send_message(MESSAGE, device_active_within=3)
    assert json.loads(operation.content) == {"phoneNumbers": ["+15550100001"], "textMessage": {"text": "hello"}}
    assert (operation.method, operation.path, operation.query) == ("POST", "/messages", "deviceActiveWithin=3")
    assert (operation.auth, operation.repeat, operation.scope) == ("client", "settle", "messages:send")
    assert operations.get_message("a").content is None


def test_broken_body_is_rejected():
    broken = MESSAGE.model_copy(update={"phone_numbers": ["x" * 129]})
    with pytest.raises(ValidationError):
        operations.send_message(broken)


@pytest.mark.parametrize(
    "take",
    [
        operations.send_message,
        operations.create_webhook,
        operations.replace_settings,
        operations.patch_settings,
        operations.create_token,
        operations.refresh_inbox,
        operations.export_inbox,
    ],
)
@pytest.mark.parametrize("body", [models.TextMessage(text="a"), models.SimCard, {"text": "a"}, "a", b"{}", None, 5])
def test_body_of_another_kind_is_refused(take, body):
    with pytest.raises(InvalidArgumentError, match=r"the body must be of type \w+"):
        take(body)


def test_settings_are_written_with_nulls_by_put_and_patch():
    settings = models.DeviceSettings(ping=models.SettingsPing(interval_seconds=None))
    for operation in (operations.replace_settings(settings), operations.patch_settings(settings)):
        assert json.loads(operation.content) == {"ping": {"interval_seconds": None}}


# --- what operations say about themselves


def test_refresh_carries_its_token_and_shows_it_nowhere():
    operation = operations.refresh_token("aa.bb.cc")
    assert (operation.auth, operation.token, operation.content, operation.repeat) == (
        "refresh",
        "aa.bb.cc",
        None,
        "never",
    )
    assert "aa.bb.cc" not in repr(operation)


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "é", None, b"aa"])
def test_token_that_could_not_stand_in_a_header_is_refused(token):
    with pytest.raises(InvalidArgumentError) as caught:
        operations.refresh_token(token)
    assert repr(token) not in str(caught.value)


def test_health_asks_without_credentials_and_takes_its_failures_as_answers():
    assert operations.health().also_success == (500, 503)
    for operation in (operations.health(), operations.health_live(), operations.health_ready()):
        assert operation.auth == "none"
        assert operation.scope is None
        assert 503 in operation.also_success
        assert operation.parse(503, {}, b'{"status":"fail"}').status == "fail"
        with pytest.raises(UnreadableError):
            operation.parse(503, {}, b'{"message":"nope"}')


def test_no_other_operation_takes_failures_as_answers():
    assert operations.send_message(MESSAGE).also_success == ()
    assert operations.get_settings().also_success == ()


def test_reads_are_safe_to_repeat_and_sends_are_settled():
    assert operations.list_messages().repeat == "safe"
    assert operations.send_message(MESSAGE).repeat == "settle"
    assert operations.cancel_message("a").repeat == "settle"
    period = models.InboxRefreshRequest(since=NOW, until=NOW)
    assert operations.refresh_inbox(period).repeat == "never"


# --- answers


def test_list_answer_is_a_page_that_remembers_what_was_asked():
    page = operations.list_messages(limit=5, offset=10).parse(200, {"X-Total-Count": "17"}, b"[]")
    assert (page, page.total, page.limit, page.offset) == ([], 17, 5, 10)
    assert operations.list_devices().parse(200, {}, b"null") == []


def test_answers_without_meaning_are_never_read():
    period = models.InboxRefreshRequest(since=NOW, until=NOW)
    assert operations.refresh_inbox(period).parse(202, {}, b"Accepted") is None
    assert operations.delete_device("a").parse(204, {}, b"") is None


def test_attachment_is_bytes_as_they_came():
    assert operations.download_attachment("mms:1", 2).parse(200, {}, b"\x89PNG{") == b"\x89PNG{"


def test_operation_has_slots_and_no_dict():
    operation = operations.get_message("a")
    assert isinstance(operation, Operation)
    assert not hasattr(operation, "__dict__")
