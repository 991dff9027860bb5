"""Rates, quiet hours and pauses."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from smsgate.bulk import Pacing, QuietHours
from smsgate.bulk._pacing import Backoff, Pacer, RateLimit
from smsgate.errors import ConfigurationError

hypothesis = pytest.importorskip("hypothesis")
given, strategies = hypothesis.given, hypothesis.strategies

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns"]
NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
SOON = datetime(2027, 1, 1, tzinfo=timezone.utc)
clocks = strategies.times().map(lambda clock: clock.replace(microsecond=0, fold=0))
moments = strategies.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=strategies.just(timezone.utc))  # noqa: DTZ001


@given(
    per_minute=strategies.floats(0.5, 5000),
    gaps=strategies.lists(strategies.floats(0, 5), min_size=1, max_size=200),
)
def test_no_minute_has_more_starts_than_allowed(per_minute, gaps):
    limit = RateLimit(per_minute)
    now, starts = 1000.0, []
    for gap in gaps:
        now += gap
        while limit.wait(now) == 0 and len(starts) < 2000:
            limit.start(now)
            starts.append(now)

    for index, begin in enumerate(starts):
        assert sum(begin <= start < begin + 60 for start in starts[index:]) <= per_minute + 2


@given(per_minute=strategies.floats(1, 5000), late=strategies.floats(0, 0.9))
def test_starts_that_come_a_little_late_keep_the_rate(per_minute, late):
    limit = RateLimit(per_minute)
    interval = 60 / per_minute
    now = 0.0
    limit.start(now)
    for _ in range(100):
        now += limit.wait(now) + late * interval
        limit.start(now)

    assert now <= 101 * interval * 1.001


@given(start=clocks, end=clocks, zone=strategies.sampled_from(ZONES), now=moments)
def test_quiet_hours_end_when_the_clock_shows_it(start, end, zone, now):
    hypothesis.assume(start != end)
    quiet = QuietHours(start, end, zone)

    until = quiet.end_after(now)

    clock = now.astimezone(ZoneInfo(zone)).time()
    inside = start <= clock < end if start < end else clock >= start or clock < end
    if inside:
        assert until is not None
    if until is not None:
        assert now < until <= now + timedelta(hours=26)
        shown = until.astimezone(ZoneInfo(zone))
        changes = shown.utcoffset() != (until - timedelta(hours=3)).astimezone(ZoneInfo(zone)).utcoffset()
        assert shown.time() == end or changes


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-06-01T20:59:59+02:00", None),
        ("2026-06-01T21:00:00+02:00", "2026-06-02T08:00:00+02:00"),
        ("2026-06-02T07:59:59+02:00", "2026-06-02T08:00:00+02:00"),
        ("2026-06-02T08:00:00+02:00", None),
        ("2026-03-28T23:00:00+01:00", "2026-03-29T08:00:00+02:00"),  # clocks go forward at night
        ("2026-10-24T23:00:00+02:00", "2026-10-25T08:00:00+01:00"),  # clocks go back
    ],
)
def test_quiet_hours_over_midnight(now, end):
    quiet = QuietHours.parse("21:00-08:00", "Europe/Berlin")

    assert quiet.end_after(datetime.fromisoformat(now)) == (end and datetime.fromisoformat(end))


def test_quiet_hours_that_end_within_a_change_of_clocks():
    quiet = QuietHours.parse("01:00-02:30", "Europe/Berlin")

    forward = quiet.end_after(datetime(2026, 3, 29, 0, 30, tzinfo=timezone.utc))
    back = quiet.end_after(datetime(2026, 10, 25, 0, 45, tzinfo=timezone.utc))  # 02:45, the first time

    assert forward == datetime(2026, 3, 29, 1, 30, tzinfo=timezone.utc)
    assert back == datetime(2026, 10, 25, 1, 30, tzinfo=timezone.utc)  # 02:30, the second time


@pytest.mark.parametrize(
    ("text", "zone"),
    [("21:00", "UTC"), ("21-x", "UTC"), ("08:00-08:00", "UTC"), ("25:00-08:00", "UTC"), ("21:00-08:00", "Berlin"),
     ("21:00-08:00", ""), ("21:00-08:00", "../etc"), (None, "UTC"), ("21:00+01:00-08:00", "UTC")],
)  # fmt: skip
def test_other_quiet_hours_are_rejected(text, zone):
    with pytest.raises(ConfigurationError):
        QuietHours.parse(text, zone)


@pytest.mark.parametrize(
    "options",
    [{"per_minute": 0}, {"per_minute": float("nan")}, {"per_device": -1}, {"per_device": "60"}, {"concurrency": 0},
     {"concurrency": True}, {"concurrency": 5000}, {"max_failures": 1.5}, {"give_up_after": -1}, {"quiet": "21-08"}],
)  # fmt: skip
def test_other_pacing_is_rejected(options):
    with pytest.raises(ConfigurationError):
        Pacing(**options)


def test_pauses_grow_until_a_success():
    backoff = Backoff(tolerated=2)
    now, pauses = 0.0, []
    for _ in range(10):
        backoff.fail(now)
        pauses.append(backoff.wait(now))
        now += backoff.wait(now)

    assert pauses == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60]
    backoff.succeed()
    assert backoff.since is None
    backoff.fail(now, 30)
    assert backoff.wait(now) == 30


def test_devices_have_rates_of_their_own():
    pacer = Pacer(Pacing(per_device=60))
    pacer.start("a", 0.0)

    assert pacer.wait_of("a", 0.5) == pytest.approx(0.5)
    assert pacer.wait_of("b", 0.5) == 0
    assert pacer.wait_of_all(0.5, NOON) == 0


def test_nothing_starts_in_quiet_hours():
    pacer = Pacer(Pacing(quiet=QuietHours(time(11, 0), time(13, 0), "UTC")))

    assert pacer.wait_of_all(0.0, NOON) == 3600
    assert pacer.wait_of_all(0.0, SOON) == 0
