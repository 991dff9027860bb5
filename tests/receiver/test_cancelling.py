"""A request, or its loop, ends while its event is being stored: the event is handled all the same."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from datetime import timedelta

import anyio
import pytest

from smsgate.receiver import MemoryStore, Receiver, SQLiteStore

KEY = "key-of-the-phone"


class Remote(MemoryStore):
    """A database that has stored or handed out an event some time before one hears of it."""

    seconds = 0.1

    async def add(self, body, marks, *, window):
        held = await super().add(body, marks, window=window)
        await anyio.sleep(self.seconds)
        return held

    async def claim(self, limit):
        held = await super().claim(limit)
        await anyio.sleep(self.seconds)
        return held


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.db"


@pytest.fixture
def busy(path):
    """Let another process write into the file for a moment."""

    def lock(seconds):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(seconds, lambda: (connection.execute("COMMIT"), connection.close()))
        timer.start()
        timers.append(timer)

    timers = []
    yield lock
    for timer in timers:
        timer.join()


def receiver_on(store):
    receiver, ran = Receiver(signing_key=KEY, store=store), []
    receiver.on()(lambda event: ran.append(event.id))
    return receiver, ran


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_task_cancelled_while_its_event_is_written(path, busy, phone, until):
    store = SQLiteStore(path)
    receiver, ran = receiver_on(store)
    body = phone.envelope()
    await store.unfinished()
    busy(0.4)

    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(receiver.receive(body, phone.signed(body)), 0.1)
    await until(lambda: ran, 5)
    again = await receiver.receive(body, phone.signed(body))
    await receiver.drain()

    assert (again.decision.reason, len(ran), await store.unfinished()) == ("repeated", 1, 0)
    store.close()


@pytest.mark.anyio
async def test_request_cancelled_while_a_store_of_somebody_else_answers(phone, until):
    receiver, ran = receiver_on(Remote())
    body = phone.envelope()

    with anyio.move_on_after(0.05) as scope:
        await receiver.receive(body, phone.signed(body))
    await until(lambda: ran, 5)
    await receiver.drain()

    assert (scope.cancelled_caught, len(ran), await receiver.store.unfinished()) == (True, 1, 0)


@pytest.mark.anyio
async def test_shutdown_waits_for_an_event_that_is_being_stored(phone):
    receiver, ran = receiver_on(Remote())
    body = phone.envelope()

    with anyio.move_on_after(0.05):
        await receiver.receive(body, phone.signed(body))
    await receiver.drain()

    assert len(ran) == 1


@pytest.mark.anyio
async def test_shutdown_keeps_what_was_being_stored_or_handed_out(phone):
    for stored_before in (True, False):
        store = Remote()
        receiver, ran = receiver_on(store)
        body = phone.envelope()
        if stored_before:
            store.release((await store.add(body, ("a",), window=timedelta(1))).number)
        store.seconds = 0.8  # far beyond the waiting here
        if stored_before:
            receiver.wake()
        else:
            with anyio.move_on_after(0.02):
                await receiver.receive(body, phone.signed(body))
        await anyio.sleep(0.02)
        await receiver.drain(0.01)
        store.seconds = 0.0

        assert (ran, await store.unfinished(), len(await store.claim(10))) == ([], 1, 1)


def test_loop_that_ends_while_an_event_is_written_leaves_it_to_the_next_one(path, busy, phone):
    store = SQLiteStore(path)
    receiver, ran = receiver_on(store)
    body = phone.envelope()

    async def interrupted():
        await store.unfinished()
        busy(0.3)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(receiver.receive(body, phone.signed(body)), 0.1)

    asyncio.run(interrupted())
    asyncio.run(handled(receiver, ran))
    store.close()


def test_loop_that_ends_while_events_are_handed_out_leaves_them_to_the_next_one(path, busy, phone):
    store = SQLiteStore(path)
    receiver, ran = receiver_on(store)

    async def interrupted():
        store.release((await store.add(phone.envelope(), ("a",), window=timedelta(1))).number)
        busy(0.3)
        receiver.wake()
        await asyncio.sleep(0.1)

    asyncio.run(interrupted())
    asyncio.run(handled(receiver, ran))
    store.close()


async def handled(receiver, ran):
    """Let a new loop take up what was left behind."""
    receiver.wake()
    for _ in range(100):
        if ran:
            break
        await asyncio.sleep(0.05)
    await receiver.drain()
    assert len(ran) == 1
    assert await receiver.store.unfinished() == 0
