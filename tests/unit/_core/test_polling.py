"""Stop conditions and intervals of waits."""

from __future__ import annotations

import pytest

from smsgate import InvalidRequestError, MessageState, ProcessState, RecipientState, errors
from smsgate._core.polling import PollSchedule, check_ids, check_wait, is_reached, is_temporary, timeout_text_of_many


def state(own, *recipients):
    return MessageState(
        id="m1", device_id="d1", state=own, is_hashed=False, is_encrypted=False,
        recipients=[RecipientState(phone_number="+12025550100", state=each) for each in recipients],
    )  # fmt: skip


def test_interval_grows_to_its_maximum_and_the_last_poll_is_before_the_deadline():
    schedule = PollSchedule(None, None, 0.0)
    pauses = [schedule.next_pause(0.0) for _ in range(20)]

    assert pauses[0] == 0.5
    assert pauses == sorted(pauses)
    assert pauses[-1] == 5.0
    bounded = PollSchedule(10.0, 8.0, 100.0)
    assert bounded.request_deadline == 110.0
    assert bounded.next_pause(100.0) == 8.0
    assert bounded.next_pause(108.0) == 1.0
    assert bounded.next_pause(109.5) is None


def test_one_poll_without_a_timeout_has_no_deadline():
    once = PollSchedule(0, None, 5.0)

    assert once.request_deadline is None
    assert once.next_pause(5.0) is None


@pytest.mark.parametrize(
    ("until", "own", "recipients", "reached"),
    [
        ("processed", "Pending", [], False),
        ("processed", "Processed", [], True),
        ("sent", "Processed", ["Sent", "Delivered"], True),
        ("sent", "Processed", ["Sent", "Pending"], False),
        ("sent", "Processed", [], False),
        ("delivered", "Sent", ["Sent"], False),
        ("delivered", "Sent", ["Delivered", "Failed"], True),
        ({ProcessState.Pending}, "Pending", [], True),
        ({ProcessState.Sent}, "Failed", [], True),
        (lambda _: False, "Pending", [], False),
        (lambda _: False, "Cancelled", [], True),
    ],
)
def test_condition_is_reached_by_its_states_and_by_final_ones(until, own, recipients, reached):
    assert is_reached(state(own, *recipients), until) is reached


@pytest.mark.parametrize("until", ["finished", {"Unknown"}, set(), MessageState, {"Sent": 1}, 7])
def test_condition_that_can_never_hold_is_rejected(until):
    with pytest.raises(InvalidRequestError, match="until takes"):
        check_wait(until, 1, None)


def test_ids_count_once_and_a_single_one_is_rejected():
    assert check_ids(iter(["a", "b", "a"])) == ["a", "b"]
    for wrong in ("abc", None, 5):
        with pytest.raises(InvalidRequestError, match="several ids"):
            check_ids(wrong)


def test_temporary_errors_are_those_that_a_later_poll_may_not_have():
    temporary = [errors.RateLimitError("", 429), errors.ServiceUnavailableError("", 503), errors.TransportError("")]
    final = [errors.NotImplementedByServerError("", 501), errors.NotFoundError("", 404), errors.ResponseError("")]

    assert all(map(is_temporary, [*temporary, errors.APIError("", 408)]))
    assert not any(map(is_temporary, final))


def test_text_of_a_timeout_names_three_messages_at_most():
    left = {"m1": state("Pending"), "m2": None, "m3": None, "m4": None}

    assert timeout_text_of_many(left, 9, 5) == (
        "4 of 9 messages are not finished after 5 s: m1 (Pending), m2 (unknown), m3 (unknown), …"
    )
