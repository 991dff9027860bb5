"""What both stores promise, and what the one on disk promises besides."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from eventually import LIMIT
from smsgate.errors import ConfigurationError
from smsgate.receiver import MemoryStore, SQLiteStore, _sqlite as sqlite

ROOT = Path(__file__).parents[2]
WINDOW = timedelta(days=3)
pytestmark = pytest.mark.anyio


class Clock:
    now = 1_790_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path, clock):
    kept = MemoryStore(clock=clock) if request.param == "memory" else SQLiteStore(tmp_path / "e.db", clock=clock)
    yield kept
    if request.param == "sqlite":
        kept.close()


async def test_event_is_handed_out_once(store):
    held = await store.add(b"body", ("a", "b"), window=WINDOW)

    assert (held.body, held.attempts, held.finished) == (b"body", 1, frozenset())
    assert await store.claim(10) == []
    assert await store.unfinished() == 1


async def test_event_that_shares_a_mark_is_a_repetition(store):
    await store.add(b"body", ("a", "b"), window=WINDOW)

    assert await store.add(b"body", ("c", "b"), window=WINDOW) is None
    assert await store.add(b"body", ("c", "d"), window=WINDOW) is not None
    assert await store.add(b"body", (), window=WINDOW) is not None


async def test_repetition_is_noticed_after_the_event_was_handled_until_the_window_ends(store, clock):
    held = await store.add(b"body", ("a",), window=WINDOW)
    await store.finish(held.number)

    assert await store.unfinished() == 0
    clock.now += WINDOW.total_seconds() - 1
    assert await store.add(b"body", ("a",), window=WINDOW) is None
    clock.now += 2
    assert await store.add(b"body", ("a",), window=WINDOW) is not None


async def test_repeated_event_comes_back_when_it_is_due_with_what_is_finished(store, clock):
    held = await store.add(b"body", ("a",), window=WINDOW)
    await store.repeat(held.number, after=5, finished=frozenset({"one", "two"}))

    assert await store.claim(10) == []
    clock.now += 5
    (again,) = await store.claim(10)
    assert (again.body, again.attempts, again.finished) == (b"body", 2, {"one", "two"})
    assert await store.claim(10) == []


async def test_released_event_comes_back_at_once(store):
    held = await store.add(b"body", ("a",), window=WINDOW)
    store.release(held.number)

    (again,) = await store.claim(10)

    assert again.attempts == 2


async def test_no_more_events_are_handed_out_than_asked_for(store):
    for _ in range(5):
        store.release((await store.add(b"body", (), window=WINDOW)).number)

    counts = [len(await store.claim(2)) for _ in range(4)]

    assert counts == [2, 2, 1, 0]


async def test_event_that_was_given_up_is_kept_and_can_be_revived(store):
    held = await store.add(b"body", ("a",), window=WINDOW)
    await store.give_up(held.number)

    assert (await store.unfinished(), await store.failed(), await store.claim(10)) == (0, 1, [])
    assert await store.add(b"body", ("a",), window=WINDOW) is None
    assert await store.revive() == 1
    (again,) = await store.claim(10)
    assert (again.body, again.attempts, await store.failed()) == (b"body", 1, 0)


async def test_memory_forgets_the_oldest_marks_beyond_its_limit():
    store = MemoryStore(limit=10)
    for number in range(12):
        await store.add(b"", (str(number),), window=WINDOW)

    assert await store.add(b"", ("11",), window=WINDOW) is None
    assert await store.add(b"", ("0",), window=WINDOW) is not None


@pytest.fixture
def open_store(tmp_path, clock):
    opened = []

    def make():
        store = SQLiteStore(tmp_path / "events.db", clock=clock)
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()


async def test_file_is_shared_by_several_stores(open_store):
    one, other = open_store(), open_store()
    held = await one.add(b"body", ("a",), window=WINDOW)

    assert await other.add(b"body", ("a",), window=WINDOW) is None
    assert (await other.unfinished(), await other.claim(10)) == (1, [])
    await one.repeat(held.number, after=0, finished=frozenset())
    assert [event.body for event in await other.claim(10)] == [b"body"]
    assert await one.claim(10) == []


OWNER = """
import sys, time
import anyio
from datetime import timedelta
from smsgate.receiver import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    for number in range(3):
        await store.add(b"body", (), window=timedelta(days=3))
    print("added", flush=True)
    {then}
    time.sleep(600)

anyio.run(main)
"""


@pytest.fixture
def start_owner(tmp_path):
    processes = []

    def start(then="pass"):
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "generated")])
        command = [sys.executable, "-c", OWNER.format(then=then), str(tmp_path / "events.db")]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": path}))
        assert processes[-1].stdout.readline() == "added\n"
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


async def claimed(store, count, seconds=LIMIT):
    """Claim until so many events came."""
    events = []
    with anyio.fail_after(seconds):
        while len(events) < count:
            events += await store.claim(10)
            await anyio.sleep(0.01)
    return events


async def test_stopped_process_keeps_its_events_until_it_ends(open_store, start_owner):
    owner, heir = start_owner(), open_store()

    owner.send_signal(signal.SIGSTOP)
    for _ in range(50):
        assert await heir.claim(10) == []
        await anyio.sleep(0.1)
    owner.kill()

    events = await claimed(heir, 3)
    assert [(event.body, event.attempts) for event in events] == [(b"body", 2)] * 3
    assert await heir.claim(10) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
async def test_child_of_a_dead_process_does_not_keep_its_events(open_store, start_owner, tmp_path):
    fork = "import os; print(os.fork(), flush=True)"
    owner, heir = start_owner(fork), open_store()
    children = [int(owner.stdout.readline()) for _ in range(2)]
    try:
        assert await heir.claim(10) == []
        owner.kill()

        assert len(await claimed(heir, 3)) == 3
    finally:
        os.kill(max(children), signal.SIGKILL)


async def test_living_process_keeps_its_events_whatever_the_clock_does(open_store, clock):
    one, other = open_store(), open_store()
    await one.add(b"body", ("a",), window=WINDOW)

    for jump in (0, 100_000, -200_000, 0):
        clock.now += jump
        assert await other.add(str(jump).encode(), (), window=WINDOW) is not None
        assert await other.claim(10) == []
    one.close()
    assert [event.body for event in await other.claim(10)] == [b"body"]


async def test_lock_files_of_dead_processes_go_away(open_store, start_owner, tmp_path):
    def owners():
        return [path.name for path in tmp_path.iterdir() if "-owner-" in path.name]

    process, living = start_owner(), open_store()
    process.kill()
    process.wait()
    await living.add(b"body", (), window=WINDOW)

    assert len(owners()) == 1
    assert len(await claimed(living, 3)) == 3
    living.close()
    assert owners() == []


@pytest.mark.parametrize("victim", ["", "-wal", "-owner-"])
@pytest.mark.parametrize("change", ["deleted", "replaced"])
async def test_file_that_is_deleted_or_replaced_is_noticed_until_it_is_back(open_store, tmp_path, victim, change):
    store = open_store()
    held = await store.add(b"body", ("a",), window=WINDOW)
    (path,) = [
        one
        for one in tmp_path.iterdir()
        if one.name.startswith(f"events.db{victim}") and (victim or one.name == "events.db")
    ]
    path.rename(tmp_path / "moved")
    if change == "replaced":
        path.write_bytes((tmp_path / "moved").read_bytes())

    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="deleted, replaced or emptied"):
            await store.add(b"lost", ("b",), window=WINDOW)
    await store.finish(held.number)
    (tmp_path / "moved").rename(path)

    assert await store.add(b"kept", ("b",), window=WINDOW) is not None
    assert await store.unfinished() == 1


async def test_emptied_file_is_noticed_and_a_closed_store_makes_a_new_one(open_store, tmp_path):
    store = open_store()
    await store.add(b"body", ("a",), window=WINDOW)
    os.truncate(tmp_path / "events.db", 0)

    with pytest.raises(sqlite3.OperationalError, match="emptied"):
        await store.add(b"lost", ("b",), window=WINDOW)
    store.close()
    for file in tmp_path.iterdir():
        file.unlink()

    assert await store.add(b"kept", ("b",), window=WINDOW) is not None


async def test_file_of_the_first_version_is_taken_over(open_store, tmp_path):
    with sqlite3.connect(tmp_path / "events.db") as old:
        old.executescript("""
            CREATE TABLE events (
                number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, attempts INTEGER NOT NULL,
                due REAL NOT NULL, finished TEXT NOT NULL DEFAULT '', failed INTEGER NOT NULL DEFAULT 0, owner TEXT
            );
            CREATE TABLE owners (owner TEXT PRIMARY KEY, beat INTEGER NOT NULL, seen REAL NOT NULL) WITHOUT ROWID;
            INSERT INTO events VALUES (7, x'00', 1, 0, '', 0, 'somebody');
            INSERT INTO owners VALUES ('somebody', 5, 0);
            PRAGMA user_version = 1;
        """)
    old.close()

    assert [(event.number, event.attempts) for event in await open_store().claim(10)] == [(7, 2)]


async def cost_of_a_look(store):
    """The processor's seconds for a look that finds nothing."""
    costs = []
    for _ in range(10):
        started = time.process_time()
        assert await store.claim(10) == []
        costs.append(time.process_time() - started)
    return min(costs)


async def test_look_into_a_large_memory_costs_no_more_than_into_an_empty_one(clock):
    store, empty = MemoryStore(clock=clock), MemoryStore(clock=clock)
    for _ in range(50_000):
        await store.repeat((await store.add(b"", (), window=WINDOW)).number, after=1000, finished=frozenset())

    assert await cost_of_a_look(store) < 20 * await cost_of_a_look(empty) + 0.001


@pytest.mark.parametrize("owner", [None, "other"])
async def test_look_into_a_large_file_costs_no_more_than_into_an_empty_one(open_store, tmp_path, clock, owner):
    store, other = open_store(), SQLiteStore(tmp_path / "empty.db", clock=clock)
    held = await other.add(b"body", (), window=WINDOW)  # a living owner
    if owner:
        (lock,) = [path for path in tmp_path.iterdir() if "-owner-" in path.name]
        await store.unfinished()
        (tmp_path / "events.db-owner-other").hardlink_to(lock)
    assert await store.unfinished() == 0
    with sqlite3.connect(tmp_path / "events.db") as file:
        rows = ((b"body", 1, clock() + (0 if owner else 1000), owner) for _ in range(50_000))
        file.executemany("INSERT INTO events (body, attempts, due, owner) VALUES (?, ?, ?, ?)", rows)
    file.close()

    assert await cost_of_a_look(store) < 20 * await cost_of_a_look(other) + 0.005
    assert await store.unfinished() == 50_000
    await other.finish(held.number)
    other.close()


async def test_expired_marks_go_away_little_by_little(open_store, clock, tmp_path):
    store = open_store()
    for number in range(30):
        await store.add(b"", (f"{number}-a", f"{number}-b"), window=WINDOW)
    clock.now += WINDOW.total_seconds() + 1
    for number in range(30, 60):
        await store.add(b"", (f"{number}-a", f"{number}-b"), window=WINDOW)

    with sqlite3.connect(tmp_path / "events.db") as file:
        assert file.execute("SELECT count(*) FROM marks").fetchone() == (60,)
    file.close()


async def test_clock_that_is_put_back_holds_up_no_event(open_store, clock):
    store = open_store()
    held = await store.add(b"body", ("a",), window=WINDOW)
    await store.repeat(held.number, after=2, finished=frozenset())
    clock.now -= 1_000_000_000

    assert [event.body for event in await store.claim(10)] == [b"body"]


async def test_memory_is_not_told_the_time_of_day(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: pytest.fail("the clock may jump"))
    store = MemoryStore()

    await store.repeat((await store.add(b"", ("a",), window=WINDOW)).number, after=0, finished=frozenset())

    assert len(await store.claim(10)) == 1


async def test_memory_refuses_more_than_it_takes_until_there_is_room(clock):
    store = MemoryStore(clock=clock, max_bytes=10)
    first, _ = [await store.add(b"12345", (str(number),), window=WINDOW) for number in range(2)]

    with pytest.raises(MemoryError, match="unhandled"):
        await store.add(b"1", ("c",), window=WINDOW)
    await store.finish(first.number)

    assert await store.add(b"1", ("c",), window=WINDOW) is not None


async def test_memory_drops_the_oldest_events_that_were_given_up_when_it_needs_room(clock, caplog):
    store = MemoryStore(clock=clock, max_bytes=10)
    for number in (b"000", b"111", b"222"):
        await store.give_up((await store.add(number, (number.decode(),), window=WINDOW)).number)

    with pytest.raises(MemoryError, match="unhandled"):  # nor would it help to drop them all
        await store.add(b"x" * 11, ("a",), window=WINDOW)
    assert await store.failed() == 3
    held = await store.add(b"x" * 7, ("a",), window=WINDOW)

    assert (len(held.body), await store.failed()) == (7, 1)
    assert "2 events that were set aside are dropped" in caplog.text
    await store.revive()
    assert [event.body for event in await store.claim(10)] == [b"222"]


async def test_events_that_were_given_up_can_be_discarded(store):
    for mark in ("a", "b"):
        await store.give_up((await store.add(b"body", (mark,), window=WINDOW)).number)
    await store.add(b"body", ("c",), window=WINDOW)

    assert await store.discard() == 2
    assert (await store.failed(), await store.unfinished(), await store.revive()) == (0, 1, 0)
    assert await store.add(b"body", ("a",), window=WINDOW) is None


async def test_discarding_makes_room_in_memory():
    store = MemoryStore(max_bytes=4)
    await store.give_up((await store.add(b"body", ("a",), window=WINDOW)).number)

    await store.discard()

    assert store._room == 4


async def test_handlers_that_are_through_are_known_after_an_interruption(store):
    held = await store.add(b"body", ("a",), window=WINDOW)
    await store.note(held.number, finished=frozenset({"one"}))
    store.release(held.number)

    (again,) = await store.claim(10)

    assert again.finished == {"one"}


# --- a file in bad hands ----------------------------------------------------------------------------------------------


async def test_locked_file_is_given_up_in_time_whatever_the_crowd(open_store, tmp_path):
    store, taken = open_store(), []
    assert await store.unfinished() == 0
    other = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    async def add(number):
        started = time.monotonic()
        with pytest.raises(sqlite3.OperationalError):
            await store.add(b"body", (str(number),), window=WINDOW)
        taken.append(time.monotonic() - started)

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(add, number)
    other.execute("ROLLBACK")
    other.close()

    assert max(taken) < 10 * sqlite._BUSY  # and not as long as all of them one after the other
    assert await store.add(b"body", ("1",), window=WINDOW) is not None


async def test_file_that_is_no_database_is_an_error_each_time_and_stays_as_it_is(open_store, tmp_path):
    content = b"no database" * 1000
    (tmp_path / "events.db").write_bytes(content)
    store = open_store()

    for _ in range(2):
        with pytest.raises(sqlite3.DatabaseError):
            await store.add(b"body", ("a",), window=WINDOW)

    assert (tmp_path / "events.db").read_bytes() == content


async def test_closed_store_leaves_its_events_at_once_and_opens_again(open_store):
    one, other = open_store(), open_store()
    await one.add(b"body", ("a",), window=WINDOW)

    one.close()

    assert len(await other.claim(10)) == 1
    assert await one.unfinished() == 1


async def test_file_is_private_and_keeps_no_text_of_handled_events(open_store, tmp_path):
    store = open_store()
    held = await store.add(b"very secret words", ("a",), window=WINDOW)
    await store.finish(held.number)
    store.close()

    assert stat.S_IMODE((tmp_path / "events.db").stat().st_mode) == 0o600
    assert b"secret words" not in (tmp_path / "events.db").read_bytes()
    assert "secret" not in repr(store)


async def test_threads_share_a_store(open_store):
    store = open_store()
    added = []

    def add(thread):
        async def all_of_them():
            added.extend([await store.add(b"body", (f"{number}",), window=WINDOW) for number in range(25)])

        anyio.run(all_of_them)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await anyio.to_thread.run_sync(thread.join)

    assert sum(held is not None for held in added) == 25


def _add_in_child(path, queue):
    async def add():
        store = SQLiteStore(path)
        taken = [await store.add(b"body", (str(number),), window=WINDOW) for number in range(20)]
        queue.put(sum(held is not None for held in taken))
        store.close()

    anyio.run(add)


def test_processes_share_a_file(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    children = [context.Process(target=_add_in_child, args=(tmp_path / "e.db", queue)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(2 * LIMIT)

    assert sum(queue.get(timeout=LIMIT) for _ in children) == 20


async def test_folder_must_exist(tmp_path):
    for wrong in (tmp_path, tmp_path / "missing" / "events.db"):
        with pytest.raises(ConfigurationError, match="folder"):
            SQLiteStore(wrong)


async def test_file_of_another_version_is_refused(tmp_path):
    connection = sqlite3.connect(tmp_path / "events.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(ConfigurationError, match="version"):
        await SQLiteStore(tmp_path / "events.db").unfinished()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_child_of_a_fork_opens_the_file_for_itself(open_store):
    store = open_store()
    await store.add(b"body", ("a",), window=WINDOW)

    child = os.fork()
    if child == 0:
        held = store._claim(10)
        known = store._add(b"body", ("a",), 1000.0, time.monotonic() + 5)
        os._exit(0 if held == known == [] else 1)
    _, status = await anyio.to_thread.run_sync(os.waitpid, child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert await store.unfinished() == 1
