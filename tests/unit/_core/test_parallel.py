"""Parallel map: each item once, results in order, and the end of all threads after a failure."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from threading import Barrier, Event

import pytest

from eventually import LIMIT
from smsgate._core.parallel import ParallelMap, cores


def test_results_are_in_the_order_of_the_items_whoever_computed_them():
    seen = []
    work = ParallelMap(lambda number: seen.append(number) or number * number, range(5_000))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: work.take_items(), range(8)))

    assert work.results() == [number * number for number in range(5_000)]
    assert sorted(seen) == list(range(5_000))


def test_no_items_are_no_work():
    work = ParallelMap(int, [])
    work.take_items()

    assert work.results() == []


def test_all_threads_end_after_the_item_at_which_one_fails():
    begun, over, seen = Barrier(2, timeout=LIMIT), Event(), []

    def compute(number):
        seen.append(number)
        begun.wait()
        if number == 0:
            raise IndexError("mine")
        over.wait(LIMIT)

    work = ParallelMap(compute, range(1_000))
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(work.take_items) for _ in range(2)]
        wait(futures, return_when=FIRST_COMPLETED)
        over.set()

    with pytest.raises(IndexError, match="mine"):
        work.results()
    assert sorted(seen) == [0, 1]


def test_check_stops_before_the_next_item():
    seen = []

    def check():
        if len(seen) == 3:
            raise KeyboardInterrupt

    work = ParallelMap(seen.append, range(10))
    with pytest.raises(KeyboardInterrupt):
        work.take_items(check)

    assert seen == [0, 1, 2]
    work.take_items()
    assert seen == [0, 1, 2]


def test_cores_are_those_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: {1, 3, 5}, raising=False)
    assert cores() == 3
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert cores() == 1
