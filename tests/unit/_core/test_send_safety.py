"""Decisions after a failed send."""

from __future__ import annotations

import pytest

from smsgate import (
    APIError,
    ConfigurationError,
    ConnectError,
    DataMessage,
    InternalServerError,
    Message,
    MessageState,
    NotImplementedByServerError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    TextMessage,
    TransportError,
    UnauthorizedError,
)
from smsgate._core.attempts import Failed
from smsgate._core.send_safety import Verdict, expected_state, is_passing, judge, same_message


def failed(error, status=None, sent=None):
    return Failed(error, status, sent)


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
