"""Dispatch of rows on a clock that a test turns: outages, quiet hours, full queues and rows that stay unclear."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone

import pytest

from smsgate.bulk import Pacing, QuietHours
from smsgate.bulk._dispatch import Dispatcher
from smsgate.errors import (
    BadRequestError,
    ConnectError,
    InternalServerError,
    RateLimitError,
    SendOutcomeUnknownError,
    ServiceUnavailableError,
)

NIGHT = QuietHours(time(21), time(8), "Europe/Berlin")
EVENING = datetime(2026, 6, 1, 18, 0, tzinfo=timezone.utc)  # 20:00 in Berlin
FULL = "failed to enqueue message: queue limits exceeded: pending"


class Gateway:
    """Accepts rows, or fails as a function of time and row tells; time passes only in pauses."""

    def __init__(self, begin=EVENING):
        self.now = begin
        self.failures = lambda _job: None
        self.accepted = {}
        self.attempts = []

    def clock(self):
        return self.now.timestamp()

    def attempt(self, job):
        self.attempts.append((self.now, job.row))
        failure = self.failures(job)
        if failure is None:
            assert job.id not in self.accepted
            self.accepted[job.id] = self.now
        return failure

    def run(self, campaign, pacing, **options):
        """Dispatch all rows with one attempt at a time for each of `pacing.concurrency`."""
        dispatcher = Dispatcher(campaign._journal, pacing, clock=self.clock, today=lambda: self.now, **options)
        while not dispatcher.is_ending() and not dispatcher.is_over():
            for job in dispatcher.load():
                phones = [f"phone {job.row % 2}", f"phone {1 - job.row % 2}", None]
                job.device = next(phone for phone in phones if phone not in dispatcher.gone)
                job.needs_device = False
            if dispatcher.has_writes():
                dispatcher.write()
            begun = []
            while (job := dispatcher.next()) is not None:
                begun.append(job)
            dispatcher.take([(job, self.attempt(job)) for job in begun])
            self.now += timedelta(seconds=60 if dispatcher.quiet_until() else dispatcher.pause())
        dispatcher.settle()
        return dispatcher


@pytest.fixture
def gateway():
    return Gateway()


@pytest.mark.parametrize("minutes", [1, 4])
def test_outage_of_minutes_is_waited_for(gateway, planned, minutes):
    campaign = planned(200)
    begin, end = gateway.now + timedelta(seconds=30), gateway.now + timedelta(seconds=30, minutes=minutes)
    gateway.failures = lambda _: ConnectError("no route") if begin <= gateway.now < end else None

    dispatcher = gateway.run(campaign, Pacing(per_minute=120, give_up_after=300))

    assert dispatcher.failure is None
    assert campaign.status().counts == {"enqueued": 200}
    assert sum(begin <= at < end for at, _ in gateway.attempts) < 8 + 4 * minutes + 8


def test_longer_outage_ends_the_run(gateway, planned):
    campaign = planned(50)
    gateway.failures = lambda _: ConnectError("no route")
    begun = gateway.now

    dispatcher = gateway.run(campaign, Pacing(give_up_after=300))

    assert isinstance(dispatcher.failure, ConnectError)
    assert 300 <= (gateway.now - begun).total_seconds() < 400
    assert campaign.status().counts == {"planned": 50}


def test_quiet_hours_are_no_outage(gateway, planned):
    campaign = planned(90)
    down = gateway.now + timedelta(minutes=59, seconds=30)
    up = gateway.now + timedelta(hours=12, seconds=40)
    gateway.failures = lambda _: ConnectError("no route") if down <= gateway.now < up else None

    dispatcher = gateway.run(campaign, Pacing(per_minute=1, quiet=NIGHT, give_up_after=300))

    assert dispatcher.failure is None
    assert campaign.status().counts == {"enqueued": 90}
    assert all(8 <= (at + timedelta(hours=2)).hour < 21 for at, _ in gateway.attempts)


def test_clock_that_jumps_sends_nothing_in_quiet_hours(gateway, planned):
    campaign = planned(200)
    jumps = iter([timedelta(hours=2), timedelta(hours=-4), timedelta(days=400)])

    def jump(job):
        if job.row in {50, 100, 150} and gateway.attempts[-1][1] == job.row:
            gateway.now += next(jumps)

    gateway.failures = jump

    gateway.run(campaign, Pacing(per_minute=60, quiet=NIGHT, concurrency=1))

    assert campaign.status().counts == {"enqueued": 200}
    assert all(8 <= (at + timedelta(hours=2)).hour < 21 for at, _ in gateway.attempts)


def test_full_queue_of_one_phone_delays_only_its_rows(gateway, planned):
    campaign = planned(100)
    room = gateway.now + timedelta(minutes=30)
    gateway.failures = lambda job: (
        ServiceUnavailableError(FULL, 503) if job.device == "phone 1" and gateway.now < room else None
    )

    dispatcher = gateway.run(campaign, Pacing(give_up_after=60))

    assert dispatcher.failure is None
    assert campaign.status().counts == {"enqueued": 100}
    assert sum(at < room for at in gateway.accepted.values()) == 50
    assert len(gateway.attempts) < 250


def test_rows_of_phones_that_are_gone_are_left_as_planned(gateway, planned):
    campaign = planned(1000)
    gateway.failures = lambda _job: (
        BadRequestError("failed to select device: record not found", 400) if len(gateway.accepted) >= 100 else None
    )

    dispatcher = gateway.run(campaign, Pacing())

    assert dispatcher.gone == {"phone 0", "phone 1"}
    assert "refused" in dispatcher.stopped
    counts = campaign.status().counts
    assert set(counts) == {"enqueued", "failed", "planned"}
    assert counts["failed"] < 40


def test_gateway_that_responds_is_not_out(gateway, planned):
    campaign = planned(20)
    begun = gateway.now
    left = [ConnectError("no route")] * 3  # for after the full queue

    def fail(_job):
        passed = (gateway.now - begun).total_seconds()
        if passed < 200:
            return ConnectError("no route")
        if passed < 400:
            return ServiceUnavailableError(FULL, 503)
        return left.pop() if left else None

    gateway.failures = fail

    dispatcher = gateway.run(campaign, Pacing(give_up_after=300))

    assert dispatcher.failure is None
    assert campaign.status().counts == {"enqueued": 20}


@pytest.mark.parametrize(("retry_after", "longest"), [(None, 4), (0.0, 4), (-5.0, 4), (20.0, 21), (1e12, 3602)])
def test_pause_that_the_server_asks_for_is_kept_within_an_hour(gateway, planned, retry_after, longest):
    campaign = planned(20)
    refused = []

    def limit(_job):
        if len(refused) < 2:
            refused.append(RateLimitError("slow down", 429))
            refused[-1].retry_after = retry_after
            return refused[-1]
        return None

    gateway.failures = limit
    begun = gateway.now

    gateway.run(campaign, Pacing(concurrency=1))

    assert campaign.status().counts == {"enqueued": 20}
    passed = (gateway.now - begun).total_seconds()
    assert min(retry_after or 0, 3600) <= passed <= 2 * longest


def test_row_that_always_fails_holds_up_no_others_and_fails_at_last(gateway, planned):
    campaign = planned(100)
    gateway.failures = lambda job: InternalServerError("failed", 500) if job.row in {1, 2} else None

    dispatcher = gateway.run(campaign, Pacing(per_minute=60))

    assert dispatcher.failure is None
    assert campaign.status().counts == {"failed": 2, "enqueued": 98}
    assert len(gateway.attempts) <= 98 + 2 * 9


def test_last_rows_that_fail_are_an_outage(gateway, planned):
    campaign = planned(100)
    gateway.failures = lambda job: InternalServerError("failed", 500) if job.row > 98 else None

    dispatcher = gateway.run(campaign, Pacing(per_minute=60))

    assert isinstance(dispatcher.failure, InternalServerError)
    assert campaign.status().counts == {"planned": 2, "enqueued": 98}


def test_row_that_stays_unclear_is_unknown_with_a_reason(gateway, planned):
    campaign = planned(100)
    gateway.failures = lambda job: SendOutcomeUnknownError("no response") if job.row == 1 else None

    for _ in range(2):  # the first run finds it planned, the second one unresolved
        dispatcher = gateway.run(campaign, Pacing(per_minute=60))

        assert dispatcher.failure is None
        assert campaign.status().counts == {"unknown": 1, "enqueued": 99}
        (row,) = campaign.status().rows("unknown")
        assert row.reason == "no response"
        campaign._journal._connection.execute("UPDATE rows SET state = 'sending', reason = NULL WHERE row = 1")
        campaign._journal._connection.execute("UPDATE rows SET state = 'planned' WHERE row > 1")
        gateway.accepted.clear()


@pytest.mark.parametrize("concurrency", [1, 8])
def test_refusals_end_the_run_with_few_rows_in_hand(gateway, planned, concurrency):
    campaign = planned(300)
    gateway.failures = lambda _: BadRequestError("no", 400)

    dispatcher = gateway.run(campaign, Pacing(concurrency=concurrency))

    assert "refused" in dispatcher.stopped
    counts = campaign.status().counts
    assert 20 <= counts["failed"] <= max(4 * concurrency, 19 + concurrency)
    assert counts["failed"] + counts["planned"] == 300
