"""Outgoing messages, and the results of `send_many`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from smsgate import InvalidRequestError, Message, NotSent, TextMessage
from smsgate._core.messages import OutgoingMessage, build_message
from smsgate.errors import TransportError

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
MESSAGE = Message(phone_numbers=["+12025550100"], text_message=TextMessage(text="Hello"))


def outgoing(message, *, skip_phone_validation=False, active_within=0):
    return OutgoingMessage.create(message, skip_phone_validation=skip_phone_validation, active_within=active_within)


def test_message_is_built_from_a_text_or_taken_as_it_is():
    assert build_message("Hello", "+12025550100", id=None).text_message == TextMessage(text="Hello")
    assert build_message("Hello", iter(["+12025550100"]), id="m1").id == "m1"
    assert build_message(MESSAGE, None, id=None) is MESSAGE


@pytest.mark.parametrize(
    ("message", "to", "fields"),
    [
        (MESSAGE, "+1", {}),
        (MESSAGE, None, {"id": "m"}),
        (5, "+1", {}),
        ("a", None, {}),
        ("a", b"+1", {}),
        ("a", {}, {}),
    ],
)
def test_parts_that_make_no_message_are_rejected(message, to, fields):
    with pytest.raises(InvalidRequestError):
        build_message(message, to, **{"id": None, **fields})


def test_message_without_id_gets_one_and_may_not_have_expired():
    expired = MESSAGE.model_copy(update={"valid_until": NOW - timedelta(minutes=6)})

    assert outgoing(MESSAGE).generated
    assert outgoing(MESSAGE).id != outgoing(MESSAGE).id
    with pytest.raises(InvalidRequestError, match="in the past"):
        outgoing(expired).check(NOW)
    outgoing(expired.model_copy(update={"id": "sent-before"})).check(NOW)


@pytest.mark.parametrize("options", [{"skip_phone_validation": 1}, {"active_within": -1}, {"active_within": True}])
def test_options_of_another_type_or_range_are_rejected(options):
    with pytest.raises(InvalidRequestError, match="takes"):
        outgoing(MESSAGE, **options).check(NOW)


def test_device_is_assigned_to_both_forms():
    message = outgoing(MESSAGE)
    message.set_body(MESSAGE.model_copy(update={"is_encrypted": True}))
    message.assign("d1")

    assert (message.message.device_id, message.body.device_id, message.body.is_encrypted) == ("d1", "d1", True)


def test_result_of_a_failed_message_raises_its_error():
    error = TransportError("no response")

    with pytest.raises(TransportError) as caught:
        NotSent(MESSAGE, None, error).unwrap()
    assert caught.value is error
