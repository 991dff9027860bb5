"""The pure decisions of the core, by hand-fed values."""

from __future__ import annotations

import traceback
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest

from smsgate import (
    APIError,
    BearerAuth,
    ConfigurationError,
    ConnectError,
    DataMessage,
    Device,
    InboxQueryFilter,
    InternalServerError,
    InvalidRequestError,
    Message,
    MessagesQueryFilter,
    MessageState,
    NotImplementedByServerError,
    QueryPagination,
    RateLimitError,
    RequestTimeoutError,
    ResponseError,
    RetryPolicy,
    ServiceUnavailableError,
    TextMessage,
    Timeout,
    TransportError,
    UnauthorizedError,
)
from smsgate._core.attempts import Failed, device_list_error, token_failure, transport_failure
from smsgate._core.base_url import check_base_url, is_phone
from smsgate._core.config import check_timeout, full_user_agent
from smsgate._core.device_choice import choose_device
from smsgate._core.hints import ErrorContext, find_hint
from smsgate._core.queries import as_utc
from smsgate._core.registration import check_target
from smsgate._core.send_safety import Verdict, expected_state, is_passing, judge, same_message
from smsgate.auth import BasicAuth, TokenPair, choose_auth
from smsgate.retry import decide, retry_after_seconds
from smsgate.runtime.types import Operation

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def failed(error, status=None, sent=None):
    return Failed(error, status, sent)


def wait(*, status=None, sent=None, repeat="safe", attempt=1, elapsed=0.0, retry_after=None, draw=1.0, **policy):
    return decide(
        RetryPolicy(**policy),
        repeat,
        status=status,
        sent=sent,
        retry_after=retry_after,
        attempt=attempt,
        elapsed=elapsed,
        draw=draw,
    )


def test_waits_double_up_to_their_bound_and_are_drawn_below_it():
    assert [wait(attempt=n, max_retries=9) for n in (1, 2, 3, 4, 5, 6)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert wait(draw=0.0) == 0.0
    assert wait(draw=0.5) == 0.25


def test_server_s_wish_is_obeyed_up_to_its_ceiling():
    assert wait(status=429, retry_after=7.0) == 7.0
    assert wait(status=503, retry_after=61.0) is None


def test_retries_end_by_number_and_by_time():
    assert wait(attempt=4) is None
    assert wait(elapsed=59.9) is None
    assert wait(elapsed=59.0) == 0.5


@pytest.mark.parametrize("status", [200, 400, 401, 404, 409, 501])
def test_statuses_that_another_attempt_cannot_help_are_final(status):
    assert wait(status=status) is None


def test_settling_operations_are_repeated_only_without_effect():
    assert wait(repeat="settle", sent=None) is None
    assert wait(repeat="settle", sent=True, status=503) is None
    assert wait(repeat="settle", sent=False) == 0.5
    assert wait(repeat="settle", sent=False, status=503) == 0.5
    assert wait(repeat="never", sent=False) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("\u0665", None),
        ("9" * 310, 100 * 365 * 86_400.0),
        ("9" * 5000, 100 * 365 * 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 100 * 365 * 86_400.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30.0),
        ("Thu, 01 Jan 2026 02:00:30 +0200", 30.0),
        ("Thu, 01 Jan 9999999999 00:00:30 GMT", None),
        ("Thu, 01 Jan 2026 9999999999:00:30 GMT", None),
        ("1 Jan 2026 00:00:99999999999999", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(value, seconds):
    assert retry_after_seconds({"retry-after": value}, NOW) == seconds


@pytest.mark.parametrize(
    "options",
    [
        {"max_retries": -1},
        {"max_retries": "3"},
        {"max_retries": True},
        {"base_delay": float("nan")},
        {"max_delay": None},
        {"max_delay": float("inf")},
        {"base_delay": float("inf")},
        {"max_retries": 10**400},
        {"max_elapsed": float("nan")},
        {"max_elapsed": 10**400},
        {"max_elapsed": -0.1},
        {"max_retry_after": "60"},
        {"on_retry": "print"},
        {"base_delay": 10**400},
    ],
)
def test_policies_that_could_never_work_are_refused(options):
    with pytest.raises(ConfigurationError):
        RetryPolicy(**options)


def test_retry_after_in_the_past_means_now():
    assert retry_after_seconds({"retry-after": "Wed, 31 Dec 2025 23:00:00 GMT"}, NOW) == 0.0


@pytest.mark.parametrize(
    ("attempt", "verdict"),
    [
        (failed(ConnectError("x"), sent=False), Verdict.WITHOUT_EFFECT),
        (failed(RateLimitError("x", 429), 429, False), Verdict.WITHOUT_EFFECT),
        (failed(APIError("x", 409), 409, True), Verdict.TAKEN),
        (failed(TransportError("x"), None, None), Verdict.UNCLEAR),
        (failed(APIError("x", 408), 408, True), Verdict.UNCLEAR),
        (failed(InternalServerError("x", 500), 500, True), Verdict.UNCLEAR),
        (failed(ServiceUnavailableError("x", 503), 503, True), Verdict.UNCLEAR),
        (failed(ServiceUnavailableError("… queue limits exceeded: …", 503), 503, True), Verdict.REFUSED),
        (failed(NotImplementedByServerError("x", 501), 501, True), Verdict.REFUSED),
        (failed(APIError("x", 400), 400, True), Verdict.REFUSED),
    ],
)
def test_attempts_are_judged_by_what_they_say_about_the_message(attempt, verdict):
    assert judge(attempt) is verdict


def test_call_without_a_token_never_left():
    timeout = token_failure(RequestTimeoutError("slow", sent=None))
    assert (timeout.sent, timeout.status) == (False, None)
    assert isinstance(timeout.error, RequestTimeoutError)
    assert timeout.error.sent is False
    assert token_failure(InternalServerError("x", 500)).status == 503
    assert token_failure(NotImplementedByServerError("x", 501)).status == 501
    assert token_failure(UnauthorizedError("x", 401)).status == 401
    assert token_failure(ResponseError("x")).status == 503  # garbage is worth another attempt
    assert transport_failure(TransportError("x", sent=True)).sent is True


SENT = Message(id="m1", phone_numbers=["8 (999) 000-12-34"], text_message=TextMessage(text="Hello"))


def found(**changes):
    values = {
        "id": "m1",
        "device_id": "d1",
        "state": "Pending",
        "recipients": [{"phone_number": "+79990001234", "state": "Pending"}],
        **changes,
    }
    return MessageState.model_validate(values)


def test_message_is_recognised_though_the_gateway_rewrote_its_number():
    assert same_message(SENT, found())
    assert same_message(SENT, found(text_message={"text": "Hello"}))
    hashed = {"hash": "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969"}
    number = [{"phone_number": "0123456789abcdef", "state": "Sent"}]
    assert same_message(SENT, found(is_hashed=True, hashed_message=hashed, recipients=number))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("+1 202 555 0101 ext 5", "+12025550101"),
        ("+1 202 555 0101 ext. 5", "+12025550101"),
        ("+1 202-555-0101 x12", "+12025550101"),
        ("+12025550101;ext=1234567", "+12025550101"),
        ("+1 202 555 0101 extension 12", "+12025550101"),
        ("+1 202 555 0101, 1234", "+12025550101"),
        ("+1 202 555 0101 #777", "+12025550101"),
        ("+1 202 555 0101 - 12#", "+12025550101"),
        ("8 (999) 000-12-34 доб. 5", "+79990001234"),
        ("+1 202 CALL NOW", "+12022255669"),
        ("+1-202-flowers", "+12023569377"),
        ("+1-202-FLOWERS x12", "+12023569377"),
        ("+1 202 CALL NOW", "1202CALLNOW"),  # left as it was, but for spaces
        ("\uff0b\uff17\uff19\uff19\uff19\uff10\uff10\uff10\uff11\uff12\uff13\uff14", "+79990001234"),
        ("+\u0667\u0669\u0669\u0669\u0660\u0660\u0660\u0661\u0662\u0663\u0664", "+79990001234"),
        ("900", "+900"),
        ("abc", "abc"),
        ("abc", "+abc"),
    ],
)
def test_numbers_with_extensions_letters_and_foreign_digits_are_recognised(sent, kept):
    message = SENT.model_copy(update={"phone_numbers": ["+79990005678", sent]})

    assert same_message(message, found(recipients=[{"phone_number": kept, "state": "Pending"}]))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("+1 202 555 0101 ext 5", "+12025550102"),
        ("+1 202 CALL NOW", "+12022255660"),
        ("abc", "bca"),
        ("abc", "222"),
        ("900", "901"),
    ],
)
def test_other_numbers_are_not_mistaken(sent, kept):
    message = SENT.model_copy(update={"phone_numbers": [sent]})

    assert not same_message(message, found(recipients=[{"phone_number": kept, "state": "Pending"}]))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "M1"},
        {"text_message": {"text": "Other"}},
        {"data_message": {"data": "AAAA", "port": 1}},
        {"hashed_message": {"hash": "0" * 64}},
        {"recipients": [{"phone_number": "+79990009999", "state": "Pending"}]},
    ],
)
def test_another_message_is_not_mistaken(changes):
    assert not same_message(SENT, found(**changes))


def test_data_message_is_compared_by_data_and_port():
    data = DataMessage.with_bytes(b"abc", 1)
    sent = Message(id="m1", phone_numbers=["+79990001234"], data_message=data)

    assert same_message(sent, found(data_message={"data": data.data, "port": 1}))
    assert not same_message(sent, found(data_message={"data": data.data, "port": 2}))


def test_short_names_and_ciphertexts_are_compared_whole():
    sent = Message(id="m1", phone_numbers=["$aes$1", "abc"], text_message=TextMessage(text="x"), is_encrypted=True)

    assert same_message(sent, found(recipients=[{"phone_number": "+$aes$1", "state": "Sent"}]))
    assert not same_message(sent, found(recipients=[{"phone_number": "+$aes$2", "state": "Sent"}]))


def test_expected_state_is_what_the_lost_answer_would_have_said():
    state = expected_state(SENT.model_copy(update={"device_id": "d1"}))

    assert (state.id, state.device_id, state.state) == ("m1", "d1", "Pending")


def device(id, hours):
    seen = NOW - timedelta(hours=hours)
    return Device(id=id, name="", created_at=seen, updated_at=seen, last_seen=seen)


def test_phone_seen_lately_is_preferred():
    phones = [device("old", 100), device("new", 1), device("newer", 0)]

    assert {choose_device(phones, 0, NOW, f"m{number}") for number in range(50)} == {"new", "newer"}
    assert choose_device(phones[:1], 0, NOW, "m1") == "old"
    assert choose_device(phones, 200, NOW, "m1", {"new", "newer"}) == "old"
    assert choose_device(phones[:1], 1, NOW, "m1") is None
    assert choose_device([], 0, NOW, "m1") is None


def test_phone_of_a_message_is_the_same_for_everybody_and_whatever_others_come_and_go():
    phones = [device(f"phone-{number}", 0) for number in range(5)]
    ids = [f"order-{number}" for number in range(200)]
    chosen = {id: choose_device(phones, 0, NOW, id) for id in ids}

    assert {id: choose_device(phones[::-1], 0, NOW, id.upper()) for id in ids} == chosen
    assert min(map([*chosen.values()].count, {phone.id for phone in phones})) > 10
    fewer = {id: choose_device(phones[1:], 0, NOW, id) for id in ids}
    assert {fewer[id] for id in ids if chosen[id] != "phone-0"} == {phone.id for phone in phones[1:]}
    assert all(fewer[id] == chosen[id] for id in ids if chosen[id] != "phone-0")


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (TransportError("x"), True),
        (ResponseError("x"), True),
        (APIError("x", 408), True),
        (RateLimitError("x", 429), True),
        (InternalServerError("x", 500), True),
        (NotImplementedByServerError("x", 501), False),
        (UnauthorizedError("x", 401), False),
        (APIError("x", 403), False),
        (ConfigurationError("x"), False),
    ],
)
def test_look_ups_that_may_succeed_later_are_told_apart(error, passing):
    assert is_passing(error) is passing


def test_filters_are_written_and_read_by_their_wire_names():
    query = MessagesQueryFilter(from_=NOW, state="Failed", device_id="d1")
    inbox = InboxQueryFilter(message_type="SMS", include_attachments=True)

    assert query.asdict() == {"from": "2026-01-01T00:00:00.000Z", "state": "Failed", "deviceId": "d1"}
    assert inbox.asdict() == {"type": "SMS", "includeAttachments": True}
    assert QueryPagination.from_dict({"limit": 5, "x": 1}) == QueryPagination(5)
    for wrong in (None, "from", [("limit", 5)]):
        with pytest.raises(InvalidRequestError, match="mapping"):
            QueryPagination.from_dict(wrong)
    assert MessagesQueryFilter.from_dict({"from": NOW}) == MessagesQueryFilter(from_=NOW)


def test_times_of_queries_are_read_from_text():
    assert as_utc("2026-01-01T00:00:00Z") == NOW
    assert as_utc("2026-01-01T02:00:00+02:00") == NOW
    assert as_utc(None) is None
    assert as_utc("2026-01-01t00:00:00.000000000z") == NOW
    for wrong in ("", "yesterday", "2026-01-01", "2026-W01-4T00:00:00Z", "20260101T000000Z", "2026-01-01T00:00:00"):
        with pytest.raises(InvalidRequestError) as caught:
            as_utc(wrong)
        assert caught.value.__cause__ is None
    with pytest.raises(InvalidRequestError):
        as_utc(NOW.replace(tzinfo=None))


def test_hints_name_what_helps():
    def hint(status, message="", name="get_message", base_url="https://a.test/3rdparty/v1", location=None):
        operation = Operation(name, "GET", "/", lambda *_: None)
        return find_hint(ErrorContext(operation, status, message, base_url, location=location))

    assert "JWT__SECRET" in hint(501, name="create_token")
    assert "phones' API" in hint(401, "Unauthorized", base_url="https://a.test/mobile/v1")
    assert "phones' API" in hint(404, "Not Found", base_url="https://a.test/api/mobile/v1")
    assert hint(401, "Unauthorized") is None
    assert "local server" in hint(404, "Not Found", name="download_attachment")
    assert "local server has no path" in hint(404, "Not Found", base_url="http://phone.test:8080/3rdparty/v1")
    assert "no such item" in hint(404, "Not Found", base_url="http://phone.test:8080")
    assert "+<country code>" in hint(400, "invalid phone number")
    assert "+<country code>" in hint(400, "failed to parse phone number: the phone number supplied is not a number")
    assert "device_active_within" in hint(400, "failed to select device: record not found")
    assert "bring it online" in hint(503, "failed to enqueue message: queue limits exceeded: too many failed messages")
    assert "local server" in hint(501, name="list_inbox")
    assert hint(501, name="other")
    assert "get_state" in hint(409, "failed to cancel message: message is not pending", name="cancel_message")
    assert "another id" in hint(409, "duplicate id", name="send_message")
    assert "messages:list" in hint(400, "unsupported scope provided", name="create_token")
    assert "redirects" in hint(302)
    assert "(https://b.test/v1)" in hint(302, location="https://user:secret@b.test/v1?token=x#y")
    assert "(//b.test)" in hint(302, location="//user:secret@b.test")
    assert "(/v1/a@b)" in hint(302, location="/v1/a@b")
    assert hint(400, "something") is None
    assert hint(404, "message not found") is None
    assert hint(503, "down") is None


def test_options_are_checked_and_completed():
    assert check_timeout(3) == Timeout(connect=3, read=3.0, total=3.0)
    assert check_timeout(60) == Timeout(connect=10.0, read=60.0, total=60.0)
    assert check_timeout(Timeout(None, None, None)) == Timeout(None, None, None)
    assert full_user_agent(" myapp/1.0 ").startswith("myapp/1.0 smsgate/")


@pytest.mark.parametrize(
    ("url", "phone"),
    [
        ("https://api.sms-gate.app/3rdparty/v1", False),
        ("https://a.test/api/3rdparty/v1", False),
        ("http://192.168.1.2:8080", True),
        ("http://3rdparty.test:8080/v1", True),
    ],
)
def test_phone_is_told_from_the_path(url, phone):
    assert is_phone(url) is phone


def test_credentials_that_cannot_be_written_are_refused():
    with pytest.raises(ConfigurationError):
        BasicAuth("demo", "\ud800")
    with pytest.raises(ConfigurationError, match="BasicAuth, BearerAuth or JWTAuth"):
        choose_auth(None, None, object())
    assert choose_auth(None, None, BearerAuth("a")).authorization() == "Bearer a"


def test_stored_pairs_that_make_no_sense_are_no_pairs():
    good = TokenPair("a", "b", "c", NOW, 60.0)

    assert TokenPair.from_dict(good.asdict()) == good
    for change in (
        {"access_token": 5},
        {"refresh_token": 5},
        {"ends_at": "2026-01-01T00:00:00"},
        {"lifetime": "x"},
        {"lifetime": float("nan")},
        {"lifetime": float("inf")},
        {"lifetime": 10**400},
        {"lifetime": -1},
    ):
        assert TokenPair.from_dict({**good.asdict(), **change}) is None


def test_pairs_at_the_ends_of_time_are_as_good_as_others():
    first = TokenPair("a", "b", "c", datetime.min.replace(tzinfo=timezone.utc), 60.0)
    last = TokenPair("a", "b", "c", datetime.max.replace(tzinfo=timezone.utc), 60.0)

    assert first.expires_within(30.0, NOW)
    assert not last.expires_within(1e300, NOW)
    assert not last.expires_within(float("inf"), NOW)


def test_token_that_is_no_jwt_lives_until_the_server_says():
    class Answer:
        id, access_token, refresh_token, expires_at = "a", "opaque", None, NOW + timedelta(seconds=90)

    pair = TokenPair.from_response(Answer(), NOW)

    assert (pair.lifetime, pair.ends_at) == (90.0, NOW + timedelta(seconds=90))


def test_failure_of_an_odd_kind_of_transport_is_told_as_the_nearest_known():
    class OddError(ConnectError):
        def __init__(self, host, port):
            super().__init__(f"{host} {port}")

    for told in (token_failure(OddError("a", 1)).error, device_list_error(OddError("a", 1))):
        assert type(told) is ConnectError
        assert told.sent is False
        assert "a 1" in str(told)


@pytest.mark.parametrize("url", ["https://demo:S3cret/word@a.test/", "https://us[er:S3cret]x@a.test/"])
def test_no_part_of_a_url_is_quoted_by_a_traceback(url):
    for check in (check_base_url, partial(check_target, allow_insecure=False)):
        with pytest.raises((ConfigurationError, InvalidRequestError)) as caught:
            check(url)
        assert "S3cret" not in "".join(traceback.format_exception(caught.value))
        assert caught.value.__cause__ is None
