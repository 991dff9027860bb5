"""Queue of webhook deliveries: bytes, signatures, schedule, and what is never lost."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, strategies as st

from phone_bench import START
from smsgate import webhooks
from smsgate.phone import AttemptRecord, DeliveryQueue, Event
from smsgate.phone._events import write_body

HOOKS = [
    {"id": "all", "url": "https://a.example", "event": "sms:sent", "deviceId": None},
    {"id": "local", "url": "https://b.example", "event": "sms:sent"},
    {"id": "mine", "url": "https://c.example", "event": "sms:sent", "deviceId": "phone"},
    {"id": "others", "url": "https://d.example", "event": "sms:sent", "deviceId": "other"},
    {"id": "else", "url": "https://e.example", "event": "sms:failed", "deviceId": None},
]


@pytest.fixture
def changes():
    return []


@pytest.fixture
def queue(changes):
    return DeliveryQueue(Random(0), lambda delivery: changes.append((delivery.id, delivery.state)))


def emit(queue, at=START, hooks=HOOKS[:1], **payload):
    queue.emit(Event("sms:sent", {"messageId": "m", "text": "a<b", **payload}, at), "phone", hooks)


def take(queue, now, limit=20, may_send=lambda _delivery: True):
    return queue.due(now, limit, may_send=may_send)


def settle(queue, delivery, status, at, retries=15):
    queue.settle(delivery, AttemptRecord(at, status), retries)


def test_bodies_of_the_vectors_are_written_byte_for_byte(vectors):
    for case in vectors("webhook-events")["events"]:
        assert write_body(json.loads(case["wire"])) == case["wire"].encode(), case["name"]


def test_attempts_are_signed_as_in_the_vectors(queue, vectors):
    file = vectors("webhook-events")
    for case in file["events"]:
        emit(queue)
        (delivery,) = queue.waiting
        delivery.body = case["wire"].encode()
        at = START.fromtimestamp(int(file["timestamp"]), START.tzinfo)

        assert dict(queue.attempt(delivery, at, file["key"]).headers) == case["headers"]
        queue.clear()


def test_each_matching_registration_gets_a_delivery_of_its_own(queue):
    emit(queue, hooks=HOOKS)

    envelopes = [json.loads(delivery.body) for delivery in queue.waiting]

    assert [one["webhookId"] for one in envelopes] == ["all", "local", "mine"]
    assert len({one["id"] for one in envelopes}) == 3
    assert all(list(one) == ["deviceId", "event", "id", "payload", "webhookId"] for one in envelopes)


def test_retries_double_and_body_stays_while_signatures_change(queue):
    emit(queue)
    times, bodies, signatures, now = [], set(), set(), START
    while (due := queue.next_due()) is not None:
        now = due
        (delivery,) = take(queue, now)
        attempt = queue.attempt(delivery, now, "key")
        webhooks.verify(attempt.body, attempt.headers, signing_key="key", now=now)
        times.append((now - START).total_seconds())
        bodies.add(attempt.body)
        signatures.add(attempt.headers["X-Signature"])
        settle(queue, delivery, 503, now)

    assert times == [0, *(5 * (2**n - 1) for n in range(1, 16))]
    assert (len(bodies), len(signatures)) == (1, 16)
    (dropped,) = queue.finished
    assert (dropped.state, dropped.attempts, [record.status for record in dropped.log]) == ("dropped", 16, [503] * 16)


def test_very_many_retries_stay_on_the_calendar(queue):
    emit(queue)
    now = START
    for _ in range(100):
        (delivery,) = take(queue, now)
        settle(queue, delivery, None, now, retries=10**18)
        assert queue.next_due() - now <= timedelta(days=3650)
        now = START + timedelta(days=3650)
        delivery.due = now
        queue.redeliver(delivery, now)

    assert delivery.state == "waiting"


@pytest.mark.parametrize(
    ("status", "state"), [(200, "delivered"), (204, "delivered"), (302, "waiting"), (410, "waiting"), (None, "waiting")]
)
def test_only_2xx_ends_a_delivery(queue, changes, status, state):
    emit(queue)
    (delivery,) = take(queue, START)

    settle(queue, delivery, status, START)

    assert delivery.state == state
    assert changes[-1] == (delivery.id, state)


def test_attempt_that_is_never_settled_is_made_again_after_five_minutes(queue):
    emit(queue)
    (delivery,) = take(queue, START)
    queue.attempt(delivery, START, "key")

    assert take(queue, START + timedelta(seconds=299)) == []
    assert take(queue, START + timedelta(seconds=300)) == [delivery]


def test_late_result_of_a_finished_delivery_changes_nothing(queue):
    emit(queue)
    (delivery,) = take(queue, START)
    settle(queue, delivery, 200, START)
    settle(queue, delivery, None, START)

    assert (delivery.state, queue.next_due(), len(list(queue.finished))) == ("delivered", None, 1)


def test_deliveries_of_a_phone_without_network_wait_and_hold_up_no_other(queue):
    emit(queue)
    queue.emit(Event("sms:sent", {}, START), "other", HOOKS[:1])

    (first,) = take(queue, START, limit=1, may_send=lambda delivery: delivery.device_id == "other")
    assert first.device_id == "other"

    assert [one.device_id for one in take(queue, START)] == ["phone"]


def test_finished_and_waiting_deliveries_can_be_made_again(queue):
    emit(queue)
    emit(queue)
    done, waits = take(queue, START)
    settle(queue, done, 200, START)
    settle(queue, waits, 500, START)
    later = START + timedelta(seconds=1)

    queue.redeliver(queue.find(done.id), later)
    queue.redeliver(queue.find(waits.id), later)

    assert take(queue, later) == [done, waits]
    assert queue.find("unknown") is None


def test_deliveries_go_on_after_a_restart(queue):
    emit(queue)
    emit(queue)
    done, waits = take(queue, START)
    settle(queue, done, 200, START)
    settle(queue, waits, 500, START)
    restarted = DeliveryQueue(Random(2), lambda _delivery: None)
    for delivery in (done, waits):
        restarted.resume(delivery)

    assert (list(restarted.finished), list(restarted.waiting)) == ([done], [waits])
    assert restarted.next_due() == START + timedelta(seconds=5)
    settle(restarted, waits, 500, START + timedelta(seconds=5))
    assert restarted.next_due() == START + timedelta(seconds=15)


@given(
    outcomes=st.lists(st.lists(st.sampled_from([200, 500, None, "lost"]), max_size=4), min_size=1, max_size=8),
    shuffle=st.booleans(),
    limit=st.integers(1, 5),
)
def test_no_delivery_is_lost_and_none_is_made_after_its_success(outcomes, shuffle, limit):
    """``lost``: the attempt is never settled, as after a crash."""
    queue = DeliveryQueue(Random(1), lambda _delivery: None)
    queue.misbehaviour.shuffle = shuffle
    plans, made = {}, {}
    for plan in outcomes:
        emit(queue)
        delivery = list(queue.waiting)[-1]
        plans[delivery.id] = [*plan, 200]
        made[delivery.id] = 0
    now = START
    while (due := queue.next_due()) is not None:
        now = max(now, due)
        for delivery in take(queue, now, limit):
            queue.attempt(delivery, now, "key")
            outcome = plans[delivery.id][made[delivery.id]]
            made[delivery.id] += 1
            if outcome != "lost":
                settle(queue, delivery, outcome, now)

    assert {delivery.state for delivery in queue.finished} == {"delivered"}
    for delivery in queue.finished:
        plan = plans[delivery.id]
        assert made[delivery.id] == plan.index(200) + 1
        assert delivery.statuses == [outcome for outcome in plan[: plan.index(200) + 1] if outcome != "lost"]
