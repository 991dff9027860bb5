"""Answering first and working afterwards, each event once, under asyncio and trio."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from datetime import timedelta

import anyio
import pytest
import sniffio

from eventually import LIMIT
from smsgate import Encryptor, webhooks
from smsgate.errors import ConfigurationError
from smsgate.receiver import MemoryStore, Receiver, SQLiteStore, _processing as processing

KEY = "key-of-the-phone"
pytestmark = pytest.mark.anyio


@pytest.fixture
def make(store):
    def make(**options):
        return Receiver(**{"signing_key": KEY, "store": store, **options})

    return make


@pytest.fixture
def give(phone):
    async def give(receiver, body=None, headers=None):
        body = phone.envelope() if body is None else body
        return await receiver.receive(body, phone.signed(body) if headers is None else headers)

    return give


async def test_async_handler_runs_in_the_loop_and_plain_one_in_a_thread(make, give, anyio_backend):
    receiver, ran = make(), []

    @receiver.on(webhooks.SmsReceived)
    async def in_loop(event):
        ran.append((sniffio.current_async_library(), threading.current_thread(), event.payload.message))

    @receiver.on(webhooks.SmsReceived)
    def in_thread(event):
        ran.append(("", threading.current_thread(), event.payload.message))

    outcome = await give(receiver)
    await outcome.linger()

    assert outcome.decision.reason == "accepted"
    assert ran[0] == (anyio_backend, threading.current_thread(), "hello")
    assert ran[1][1] is not threading.current_thread()
    await receiver.drain()
    assert await receiver.store.unfinished() == 0


async def test_plain_function_may_return_something_to_await(make, give):
    receiver, ran = make(), []

    async def work(event):
        ran.append(event.id)

    receiver.on()(lambda event: work(event))  # noqa: PLW0108 - it looks like a plain function
    await (await give(receiver)).linger()

    assert len(ran) == 1


async def test_answer_does_not_wait_for_handlers(make, give):
    receiver, ran = make(), []
    all_answered, all_answered_in_threads = anyio.Event(), threading.Event()

    @receiver.on()
    async def waiting(_event):
        await all_answered.wait()
        ran.append("async")

    @receiver.on()
    def blocking(_event):
        all_answered_in_threads.wait(LIMIT)
        ran.append("sync")

    outcomes = [await give(receiver) for _ in range(5)]
    assert ran == []
    all_answered.set()
    all_answered_in_threads.set()
    for outcome in outcomes:
        await outcome.linger(LIMIT)

    assert sorted(ran) == ["async"] * 5 + ["sync"] * 5
    await receiver.drain()


async def test_repetitions_are_answered_well_and_not_handled(make, give, phone):
    receiver, ran = make(), []
    receiver.on()(lambda event: ran.append(event.id))
    body, twin = phone.envelope(messageId="m"), phone.envelope(messageId="m")

    reasons = [(await give(receiver, given)).decision.reason for given in (body, body, twin)]
    await receiver.drain()

    assert reasons == ["accepted", "repeated", "repeated"]
    assert len(ran) == 1


async def test_repetition_after_the_window_is_handled(give, phone):
    now = [time.time()]
    receiver, ran = Receiver(signing_key=KEY, store=MemoryStore(clock=lambda: now[0]), window=timedelta(hours=1)), []
    receiver.on()(lambda event: ran.append(event.id))
    body = phone.envelope()

    for _ in range(3):
        await (await give(receiver, body)).linger()
        now[0] += 2000
    await receiver.drain()

    assert len(ran) == 2


async def test_event_without_a_handler_is_answered_well_and_not_stored(make, give):
    receiver = make()
    receiver.on(webhooks.SmsSent)(print)

    outcome = await give(receiver)

    assert (outcome.decision.status, outcome.decision.reason) == (200, "unhandled")
    assert await receiver.store.unfinished() == 0
    await receiver.drain()


async def test_failed_handler_is_called_again_and_the_others_are_not(make, give, quick, until, caplog):
    receiver, ran = make(), []

    @receiver.on()
    async def good(_event):
        ran.append("good")

    @receiver.on()
    async def bad(_event):
        ran.append("bad")
        if ran.count("bad") < 4:
            raise RuntimeError("not yet")

    await give(receiver)
    await until(lambda: ran.count("bad") == 4)
    await receiver.drain()

    assert ran.count("good") == 1
    assert await receiver.store.unfinished() == 0
    assert "handler" in caplog.text
    assert "+12025550100" not in caplog.text


async def test_first_repetition_comes_after_the_first_wait(make, give, until, monkeypatch):
    assert processing._FIRST_DELAY + processing._PAUSE <= 5
    monkeypatch.setattr(processing, "_FIRST_DELAY", 0.3)
    receiver, times = make(), []

    @receiver.on()
    def fail_once(_event):
        times.append(time.monotonic())
        if len(times) == 1:
            raise RuntimeError

    await give(receiver)
    await until(lambda: len(times) == 2)
    await receiver.drain()

    assert 0.2 < times[1] - times[0] < LIMIT


def test_waits_grow_up_to_an_hour():
    waits = [processing.compute_retry_delay(attempts) for attempts in range(1, 17)]

    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-4:] == [3600] * 4
    assert processing.compute_retry_delay(10_000) == 3600


@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError, type("Odd", (BaseException,), {})])
@pytest.mark.parametrize("kind", ["async", "plain"])
@pytest.mark.usefixtures("quick")
async def test_whatever_a_handler_raises_is_a_failure_and_no_end(give, until, caplog, error, kind):
    if sys.version_info < (3, 11) and (error, kind) == (asyncio.CancelledError, "async"):
        pytest.skip("Python 3.10 cannot tell it from an interruption")
    receiver, ran = Receiver(signing_key=KEY), []

    def fail_twice(_event):
        ran.append(kind)
        if len(ran) < 3:
            raise error

    async def fail_later(event):
        await anyio.lowlevel.checkpoint()
        fail_twice(event)

    receiver.on()(fail_twice if kind == "plain" else fail_later)
    await (await give(receiver)).linger()
    await until(lambda: len(ran) == 3)
    await receiver.drain()

    assert await receiver.store.unfinished() == 0
    assert caplog.text.count("attempt") == 2


async def test_event_that_always_fails_is_set_aside_and_kept(make, give, quick, until, store):
    receiver, ran = make(max_attempts=3), []

    @receiver.on()
    def bad(event):
        ran.append(event.id)
        raise RuntimeError

    await give(receiver)
    await until(lambda: len(ran) == 3)
    await receiver.drain()

    assert (await store.unfinished(), await store.failed()) == (0, 1)
    await store.revive()
    receiver.wake()
    await until(lambda: len(ran) == 6)
    await receiver.drain()


async def test_event_that_ends_its_process_again_and_again_is_set_aside(make, phone, quick, until, store):
    receiver, ran = make(max_attempts=3), []
    receiver.on()(lambda event: ran.append(event.id))
    held = await store.add(phone.envelope(), ("a",), window=timedelta(days=1))
    for _ in range(3):
        store.release(held.number)
        (held,) = await store.claim(1)
    store.release(held.number)

    receiver.wake()
    await until(store.failed)
    await receiver.drain()

    assert ran == []


async def test_interrupted_event_is_handled_by_the_next_process(phone, tmp_path, until):
    path, ran = tmp_path / "events.db", []
    store = SQLiteStore(path)
    first = Receiver(signing_key=KEY, store=store)

    @first.on()
    async def endless(_event):
        ran.append("begun")
        await anyio.sleep_forever()

    body = phone.envelope()
    await first.receive(body, phone.signed(body))
    await until(lambda: ran == ["begun"])
    await first.drain(0.05)
    store.close()

    heir = SQLiteStore(path)
    second = Receiver(signing_key=KEY, store=heir)
    second.on()(lambda event: ran.append(event.id))
    async with second.running():
        await until(lambda: len(ran) == 2)

    assert await heir.unfinished() == 0
    heir.close()


async def test_handler_that_is_through_does_not_run_again_after_an_interruption(make, give, until):
    receiver, ran = make(), []

    @receiver.on()
    async def first(_event):
        ran.append("first")

    @receiver.on()
    async def second(_event):
        ran.append("second")
        if ran.count("second") == 1:
            await anyio.sleep_forever()

    await give(receiver)
    await until(lambda: "second" in ran)
    await receiver.drain(0.05)
    receiver.wake()
    await until(lambda: ran.count("second") == 2)
    await receiver.drain()

    assert ran == ["first", "second", "second"]
    assert await receiver.store.unfinished() == 0


async def test_shutdown_does_not_interrupt_the_note_that_an_event_is_handled(give):
    begun = anyio.Event()

    class Slow(MemoryStore):
        async def finish(self, number):
            begun.set()
            await anyio.sleep(0.2)
            await super().finish(number)

    receiver = Receiver(signing_key=KEY, store=Slow())
    receiver.on()(print)

    await give(receiver)
    with anyio.fail_after(LIMIT):
        await begun.wait()
    await receiver.drain(0.01)

    assert await receiver.store.unfinished() == 0


async def test_shutdown_takes_up_nothing_new(make, give, quick, until, store):
    receiver, ran, go_on = make(), [], anyio.Event()

    @receiver.on()
    async def handle(event):
        ran.append(event.id)
        await go_on.wait()

    await give(receiver)
    await until(lambda: len(ran) == 1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receiver.drain)
        await anyio.wait_all_tasks_blocked()
        store.release((await store.add(b"left behind", (), window=timedelta(1))).number)
        go_on.set()

    assert (len(ran), await store.unfinished()) == (1, 1)


async def test_what_a_restart_would_lose_is_told_at_the_end(give, caplog):
    receiver = Receiver(signing_key=KEY)

    @receiver.on()
    def fail(_event):
        raise RuntimeError

    async with receiver.running():
        await (await give(receiver)).linger()
        await (await give(receiver)).linger()

    assert "2 events are not handled" in caplog.text
    assert "SQLiteStore" in caplog.text


async def test_nothing_is_told_at_the_end_when_nothing_is_lost(make, give, caplog, tmp_path):
    kept = SQLiteStore(tmp_path / "kept.db")
    for receiver, works in ((make(), True), (Receiver(signing_key=KEY, store=kept), False)):
        receiver.on()(print if works else lambda _event: 1 / 0)
        async with receiver.running():
            await (await give(receiver)).linger()
    kept.close()

    assert "not handled" not in caplog.text


def test_event_interrupted_by_the_end_of_its_loop_is_handled_in_the_next_one(phone, until):
    receiver, ran = Receiver(signing_key=KEY), []

    @receiver.on()
    async def slow_at_first(event):
        ran.append(event.id)
        if len(ran) == 1:
            await asyncio.sleep(100)

    async def once(body, runs):
        await receiver.receive(body, phone.signed(body))
        await until(lambda: len(ran) == runs)

    asyncio.run(once(phone.envelope(), 1))
    asyncio.run(once(phone.envelope(), 3))

    assert len(ran) == 3
    assert len(set(ran)) == 2


async def test_unread_event_reaches_the_handlers_of_unknown_events(make, give, phone):
    receiver, seen = make(), []

    @receiver.on(webhooks.UnknownEvent)
    async def keep(event):
        seen.append((event.event, event.reason, event.payload))

    await (await give(receiver, phone.envelope("sms:failed", payload={"recipient": "+1"}))).linger()
    await (await give(receiver, phone.envelope("app:started", payload=[]))).linger()
    await receiver.drain()

    assert [(name, payload) for name, _, payload in seen] == [("sms:failed", {"recipient": "+1"}), ("app:started", {})]
    assert all(reason for _, reason, _ in seen)


async def test_unread_event_of_a_kind_that_is_handled_is_set_aside_and_not_lost(make, give, phone, store, caplog):
    receiver, ran = make(), []
    receiver.on(webhooks.SmsReceived)(ran.append)
    body = phone.envelope(payload={"sender": "+12025550100"})

    outcomes = [await give(receiver, body) for _ in range(2)]
    for outcome in outcomes:
        await outcome.linger()
    other = await give(receiver, phone.envelope("sms:failed", payload={}))
    await receiver.drain()

    assert [outcome.decision.reason for outcome in (*outcomes, other)] == ["accepted", "repeated", "unhandled"]
    assert (ran, await store.unfinished(), await store.failed()) == ([], 0, 1)
    assert "payload.message (missing)" in caplog.text
    assert "+12025550100" not in caplog.text
    await store.revive()
    (kept,) = await store.claim(10)
    assert kept.body == body


async def test_event_that_cannot_be_stored_is_to_be_sent_again(give, caplog):
    class Broken(MemoryStore):
        async def add(self, *_event, **_window):
            raise OSError("disk full")

    receiver = Receiver(signing_key=KEY, store=Broken())
    receiver.on()(print)

    decision = (await give(receiver)).decision

    assert (decision.status, decision.reason, decision.accepted) == (503, "not_stored", False)
    assert "could not be stored" in caplog.text
    await receiver.drain()


async def test_handled_event_is_noted_even_when_the_store_fails_for_a_while(give, until, caplog):
    class Flaky(MemoryStore):
        tries = 0

        async def finish(self, number):
            self.tries += 1
            if self.tries == 1:
                raise OSError
            await super().finish(number)

        async def claim(self, limit):
            if self.tries == 1:
                raise OSError
            return await super().claim(limit)

    receiver, ran = Receiver(signing_key=KEY, store=Flaky()), []
    receiver.on()(lambda event: ran.append(event.id))

    await (await give(receiver)).linger()
    await receiver.drain()

    assert len(ran) == 1
    assert await receiver.store.unfinished() == 0
    assert "cannot be written" in caplog.text


async def test_stored_event_that_cannot_be_read_is_set_aside(make, store, quick, until, caplog):
    receiver = make()
    receiver.on()(print)
    store.release((await store.add(b"no event", (), window=timedelta(1))).number)

    receiver.wake()
    await until(store.failed)
    await receiver.drain()

    assert "cannot be read" in caplog.text


@pytest.mark.usefixtures("quick")
async def test_stored_event_that_nobody_here_handles_is_kept(make, phone, until, caplog):
    receiver, ran = make(), []
    store = receiver.store
    store.release((await store.add(phone.envelope(), (), window=timedelta(1))).number)

    receiver.wake()
    await until(lambda: "nobody here handles" in caplog.text)
    assert await store.unfinished() == 1
    receiver.on()(lambda event: ran.append(event.id))
    await until(lambda: len(ran) == 1)
    await receiver.drain()


async def test_decryptor_that_breaks_costs_no_event(make, store, phone, until):
    class Broken(Encryptor):
        def decrypt(self, _text):
            raise RuntimeError

    receiver, seen = make(encryptor=Broken("passphrase")), []
    receiver.on(webhooks.SmsSent)(lambda event: seen.append(event.payload.recipient))
    payload = {"messageId": "m", "recipient": Encryptor("passphrase").encrypt("+12025550100")}
    store.release((await store.add(phone.envelope("sms:sent", payload=payload), (), window=timedelta(1))).number)

    receiver.wake()
    await until(lambda: seen)
    await receiver.drain()

    assert seen == [payload["recipient"]]
    assert (await store.unfinished(), await store.failed()) == (0, 0)


async def test_one_event_delivered_many_times_at_once_is_handled_once(make, give, phone):
    receiver, ran, reasons = make(), [], []
    receiver.on()(lambda event: ran.append(event.id))
    bodies = [phone.envelope(messageId="m"), phone.envelope(messageId="m")]

    async def deliver(body):
        reasons.append((await give(receiver, body)).decision.reason)

    async with anyio.create_task_group() as tasks:
        for body in bodies * 20:
            tasks.start_soon(deliver, body)
    await receiver.drain()

    assert (len(ran), reasons.count("accepted"), reasons.count("repeated")) == (1, 1, 39)


async def test_no_more_handlers_run_at_once_than_allowed(make, give, until):
    receiver, running, most, go_on = make(concurrency=3), [], [], anyio.Event()

    @receiver.on()
    async def busy(event):
        running.append(event.id)
        most.append(len(running))
        await go_on.wait()
        await anyio.sleep(0.005)
        running.remove(event.id)

    for _ in range(12):
        await give(receiver)
    await until(lambda: len(running) == 3)
    go_on.set()
    await until(lambda: len(most) == 12)
    await receiver.drain()

    assert max(most) == 3
    assert len(most) == 12


async def test_events_beyond_what_memory_holds_wait_in_the_store(make, give, quick, until, monkeypatch):
    monkeypatch.setattr(processing, "MAX_IN_MEMORY", 2)
    receiver, ran = make(concurrency=1), []

    @receiver.on()
    async def slow(event):
        await anyio.sleep(0.01)
        ran.append(event.id)

    for _ in range(10):
        await give(receiver)
    await until(lambda: len(ran) == 10)
    await receiver.drain()

    assert len(set(ran)) == 10
    assert await receiver.store.unfinished() == 0


async def test_what_was_left_behind_is_handled_as_fast_as_handlers_are(make, phone, store, until, monkeypatch):
    monkeypatch.setattr(processing, "_PAUSE", 1000)  # nothing is gained by waiting for the next look
    receiver, ran = make(concurrency=2), []

    @receiver.on()
    async def handle(event):
        await anyio.lowlevel.checkpoint()
        ran.append(event.id)

    for _ in range(100):
        store.release((await store.add(phone.envelope(), (), window=timedelta(1))).number)
    receiver.wake()
    await until(lambda: len(ran) == 100)
    await receiver.drain()

    assert len(set(ran)) == 100
    assert await store.unfinished() == 0


async def test_file_that_goes_away_is_answered_503_until_it_is_back(give, until, tmp_path, caplog):
    store = SQLiteStore(tmp_path / "events.db")
    receiver, ran = Receiver(signing_key=KEY, store=store), []
    receiver.on()(lambda event: ran.append(event.id))
    await (await give(receiver)).linger()
    path = tmp_path / "events.db"

    path.rename(tmp_path / "moved")
    answers = [(await give(receiver)).decision for _ in range(2)]
    (tmp_path / "moved").rename(path)
    answers.append((await give(receiver)).decision)
    await until(lambda: len(ran) == 2)
    await receiver.drain()
    store.close()

    assert [decision.status for decision in answers] == [503, 503, 200]
    assert "events.db was deleted, replaced or emptied" in caplog.text


async def test_few_large_events_are_held_in_memory(make, give, phone, quick, until):
    receiver, going, ran = make(concurrency=1), anyio.Event(), []

    @receiver.on()
    async def wait(event):
        await going.wait()
        ran.append(event.id)

    for _ in range(6):
        await give(receiver, phone.envelope(message="x" * 100_000))
    held = receiver._processor.tasks.in_memory
    going.set()
    await until(lambda: len(ran) == 6)
    await receiver.drain()

    assert 2 <= held <= 4  # requests and the look for due events may both take two at the same time


# --- keys -------------------------------------------------------------------------------------------------------------


async def test_key_may_be_looked_up_by_device(make, give, phone):
    def look_up(device):
        return {"phone-1": KEY, "phone-2": ("new", KEY)}.get(device)

    async def look_up_later(device):
        await anyio.lowlevel.checkpoint()
        return look_up(device)

    class Later:
        async def __call__(self, device):
            return look_up(device)

    for key in (
        look_up,
        look_up_later,
        Later(),
        lambda device: look_up_later(device),  # noqa: PLW0108 - it looks like a plain function
        {"phone-1": KEY, "phone-2": KEY},
    ):
        receiver = make(signing_key=key)
        reasons = [
            (await give(receiver, phone.envelope(device=device))).decision.reason
            for device in ("phone-1", "phone-2", "phone-3")
        ]
        await receiver.drain()

        assert reasons == ["unhandled", "unhandled", "unknown_device"]


async def test_body_that_a_function_is_asked_about_is_limited_and_a_mapping_needs_no_limit(make, give, phone):
    async def look_up(device):
        return {"phone-1": KEY}.get(device)

    part = {"partId": 1, "contentType": "image/png", "data": "A" * 2_000_000}
    body = phone.envelope("mms:downloaded", payload={"messageId": "1", "attachments": [part]})
    decisions = [
        (await give(make(signing_key=key, **options), body)).decision
        for key, options in (
            (look_up, {}),
            (look_up, {"max_unverified": 3_000_000}),
            ({"phone-1": KEY}, {}),
            ({"phone-1": KEY}, {"max_body": 1_000_000}),
        )
    ]

    assert [decision.status for decision in decisions] == [413, 200, 200, 413]
    assert "max_unverified" in decisions[0].detail
    assert "max_body" in decisions[3].detail


async def test_no_more_than_four_devices_are_looked_up(make, give, phone):
    asked = []
    receiver = make(signing_key=lambda device: asked.append(device) or "other")
    body = phone.envelope(payload={"message": "hi", "more": [{"deviceId": f"d{number}"} for number in range(9)]})

    decision = (await give(receiver, body)).decision

    assert (decision.status, decision.reason, len(asked)) == (401, "signature_mismatch", 4)


async def test_key_is_looked_up_once_for_a_request(make, give, phone):
    asked = []
    receiver = make(signing_key=lambda device: asked.append(device) or KEY)
    body = phone.envelope(payload={"message": "hi", "more": [{"deviceId": "phone-1"}]})

    decision = (await give(receiver, body)).decision

    assert (decision.reason, asked) == ("unhandled", ["phone-1"])


async def test_key_is_not_looked_up_for_an_old_request(make, give, phone):
    asked, body = [], phone.envelope()
    receiver = make(signing_key=asked.append)

    decision = (await give(receiver, body, phone.signed(body, timestamp=1))).decision

    assert (decision.status, decision.reason, asked) == (401, "timestamp_too_old", [])


async def test_key_is_not_looked_up_for_a_request_without_signature(make, give):
    asked = []
    receiver = make(signing_key=asked.append)

    decision = (await give(receiver, headers={})).decision

    assert (decision.status, decision.reason, asked) == (401, "missing_header", [])


async def test_why_a_request_is_refused_is_logged(make, give, phone, caplog):
    receiver, body = make(), phone.envelope(message="secret words")

    await give(receiver, headers={})
    await give(receiver, body, phone.signed(body, key="of another phone"))
    await give(receiver, body)

    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told[0] == "refused: the request has no X-Signature"
    assert told[1].startswith("refused: the signature does not fit the body")
    assert len(told) == 2
    assert KEY not in caplog.text
    assert "secret" not in caplog.text


async def test_failing_look_up_lets_the_phone_try_again(make, give, caplog):
    async def fail(device):
        raise OSError("database is down")

    for key in (fail, lambda _device: ""):
        decision = (await give(make(signing_key=key))).decision

        assert (decision.status, decision.reason) == (503, "key_lookup_failed")
    assert KEY not in caplog.text


async def test_large_body_and_encrypted_recipient_are_read_in_a_thread(make, give, phone):
    encryptor = Encryptor("passphrase", iterations=75_000)
    receiver, seen = make(encryptor=encryptor), []

    @receiver.on(webhooks.SmsSent)
    async def note(event):
        seen.append(event.payload.remote)

    payload = {"messageId": "m", "recipient": encryptor.encrypt("+12025550100"), "extra": "x" * 100_000}
    await (await give(receiver, phone.envelope("sms:sent", payload=payload))).linger()
    await receiver.drain()

    assert seen == ["+12025550100"]


@pytest.mark.parametrize(
    "options",
    [
        {"signing_key": ""},
        {"signing_key": []},
        {"tolerance": timedelta(seconds=-1)},
        {"tolerance": 300},
        {"window": 5},
        {"window": timedelta(-1)},
        {"max_body": 0},
        {"max_unverified": 0},
        {"max_attempts": 0},
        {"concurrency": 0},
    ],
)
def test_wrong_options_are_refused_at_once(options):
    with pytest.raises(ConfigurationError):
        Receiver(**{"signing_key": KEY, **options})


def test_repr_shows_no_key():
    assert KEY not in repr(Receiver(signing_key=KEY))
