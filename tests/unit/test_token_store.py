"""The token file: shared by processes, never half written, and never in anyone's way."""

from __future__ import annotations

import multiprocessing
import stat
import time
from datetime import datetime, timezone

import pytest

from eventually import LIMIT
from smsgate import FileTokenStore
from smsgate.auth import TokenPair


def pair(id):
    return TokenPair(id, "access", "refresh", datetime(2030, 1, 1, tzinfo=timezone.utc), 900.0)


def keep_and_count(path, key, lost):
    """Save pairs under one key, and count how often another process has undone it."""
    store = FileTokenStore(path)
    for number in range(100):
        store.save(key, pair(f"{key}{number}"))
        time.sleep(0.0005)
        kept = store.load(key)
        lost.value += kept is None or kept.id != f"{key}{number}"


def test_processes_that_share_a_file_undo_nothing_of_each_other(tmp_path):
    pytest.importorskip("fcntl", reason="files are locked on POSIX only")
    path = tmp_path / "tokens.json"
    fresh = multiprocessing.get_context("spawn")
    counts = [fresh.Value("i", 0) for _ in "abc"]
    processes = [
        fresh.Process(target=keep_and_count, args=(path, key, count)) for key, count in zip("abc", counts, strict=True)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(2 * LIMIT)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert [count.value for count in counts] == [0, 0, 0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_file_behind_a_link_is_written_and_the_link_stays(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.json", tmp_path / "tokens.json"
    real.write_text("{}")
    link.symlink_to(real)

    FileTokenStore(link).save("key", pair("a"))

    assert link.is_symlink()
    assert FileTokenStore(real).load("key") == pair("a")


def test_file_that_is_nested_too_deeply_counts_as_empty(tmp_path):
    path = tmp_path / "tokens.json"
    path.write_text("[" * 200_000)
    store = FileTokenStore(path)

    assert store.load("key") is None
    store.save("key", pair("a"))
    assert store.load("key") == pair("a")


def test_files_without_text_count_as_empty(tmp_path):
    path = tmp_path / "tokens.json"
    path.write_bytes(b"\xff\xfe")

    assert FileTokenStore(path).load("key") is None
