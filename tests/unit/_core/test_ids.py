"""Generated message ids."""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from smsgate import new_id


def test_ids_are_of_letters_and_digits_that_no_server_changes():
    assert all(re.fullmatch(r"[0-9a-z]{21}", new_id()) for _ in range(1000))


def test_all_characters_of_base32_come_up_everywhere():
    drawn = [new_id() for _ in range(2000)]

    assert all(len({id[place] for id in drawn}) == 32 for place in range(21))


def test_threads_draw_different_ids():
    with ThreadPoolExecutor(8) as threads:
        drawn = list(threads.map(lambda _: [new_id() for _ in range(2000)], range(8)))

    assert len({id for part in drawn for id in part}) == 16_000


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_processes_draw_different_ids():
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, new_id().encode())
        finally:
            os._exit(0)
    here = new_id()
    os.waitpid(child, 0)

    there = os.read(reading, 100).decode()

    os.close(reading)
    os.close(writing)
    assert there != here
