"""Ids that the client chooses."""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from smsgate.ids import new_id


def test_ids_are_of_letters_and_digits_that_no_server_changes():
    assert all(re.fullmatch(r"[0-9a-z]{21}", new_id()) for _ in range(1000))


def test_all_characters_come_up_everywhere():
    drawn = [new_id() for _ in range(2000)]

    assert all(len({id[place] for id in drawn}) == 36 for place in range(21))


def test_threads_draw_different_ids():
    with ThreadPoolExecutor(8) as threads:
        drawn = list(threads.map(lambda _: [new_id() for _ in range(2000)], range(8)))

    assert len({id for part in drawn for id in part}) == 16_000


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_processes_draw_ids_under_keys_of_their_own(monkeypatch):
    monkeypatch.setattr("smsgate.ids.time_ns", lambda: 1)  # at the same moment, as if their clocks were that coarse
    monkeypatch.setattr("smsgate.ids._numbers", iter([1] * 3))
    here = new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, new_id().encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    there = os.read(reading, 100).decode()

    os.close(reading)
    os.close(writing)
    assert there != here
    assert new_id() == here  # the parent keeps its key: only the number and the time tell its ids apart


def test_copies_of_a_process_are_kept_apart_by_the_time(monkeypatch):
    drawn = []
    for moment in (1_800_000_000_000_000_000, 1_800_000_000_000_000_001):
        monkeypatch.setattr("smsgate.ids._numbers", iter([7]))  # both go on from the same snapshot
        monkeypatch.setattr("smsgate.ids.time_ns", lambda moment=moment: moment)
        drawn.append(new_id())

    assert drawn[0] != drawn[1]
