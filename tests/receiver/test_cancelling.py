"""A request, or its loop, ends while its event is being stored: the event is handled all the same."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from datetime import timedelta
from functools import partial

import anyio
import pytest

from eventually import LIMIT, eventually_async
from smsgate.receiver import MemoryStore, Receiver, SQLiteStore, _sqlite as sqlite

KEY = "key-of-the-phone"


class Remote(MemoryStore):
    """A database that has stored or handed out an event before one hears of it, which is when a test says so."""

    def __init__(self):
        super().__init__()
        self.reached, self.go_on = anyio.Event(), anyio.Event()

    async def add(self, body, marks, *, window):
        return await self._late(await super().add(body, marks, window=window))

    async def claim(self, limit):
        return await self._late(await super().claim(limit))

    async def _late(self, held):
        self.reached.set()
        await self.go_on.wait()
        return held

    async def cancel_when_reached(self, scope):
        await self.reached.wait()
        scope.cancel()


class Noted(SQLiteStore):
    """Tells when one of its threads has come to the file."""

    def __init__(self, path):
        super().__init__(path)
        self.reached = threading.Event()

    def _add(self, *event):
        self.reached.set()
        return super()._add(*event)

    def _claim(self, *limit):
        self.reached.set()
        return super()._claim(*limit)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "_BUSY", LIMIT)
    return tmp_path / "events.db"


@pytest.fixture
def store(path):
    made = Noted(path)
    yield made
    made.close()


@pytest.fixture
def locked(path):
    """Let another process write into the file until it is told to end."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    class Locked:
        begin = staticmethod(partial(connection.execute, "BEGIN IMMEDIATE"))
        end = staticmethod(partial(connection.execute, "COMMIT"))

    yield Locked
    connection.close()


def receiver_on(store):
    receiver, ran = Receiver(signing_key=KEY, store=store), []
    receiver.on()(lambda event: ran.append(event.id))
    return receiver, ran


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_task_cancelled_while_its_event_is_written(store, locked, phone, until):
    receiver, ran = receiver_on(store)
    body = phone.envelope()
    await store.unfinished()
    locked.begin()

    task = asyncio.create_task(receiver.receive(body, phone.signed(body)))
    await until(store.reached.is_set)
    task.cancel()
    await asyncio.sleep(0)
    locked.end()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: ran)
    again = await receiver.receive(body, phone.signed(body))
    await receiver.drain()

    assert (again.decision.reason, len(ran), await store.unfinished()) == ("repeated", 1, 0)


@pytest.mark.anyio
async def test_request_cancelled_while_a_store_of_somebody_else_answers(phone, until):
    store = Remote()
    receiver, ran = receiver_on(store)
    body = phone.envelope()

    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            tasks.start_soon(store.cancel_when_reached, scope)
            await receiver.receive(body, phone.signed(body))
    store.go_on.set()
    await until(lambda: ran)
    await receiver.drain()

    assert (scope.cancelled_caught, len(ran), await receiver.store.unfinished()) == (True, 1, 0)


@pytest.mark.anyio
async def test_shutdown_waits_for_an_event_that_is_being_stored(phone):
    store = Remote()
    receiver, ran = receiver_on(store)
    body = phone.envelope()

    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            tasks.start_soon(store.cancel_when_reached, scope)
            await receiver.receive(body, phone.signed(body))
        tasks.start_soon(receiver.drain)
        await anyio.wait_all_tasks_blocked()
        store.go_on.set()

    assert len(ran) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("stored_before", [True, False])
async def test_shutdown_keeps_what_was_being_stored_or_handed_out(phone, until, stored_before):
    store = Remote()
    receiver, ran = receiver_on(store)
    body = phone.envelope()
    if stored_before:
        store.go_on.set()
        store.release((await store.add(body, ("a",), window=timedelta(1))).number)
        store.reached, store.go_on = anyio.Event(), anyio.Event()

    async with anyio.create_task_group() as tasks:
        if stored_before:
            receiver.wake()
        else:
            with anyio.CancelScope() as scope:
                tasks.start_soon(store.cancel_when_reached, scope)
                await receiver.receive(body, phone.signed(body))
        with anyio.fail_after(LIMIT):
            await store.reached.wait()
        tasks.start_soon(receiver.drain, 0.01)
        await until(lambda: receiver._processor.tasks._is_ending)
        store.go_on.set()

    assert (ran, await store.unfinished(), len(await store.claim(10))) == ([], 1, 1)


def test_loop_that_ends_while_an_event_is_written_leaves_it_to_the_next_one(store, locked, phone):
    receiver, ran = receiver_on(store)
    body = phone.envelope()

    async def interrupted():
        await store.unfinished()
        locked.begin()
        task = asyncio.create_task(receiver.receive(body, phone.signed(body)))
        await eventually_async(store.reached.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(interrupted())
    locked.end()
    asyncio.run(handled(receiver, ran))


def test_loop_that_ends_while_events_are_handed_out_leaves_them_to_the_next_one(store, locked, phone):
    receiver, ran = receiver_on(store)

    async def interrupted():
        store.release((await store.add(phone.envelope(), ("a",), window=timedelta(1))).number)
        store.reached.clear()
        locked.begin()
        receiver.wake()
        await eventually_async(store.reached.is_set)

    asyncio.run(interrupted())
    locked.end()
    asyncio.run(handled(receiver, ran))


async def handled(receiver, ran):
    """Let a new loop take up what was left behind."""
    receiver.wake()
    await eventually_async(lambda: ran)
    await receiver.drain()
    assert len(ran) == 1
    assert await receiver.store.unfinished() == 0
