"""Locks of the clients: threads, processes and event loops."""

from __future__ import annotations

import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from eventually import LIMIT
from smsgate._async import io as aio
from smsgate._sync import io


@pytest.mark.anyio
async def test_locks_end_with_their_clients_not_with_their_event_loop():
    def count():
        gc.collect()
        return sum(issubclass(type(item), anyio.Lock) for item in gc.get_objects())

    async def use():
        async with aio.Lock().hold():
            pass

    await use()
    before = count()
    for _ in range(20):
        await use()

    assert count() <= before


@pytest.mark.anyio
async def test_tasks_hold_a_lock_one_after_the_other():
    lock, inside = aio.Lock(), []

    async def hold():
        async with lock.hold():
            inside.append(1)
            assert len(inside) == 1
            await anyio.lowlevel.checkpoint()
            inside.pop()

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(hold)


def test_lock_that_was_held_at_a_fork_is_one_lock_for_all_threads_of_the_child(monkeypatch):
    lock, inside, most = io.Lock(), [], []
    together = threading.Barrier(20)
    child = os.getpid() + 1

    def getpid():
        time.sleep(0.005)  # all threads see at once that the process is another one
        return child

    def hold(_):
        together.wait(LIMIT)
        with lock.hold():
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.001)
            inside.pop()

    with lock.hold():  # by a thread that does not exist in the child
        monkeypatch.setattr(os, "getpid", getpid)
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(hold, range(20)))

    assert max(most) == 1


@pytest.mark.anyio
async def test_lock_that_others_hold_is_waited_for_no_longer_than_said():
    lock = aio.Lock()
    refused = []

    async def try_it():
        async with lock.hold(0.01) as is_held:
            refused.append(not is_held)

    async with lock.hold(), anyio.create_task_group() as group:
        group.start_soon(try_it)
    async with lock.hold(0.01):
        pass

    assert refused == [True]


def test_lock_that_another_thread_holds_is_waited_for_no_longer_than_said():
    lock, refused = io.Lock(), []

    def try_it():
        with lock.hold(0.01) as is_held:
            refused.append(not is_held)

    with lock.hold():
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
    with lock.hold(0.01) as is_held:
        assert is_held

    assert refused == [True]
