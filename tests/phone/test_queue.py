"""Order and time of sending: priority, order, limit, pauses, work hours."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from phone_bench import START, Bench

PERIODS = {"PerMinute": 60, "Per30Minutes": 1800, "PerHour": 3600, "PerDay": 86_400}


def test_urgent_messages_go_first_then_the_newest(bench):
    for number, (name, priority) in enumerate([("a", 0), ("b", 100), ("c", 0), ("d", -5)]):
        bench.send(name, priority=priority, created=bench.at(number))

    bench.run(10)

    assert bench.order == ["b", "c", "a", "d"]


def test_oldest_first_is_an_order_of_the_handset_or_of_the_settings(make_bench):
    first, second = make_bench(), make_bench()
    first.handset.processing_order = "FIFO"
    second.settings(messages={"processing_order": "FIFO"})

    for bench in (first, second):
        for number, name in enumerate("abc"):
            bench.send(name, created=bench.at(number))
        bench.run(10)

        assert bench.order == ["a", "b", "c"]


def test_order_may_change_while_messages_wait(bench):
    bench.settings(messages={"send_interval_min": 10, "send_interval_max": 10})
    for number, name in enumerate("abcd"):
        bench.send(name, created=bench.at(number))
    bench.run(0)
    assert bench.order == ["d"]

    bench.settings(
        messages={"processing_order": "FIFO", "send_interval_min": None, "send_interval_max": None},
    )
    bench.run(5)
    bench.run(60)

    assert bench.order == ["d", "a", "b", "c"]


def test_order_is_by_the_time_of_the_server_not_of_the_pull(bench):
    bench.send("newest", created=bench.at(9))
    bench.send("oldest", created=bench.at(1))

    bench.run(10)

    assert bench.order == ["newest", "oldest"]


def test_scheduled_messages_wait_for_their_time(bench):
    bench.send("later", schedule_at=bench.at(100), priority=127)
    bench.send("now")

    assert bench.phone.next_action() == START
    bench.run(99)
    assert bench.sent == [("now", 0)]
    assert bench.phone.next_action() == bench.at(100)
    bench.run(500)

    assert bench.sent == [("now", 0), ("later", 100)]


def test_limit_is_a_burst_and_then_one_period_of_silence_after_the_last(bench):
    bench.settings(
        messages={"limit_period": "PerMinute", "limit_value": 2, "send_interval_min": 5, "send_interval_max": 5}
    )
    for number in range(5):
        bench.send(str(number), created=bench.at(-number))

    bench.run(1000)

    assert bench.sent == [("0", 0), ("1", 5), ("2", 66), ("3", 71), ("4", 132)]


def test_failed_messages_do_not_count_for_the_limit(bench):
    bench.settings(messages={"limit_period": "PerHour", "limit_value": 1})
    bench.send("failed", numbers=("+79990009902",), priority=2)
    bench.send("expired", valid_until=START, priority=1)
    bench.send("good")

    bench.run(1)

    assert bench.order == ["failed", "good"]


@pytest.mark.parametrize("value", [None, 0, -3])
def test_limit_without_a_number_is_none(bench, value):
    bench.settings(messages={"limit_period": "PerMinute", "limit_value": value})
    for number in range(5):
        bench.send(str(number))

    bench.run(0)

    assert len(bench.sent) == 5


def test_limit_acts_at_once_and_ends_at_once(bench):
    bench.settings(messages={"limit_period": "PerDay", "limit_value": 1})
    bench.send("a")
    bench.send("b")
    bench.run(10)
    assert len(bench.sent) == 1

    bench.settings(messages={"limit_period": "Disabled"})
    bench.run(11)

    assert bench.sent[1][1] >= 10


@pytest.mark.parametrize(("low", "high", "waits"), [(3, 3, True), (3, 9, True), (3, None, False), (9, 3, False)])
def test_pause_is_random_between_its_ends(bench, low, high, waits):
    bench.settings(messages={"send_interval_min": low, "send_interval_max": high})
    for number in range(20):
        bench.send(str(number))

    bench.run(10_000)
    times = [at for _, at in bench.sent]
    pauses = {after - before for before, after in pairwise(times)}

    assert len(times) == 20
    assert pauses <= (set(range(low, high + 1)) if waits else {0})
    assert len(pauses) > 1 or low == high or not waits


def test_no_pause_follows_what_was_not_handed_over(bench):
    bench.settings(messages={"send_interval_min": 60, "send_interval_max": 60})
    bench.handset.sim_cards = [{"slotIndex": 0, "simNumber": 1}]
    bench.send("expired", valid_until=START, priority=3)
    bench.send("no sim", sim_number=2, priority=2)
    bench.send("unreadable", is_encrypted=True, priority=1)
    bench.send("good")

    bench.run(0)

    assert bench.sent == [("good", 0)]


def test_new_message_ends_a_pause_of_the_app_but_not_of_the_handset(bench):
    bench.settings(messages={"send_interval_min": 60, "send_interval_max": 60})
    bench.send("a")
    bench.run(10)
    bench.send("b")
    bench.run(10)
    assert bench.sent == [("a", 0), ("b", 10)]

    bench.timings.pace = 30
    bench.run(80)
    bench.send("c")
    bench.run(80)
    bench.send("d")
    bench.run(80)
    bench.run(200)

    assert bench.sent[2:] == [("c", 80), ("d", 110)]


def test_scheduled_message_does_not_end_a_pause(bench):
    bench.settings(messages={"send_interval_min": 60, "send_interval_max": 60})
    bench.send("later", schedule_at=bench.at(10))
    bench.send("a")

    bench.run(100)

    assert bench.sent == [("a", 0), ("later", 60)]


def test_first_urgent_message_ignores_limit_and_pause_and_the_next_obey(bench):
    bench.settings(
        messages={"limit_period": "PerMinute", "limit_value": 1, "send_interval_min": 5, "send_interval_max": 5}
    )
    bench.send("normal")
    bench.run(0)
    for number in range(3):
        bench.send(f"urgent {number}", priority=100, created=bench.at(-number), schedule_at=bench.at(2))

    bench.run(1000)

    assert bench.sent == [("normal", 0), ("urgent 0", 2), ("urgent 1", 63), ("urgent 2", 124)]


def test_more_urgent_message_overtakes_an_urgent_one(bench):
    bench.settings(messages={"send_interval_min": 50, "send_interval_max": 50})
    bench.send("urgent", priority=100)
    bench.send("more", priority=120, schedule_at=bench.at(1))
    bench.send("equal", priority=120, schedule_at=bench.at(2))

    bench.run(500)

    assert bench.sent == [("urgent", 0), ("more", 1), ("equal", 51)]


HOURS = {"work_hours_enabled": True, "work_hours_start": "09:00", "work_hours_end": "17:00"}


@pytest.mark.parametrize(
    ("hours", "clock", "opens"),
    [
        ({}, "08:59", "09:00"),
        ({}, "09:00", "09:00"),
        ({}, "16:59", "16:59"),
        ({}, "17:00", "09:00"),
        ({"work_hours_start": "22:00", "work_hours_end": "06:00"}, "23:00", "23:00"),
        ({"work_hours_start": "22:00", "work_hours_end": "06:00"}, "05:59", "05:59"),
        ({"work_hours_start": "22:00", "work_hours_end": "06:00"}, "06:00", "22:00"),
        ({"work_hours_start": "07:00", "work_hours_end": "07:00"}, "03:00", "03:00"),
        ({"work_hours_enabled": False}, "03:00", "03:00"),
        ({"work_hours_start": None, "work_hours_end": None}, "19:00", "09:00"),
    ],
)
def test_messages_wait_for_work_hours_in_the_phones_own_zone(make_bench, hours, clock, opens):
    bench = make_bench(zone=timezone(timedelta(hours=7)))
    local = datetime.fromisoformat(f"2026-03-05T{clock}:00+07:00")
    bench.now = local
    bench.settings(messages={**HOURS, **hours})
    bench.send("a")

    bench.take(bench.phone.act(local + timedelta(days=2)))
    sent = bench.effects[0].at.astimezone(local.tzinfo)

    assert f"{sent:%H:%M}" == opens
    assert timedelta(0) <= sent - local < timedelta(days=1)


def test_urgent_messages_know_no_work_hours(bench):
    bench.settings(messages={**HOURS, "work_hours_start": "13:00"})
    bench.send("normal")
    bench.send("urgent", priority=100)

    bench.run(1)

    assert bench.order == ["urgent"]
    assert bench.phone.next_action() == bench.at(3600)


def test_huge_settings_neither_fail_nor_stop_the_clock(bench):
    bench.settings(messages={"send_interval_min": 10**18, "send_interval_max": 10**18, "limit_value": 10**18})
    bench.send("a")
    bench.send("b")

    bench.run(86_400)

    assert bench.order == ["b"]


# --- properties -------------------------------------------------------------------------------------------------------

MESSAGES = st.lists(
    st.tuples(
        st.integers(0, 300),  # time of the pull
        st.integers(-128, 99),  # priority
        st.none() | st.integers(0, 600),  # schedule
    ),
    max_size=25,
)


@given(
    messages=MESSAGES,
    limit=st.integers(1, 5),
    period=st.sampled_from(["PerMinute", "Per30Minutes"]),
    interval=st.integers(0, 30),
    oldest_first=st.booleans(),
)
def test_nothing_is_lost_or_doubled_and_limits_hold(messages, limit, period, interval, oldest_first):
    bench = Bench()
    bench.handset.processing_order = "FIFO" if oldest_first else "LIFO"
    bench.settings(
        messages={
            "limit_period": period,
            "limit_value": limit,
            "send_interval_min": interval,
            "send_interval_max": interval + 5,
        },
    )
    earliest = {}
    for number, (pulled, priority, scheduled) in enumerate(sorted(messages, key=lambda item: item[0])):
        bench.run(pulled)
        schedule = None if scheduled is None else bench.at(scheduled)
        bench.send(str(number), priority=priority, schedule_at=schedule)
        earliest[str(number)] = max(pulled, scheduled or 0)
    bench.run(10**6)

    assert sorted(bench.order) == sorted(earliest)
    assert all(at >= earliest[name] for name, at in bench.sent)
    times = [at for _, at in bench.sent]
    assert times == sorted(times)
    for at in times:
        assert sum(at - PERIODS[period] < other <= at for other in times) <= limit
    assert bench.phone.next_action() is None


@given(messages=MESSAGES, jump=st.integers(1, 1000))
def test_a_jump_of_the_clock_is_like_small_steps(messages, jump):
    def run(step):
        bench = Bench()
        bench.settings(messages={"send_interval_min": 3, "send_interval_max": 3})
        bench.handset.failing_numbers = {"1234": "no luck"}
        for number, (pulled, priority, scheduled) in enumerate(messages):
            schedule = None if scheduled is None else bench.at(scheduled)
            numbers = ("+79990001234",) if pulled % 3 else ("+79990005678",)
            bench.send(str(number), priority=priority, schedule_at=schedule, numbers=numbers)
        for seconds in range(0, 2000, step):
            bench.run(seconds)
        bench.run(2000)
        return bench.effects

    assert run(jump) == run(2000)


@given(messages=MESSAGES, limit=st.integers(1, 3))
def test_what_fails_or_is_cancelled_is_never_sent(messages, limit):
    bench = Bench()
    bench.settings(messages={"limit_period": "PerMinute", "limit_value": limit})
    for number, (pulled, priority, _) in enumerate(messages):
        expires = bench.at(pulled) if number % 2 else None
        bench.send(str(number), priority=priority, valid_until=expires)
        if number % 3 == 0:
            bench.take(bench.phone.cancel(str(number), bench.now, at_once=True))
    bench.run(10**6)

    sent = dict(bench.sent)
    for number, (pulled, _, _) in enumerate(messages):
        state = bench.last(str(number)).state
        expected = "Cancelled" if number % 3 == 0 else "Delivered" if str(number) in sent else "Failed"
        assert state == expected
        assert number % 2 == 0 or str(number) not in sent or sent[str(number)] < pulled
