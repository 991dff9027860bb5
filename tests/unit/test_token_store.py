"""Token files: concurrent processes, atomic writes, and failures of the file system."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import multiprocessing
import os
import stat
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from eventually import LIMIT
from smsgate import APIClient, AsyncAPIClient, ConfigurationError, FileTokenStore, JWTAuth, RetryPolicy
from smsgate.auth import TokenPair
from smsgate.emulator import Gateway
from smsgate.http import Request, Timeout


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
    real.touch()
    link.symlink_to(real)

    FileTokenStore(link).save("key", pair("a"))

    assert link.is_symlink()
    assert FileTokenStore(real).load("key") == pair("a")


@pytest.mark.parametrize(
    "content",
    [
        b"no json",
        b"[" * 200_000,
        b"\xff\xfe",
        b"[]",
        b"5",
        b'"text"',
        b'{"dependencies": {"a": "1"}}',
        b'{"login": "demo"}',
        b"#!/bin/sh\n",
        b"\x00" * 100,
    ],
    ids=lambda content: repr(content[:12]),
)
def test_other_files_are_refused_and_left_as_they_are(tmp_path, content, caplog):
    path = tmp_path / "notes.txt"
    early = FileTokenStore(path)
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"notes\.txt is no token file"):
        FileTokenStore(path)
    assert early.load("key") is None
    early.save("key", pair("a"))

    assert path.read_bytes() == content
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "large file"])
def test_what_is_no_file_is_refused_without_reading_it(tmp_path, kind):
    path = tmp_path / "tokens.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path(os.devnull)
    else:
        with path.open("wb") as file:
            file.truncate(10**10)

    with pytest.raises(ConfigurationError, match="no token file"):
        FileTokenStore(path)


@pytest.mark.parametrize("path", [None, "", 5, b"bytes"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(ConfigurationError, match="path"):
        FileTokenStore(path)


@pytest.mark.parametrize("content", ["{}", " {} \n", "[]", "null", "0", '{"a": {}}'])
def test_files_of_other_programs_stay_as_they_are(tmp_path, content):
    path = tmp_path / "tokens.json"
    with pytest.raises(ConfigurationError, match="no token file"):
        path.write_text(content) and FileTokenStore(path)
    path.unlink()
    store = FileTokenStore(path)
    path.write_text(content)

    store.save("key", pair("a"))

    assert path.read_text() == content


def test_file_whose_last_pair_is_deleted_can_be_used_again(tmp_path):
    path = tmp_path / "tokens.json"
    store = FileTokenStore(path)
    store.save("key", pair("a"))
    store.save("key", None)

    FileTokenStore(path).save("key", pair("b"))

    assert store.load("key") == pair("b")


@pytest.mark.parametrize("content", ["", " \n"])
def test_empty_files_are_token_files(tmp_path, content):
    path = tmp_path / "tokens.json"
    path.write_text(content)
    store = FileTokenStore(path)

    assert store.load("key") is None
    store.save("key", pair("a"))
    assert store.load("key") == pair("a")


HOLD = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def held(path):
    """Let another process hold a lock file, as one does that was stopped."""
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield


def user(gateway, path, client=APIClient, **options):
    http = gateway.http() if client is APIClient else gateway.async_http()
    auth = JWTAuth("demo", "demo-password", ["messages:list"], store=FileTokenStore(path))
    return client(auth=auth, http=http, timeout=1, retry=RetryPolicy.none(), **options)


@pytest.mark.parametrize("ending", [".lock", ".renewal.lock"])
def test_lock_of_a_stopped_process_holds_no_client_up(tmp_path, ending, caplog):
    pytest.importorskip("fcntl", reason="files are locked on POSIX only")
    path = tmp_path / "tokens.json"
    gateway = Gateway(phone=False)
    with held(f"{path}{ending}"):
        begun = time.monotonic()
        user(gateway, path).get_messages()

        async def ask():
            async with user(gateway, path, AsyncAPIClient) as client:
                await client.get_messages()

        asyncio.run(asyncio.wait_for(ask(), 20))

        assert time.monotonic() - begun < 40
    assert any("lock" in record.getMessage() for record in caplog.records if record.levelname == "WARNING")


def test_waiting_for_a_lock_can_be_cancelled(tmp_path):
    pytest.importorskip("fcntl", reason="files are locked on POSIX only")
    path = tmp_path / "tokens.json"
    gateway = Gateway(phone=False)
    waits = []

    async def ask():
        client = user(gateway, path, AsyncAPIClient)
        client._exchange._refresher._patience = 3600.0
        begun = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.get_messages(), 0.3)
        waits.append(time.monotonic() - begun)

    with held(f"{path}.renewal.lock"):
        asyncio.run(ask())
    assert waits[0] < 60
    user(gateway, path).get_messages()  # the lock is free


CALL = """
import sys
from smsgate import APIClient, FileTokenStore, JWTAuth
for line in sys.stdin:
    auth = JWTAuth("demo", "demo-password", ["messages:list"], store=FileTokenStore(sys.argv[2]))
    with APIClient(auth=auth, base_url=sys.argv[1], http="httpx") as client:
        client.get_messages()
    print("done", flush=True)
"""


def test_processes_that_share_a_file_make_one_token_and_refresh_it_once(tmp_path):
    pytest.importorskip("fcntl", reason="files are locked on POSIX only")
    path = tmp_path / "tokens.json"
    asked = []
    gateway = Gateway(phone=False)
    inner = gateway.http()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if "token" in self.path:
                asked.append(self.path.rsplit("/", 1)[-1])
                time.sleep(0.1)  # as long as a real server may take
            given = inner.send(Request(self.command, f"http://gateway{self.path}", dict(self.headers), body, Timeout()))
            self.send_response(given.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(given.content)))
            self.end_headers()
            self.wfile.write(given.content)

        do_GET = do_POST = answer  # noqa: N815 - the standard library's names

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/3rdparty/v1"
    command = [sys.executable, "-c", CALL, url, str(path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)]
    try:
        for expected in (["token"], ["token", "refresh"]):
            for process in processes:
                process.stdin.write(b"call\n")
                process.stdin.flush()
            assert [process.stdout.readline() for process in processes] == [b"done\n"] * 4
            assert asked == expected
            kept = json.loads(path.read_text())
            for entry in kept.values():
                entry["ends_at"] = "2020-01-01T00:00:00+00:00"
            path.write_text(json.dumps(kept))
    finally:
        for process in processes:
            process.communicate()
        server.shutdown()
        server.server_close()
        thread.join(LIMIT)
