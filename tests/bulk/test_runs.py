"""Runs of campaigns over gateways in memory: every row once, in whatever way it goes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from scripts.campaigns.rows import make_rows

from smsgate import webhooks
from smsgate.bulk import Campaign, JournalLockedError, Pacing, QuietHours
from smsgate.emulator import Fault, Faults, QueueLimit
from smsgate.errors import ConfigurationError, ConnectError, SMSGateError, UnauthorizedError
from smsgate.testing import make_client, make_gateway

ALL = 50


def numbers(count):
    return sorted(f"+491511{number:07d}" if number % 2 else f"+491512{number:07d}" for number in range(count))


def status(code):
    return Fault("status", status=code)


@pytest.mark.parametrize("runner", ["sync", "asyncio", "trio"], indirect=True)
@pytest.mark.parametrize("devices", [1, 2])
def test_every_row_is_enqueued_once_and_followed_to_its_end(runner, planned, books, devices):
    gateway = make_gateway({"devices": devices})
    campaign = planned(700)
    shown = []

    report = runner.run(campaign, runner.client(gateway), on_progress=shown.append)

    assert books(gateway) == numbers(700)
    assert report.counts == {"delivered": 700}
    assert (report.enqueued, report.parts, report.total) == (700, 700, 700)
    assert report.is_sent
    assert report.is_complete
    assert report.stopped is None
    assert {message.id: message.device_id for message in gateway.messages} == {
        row.id: row.device_id for row in report.rows()
    }
    assert {progress.phase for progress in shown} == {"sending", "following"}
    assert (shown[-1].done, shown[-1].total, shown[-1].seconds_left) == (700, 700, 0.0)


def test_second_run_sends_nothing(runner, gateway, planned, books):
    campaign = planned()
    client = runner.client(gateway)

    runner.run(campaign, client, follow=False)
    report = runner.run(campaign, client, follow=False)

    assert report.counts == {"enqueued": ALL}
    assert books(gateway) == numbers(ALL)


def test_id_and_phone_are_in_the_journal_before_the_first_attempt(planned, gateway):
    campaign = planned(20)
    journalled = []

    def look(event):
        if event.method == "POST":
            with Campaign.open(campaign.path) as reader:
                journalled.append(sorted({(row.state, row.device_id is None) for row in reader.status().rows()}))

    campaign.run(make_client(gateway, on_request=look), pacing=Pacing(concurrency=1), follow=False)

    assert len(journalled) == 20
    assert all(("sending", True) not in states and ("sending", False) in states for states in journalled)


def test_numbers_that_are_not_mobile_are_sent_to_as_planned(runner, gateway, tmp_path, books):
    rows = [{"phone": number} for number in ("+493012345678", "+498001234567", "+4915112345678")]

    with Campaign.plan(rows, "Hi", journal=tmp_path / "j.db").campaign as campaign:
        assert runner.run(campaign, runner.client(gateway), follow=False).counts == {"enqueued": 3}

    assert books(gateway) == sorted(row["phone"] for row in rows)


def test_messages_have_the_fields_of_the_plan(runner, gateway, planned):
    campaign = planned(3, ttl=3600, sim_number=2, priority=5, with_delivery_report=False)

    runner.run(campaign, runner.client(gateway), follow=False)

    assert {(message.sim_number, message.priority, message.with_delivery_report) for message in gateway.messages} == {
        (2, 5, False)
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_faults_neither_lose_nor_double_a_row(runner, planned, books, seed):
    gateway = make_gateway({"devices": 2, "phone": False, "faults": Faults.random(0.3, seed=seed)})
    campaign = planned(200)

    report = runner.run(campaign, runner.client(gateway), follow=False, pacing=Pacing(give_up_after=600))
    for _ in range(5):
        if not report.is_sent:
            report = runner.run(campaign, runner.client(gateway), follow=False)

    assert books(gateway) == numbers(200)
    assert report.counts == {"enqueued": 200}


def test_full_queue_delays_rows_of_that_phone(runner, planned, books):
    gateway = make_gateway({"phone": False})
    gateway.queue_limit = QueueLimit(max_pending=10, refresh=0)
    refused = []

    def make_room(event):
        if event.status == 503:
            refused.append(event.status)
            gateway.queue_limit = None

    report = runner.run(planned(30), runner.client(gateway, on_response=make_room), follow=False)

    assert refused
    assert report.counts == {"enqueued": 30}
    assert books(gateway) == numbers(30)


def test_too_many_requests_delay_all_rows(runner, planned, books, gateway):
    gateway.faults = Faults.script([Fault("status", status=429, retry_after="1")] * 3, only=["POST /messages"])

    report = runner.run(planned(30), runner.client(gateway), follow=False)

    assert report.counts == {"enqueued": 30}
    assert report.duration >= 1
    assert books(gateway) == numbers(30)


def test_unreachable_gateway_ends_the_run_and_loses_nothing(runner, planned, books, gateway, quick):
    gateway.faults = Faults.script(["refuse"] * 1000)
    campaign = planned()

    with pytest.raises(ConnectError):
        runner.run(campaign, runner.client(gateway), pacing=quick)
    assert campaign.status().counts == {"planned": ALL}

    gateway.faults = None
    assert runner.run(campaign, runner.client(gateway), follow=False).counts == {"enqueued": ALL}
    assert books(gateway) == numbers(ALL)


@pytest.mark.parametrize("fault", ["lost", "late", "truncate", "500-handled", "500"])
def test_gateway_that_stores_but_does_not_respond_loses_and_doubles_nothing(runner, planned, books, gateway, fault):
    only = ["POST /messages", "GET /messages/*"]
    gateway.faults = Faults.script([fault] * 1000, only=only)
    campaign = planned()

    with pytest.raises(SMSGateError):
        runner.run(campaign, runner.client(gateway), pacing=Pacing(give_up_after=0))
    counts = campaign.status().counts
    assert sum(counts.values()) == ALL
    assert set(counts) <= {"planned", "unknown"}

    gateway.faults = None
    assert runner.run(campaign, runner.client(gateway), follow=False).counts == {"enqueued": ALL}
    assert books(gateway) == numbers(ALL)


def test_refused_credentials_end_the_run_at_once(runner, planned, gateway):
    campaign = planned()
    tried = []
    client = runner.client(gateway, on_request=tried.append)
    gateway.faults = Faults.script([None, *[status(401)] * 1000], only=["GET /devices", "POST /messages"])

    with pytest.raises(UnauthorizedError):
        runner.run(campaign, client)
    assert campaign.status().counts == {"planned": ALL}
    assert len(tried) < ALL + 20


def test_too_many_refused_rows_stop_the_campaign(runner, planned, gateway):
    gateway.faults = Faults.script([None, *[status(400)] * 1000], only=["GET /devices", "POST /messages"])
    campaign = planned(200)

    report = runner.run(campaign, runner.client(gateway), pacing=Pacing(concurrency=4))

    assert "refused" in report.stopped
    assert 20 <= report.counts["failed"] <= 20 + 3  # when the 20th is refused, at most three others are under way
    assert report.counts["failed"] + report.counts["planned"] == 200
    assert {row.reason is None for row in report.rows("failed")} == {False}


def test_refused_rows_are_no_reason_to_stop_where_they_are_few(runner, planned, gateway):
    gateway.faults = Faults.script([*[None] * 30, status(400)], only=["POST /messages"])

    report = runner.run(planned(100), runner.client(gateway), follow=False)

    assert report.stopped is None
    assert report.counts == {"enqueued": 99, "failed": 1}


def test_rows_of_a_phone_that_was_removed_go_to_another_one(runner, planned, books, gateway):
    campaign = planned()
    client = runner.client(gateway)

    def remove(progress):
        if len(gateway.devices) == 2:
            make_client(gateway).remove_device(gateway.devices[0].id)

    first = runner.client(gateway)
    gateway.faults = Faults.script([*[None] * 20, *["refuse"] * 1000], only=["POST /messages"])
    with pytest.raises(ConnectError):
        runner.run(campaign, first, pacing=Pacing(give_up_after=0), follow=False)
    gateway.faults = None
    lost = len(gateway.messages)
    remove(None)
    report = runner.run(campaign, client, follow=False)

    assert report.counts == {"enqueued": ALL}
    kept = {row.number for row in report.rows() if row.device_id == gateway.devices[0].id}
    assert set(books(gateway)) == kept
    assert lost == 20


def test_rows_without_a_phone_are_looked_up_and_stay_unknown(runner, planned, gateway, quick, books):
    campaign = planned(3)
    client = runner.client(gateway)
    reached = []

    def faults(request):
        if request.method == "GET" and request.url.endswith("/devices"):
            return status(403)  # a token that must not list devices
        return None if reached else Fault("reset")

    gateway.faults = faults
    with pytest.raises(SMSGateError):
        runner.run(campaign, client, pacing=quick)
    reached.append(True)
    assert campaign.status().counts.get("unknown", 0) >= 1
    unknown = campaign.status().counts["unknown"]
    report = runner.run(campaign, client, follow=False)
    assert report.counts["unknown"] == unknown
    assert len(gateway.messages) == 3 - unknown

    report = runner.run(campaign, client, follow=False, resend_unknown=True)
    assert report.counts == {"enqueued": 3}
    assert books(gateway) == numbers(3)


def test_pacing_spreads_the_rows(runner, planned, gateway):
    started = []
    client = runner.client(gateway, on_request=lambda event: started.append(event.method))

    report = runner.run(planned(5), client, pacing=Pacing(per_minute=600), follow=False)

    assert report.duration >= 0.35
    assert started.count("POST") == 5


def test_nothing_is_sent_in_quiet_hours(planned, gateway, monkeypatch):
    campaign = planned(5)
    now = datetime.now(timezone.utc)
    quiet = QuietHours((now - timedelta(hours=1)).time(), (now + timedelta(seconds=2)).time(), "UTC")
    shown = []

    report = campaign.run(
        make_client(gateway),
        pacing=Pacing(quiet=quiet),
        follow=False,
        on_progress=shown.append,
    )

    assert report.counts == {"enqueued": 5}
    assert min(message.created_at for message in gateway.messages) >= now + timedelta(seconds=1)
    assert shown[0].phase == "waiting"
    assert shown[0].until > now


def test_cancel_takes_back_what_is_pending(runner, planned, gateway):
    campaign = planned(40)
    gateway.faults = Faults.script([*[None] * 15, *["lost"] * 5, *["refuse"] * 1000], only=["POST /messages"])
    client = runner.client(gateway)
    with pytest.raises(SMSGateError):
        runner.run(campaign, client, pacing=Pacing(give_up_after=0), follow=False)
    gateway.faults = None
    stored = len(gateway.messages)

    report = runner.cancel(campaign, client)

    assert stored >= 15
    assert {message.state for message in gateway.messages} <= {"Cancelled", "Cancelling"}
    assert report.counts["cancelled"] + report.counts.get("enqueued", 0) == 40
    runner.run(campaign, client, follow=False)
    assert len(gateway.messages) == stored


def test_webhook_events_change_rows(planned, gateway):
    campaign = planned(3)
    campaign.run(make_client(gateway), follow=False)
    first, second, third = campaign.status().rows()

    def event(kind, row, **fields):
        payload = {"messageId": row.id, "recipient": row.number, "phoneNumber": row.number, **fields}
        body = {"id": "1", "webhookId": "w", "event": kind, "deviceId": row.device_id, "payload": payload}
        return webhooks.parse_unverified(webhooks_body(body))

    assert campaign.record(event("sms:sent", first, sentAt="2026-01-01T00:00:00Z"))
    assert campaign.record(event("sms:delivered", first, deliveredAt="2026-01-01T00:00:00Z"))
    assert not campaign.record(event("sms:sent", first, sentAt="2026-01-01T00:00:00Z"))  # late
    assert campaign.record(event("sms:failed", second, failedAt="2026-01-01T00:00:00Z", reason="no signal"))
    assert not campaign.record(event("sms:ping", third))
    states = {row.row: (row.state, row.reason) for row in campaign.status().rows()}
    assert states == {1: ("delivered", None), 2: ("failed", "no signal"), 3: ("enqueued", None)}


def webhooks_body(document):
    import json

    return json.dumps(document).encode()


def test_number_that_opts_out_while_the_campaign_runs_gets_no_message(runner, planned, gateway, books):
    campaign = planned(300)
    opted_out = []

    def stop(_):
        if not opted_out:
            opted_out.append(campaign.opt_out(numbers(300)[149]))

    report = runner.run(campaign, runner.client(gateway), follow=False, on_progress=stop)

    assert opted_out == [True]
    assert report.counts == {"enqueued": 299, "cancelled": 1}
    assert numbers(300)[149] not in books(gateway)
    assert not campaign.opt_out(numbers(300)[149])


def test_two_runs_of_one_journal_exclude_each_other(runner, planned, gateway):
    campaign = planned(100)
    errors = []

    def again(_):
        if not errors:
            with Campaign.open(campaign.path) as other, pytest.raises(JournalLockedError) as caught:
                other.run(make_client(gateway))
            errors.append(caught.value)

    report = runner.run(campaign, runner.client(gateway), follow=False, on_progress=again)

    assert len(errors) == 1
    assert report.counts == {"enqueued": 100}


def test_lost_journal_and_the_same_campaign_id_double_nothing(runner, gateway, tmp_path, books):
    rows = list(make_rows(20))
    for number, order in enumerate((rows, rows[::-1])):
        with Campaign.plan(
            order, "Hi", journal=tmp_path / f"{number}.db", default_region="DE", campaign_id="june"
        ).campaign as campaign:
            assert runner.run(campaign, runner.client(gateway), follow=False).counts == {"enqueued": 20}

    assert books(gateway) == numbers(20)


@pytest.mark.parametrize("use", ["run", "cancel"])
def test_client_of_the_other_kind_is_rejected(planned, gateway, use):
    from smsgate.testing import make_async_client

    with pytest.raises(ConfigurationError, match=f"a{use} takes the other"):
        getattr(planned(1), use)(make_async_client(gateway))
