"""The first use of a client: no pause of the event loop, and no thread that pyreqwest would miss later."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

LONGEST_STALL = 0.05
TRIES = 4
EMPTY_LIST = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
NEEDS_311 = pytest.mark.skipif(sys.version_info < (3, 11), reason="pyreqwest needs Python 3.11")
pytestmark = pytest.mark.timeout(120)

FIRST_CALL = """
import json, ssl, sys, threading, time
from importlib.machinery import SourceFileLoader
import anyio
from smsgate import AsyncAPIClient, RetryPolicy, TransportError

name, loop, url = sys.argv[1:]
mine, blocking, gaps = threading.current_thread(), [], [0.0]
running = False

def watch(kind, call):
    real = getattr(kind, call)
    def watched(*args, **options):
        if running and threading.current_thread() is mine:
            name = getattr(args[-1], "__name__", call)
            if call != "exec_module" or name.split(".")[0] in LIBRARIES:
                blocking.append(name)
        return real(*args, **options)
    setattr(kind, call, watched)

LIBRARIES = {"aiohttp", "certifi", "httpcore", "httpx", "pyreqwest", "trio"}
watch(ssl.SSLContext, "load_default_certs")
watch(ssl.SSLContext, "load_verify_locations")
watch(SourceFileLoader, "exec_module")

async def beat(ended):
    last = time.thread_time()
    while not ended.is_set():
        await anyio.sleep(0.001)
        gaps.append(time.thread_time() - last)
        last = time.thread_time()

async def main():
    global running
    ended = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(beat, ended)
        await anyio.sleep(0.05)
        gaps.clear()
        running = True
        async with AsyncAPIClient("a", "b", base_url=url, http=name, retry=RetryPolicy.none()) as client:
            try:
                await client.list_devices()
            except TransportError:
                pass
        running = False
        await anyio.sleep(0.005)
        ended.set()

anyio.run(main, backend=loop)
print(json.dumps({"stall": max(gaps), "blocking": blocking}))
"""


def run(code, *arguments, **environment):
    command = [sys.executable, "-c", code, *arguments]
    environment = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("name", "loop"),
    [
        ("aiohttp", "asyncio"),
        ("httpx", "asyncio"),
        ("httpx", "trio"),
        pytest.param("pyreqwest", "asyncio", marks=NEEDS_311),
    ],
)
def test_first_call_does_not_stall_the_event_loop(server, name, loop, scheme):
    server.script = lambda connection, _: connection.send(EMPTY_LIST)
    shortest = 1e9

    for _ in range(
        TRIES
    ):  # processor time of the loop's thread: other programs do not count, but their traces in the caches do
        ended = run(FIRST_CALL, name, loop, f"{scheme}://127.0.0.1:{server.port}")
        assert ended.returncode == 0, ended.stderr
        result = json.loads(ended.stdout)
        assert result["blocking"] == []
        shortest = min(shortest, result["stall"])
        if shortest < LONGEST_STALL:
            break

    assert shortest < LONGEST_STALL


IN_THREADS = """
import asyncio, os, sys, threading
from smsgate import APIClient, AsyncAPIClient, RetryPolicy, TransportError, ahttp, http

kind, given = sys.argv[1:]
options = {"base_url": "http://127.0.0.1:9/v1", "retry": RetryPolicy.none()}

def backend():
    if given == "environment":
        return None
    if given == "name":
        return "pyreqwest"
    adapter = http.PyreqwestHttpClient if kind == "sync" else ahttp.PyreqwestAsyncHttpClient
    if given == "object":
        return adapter()
    from pyreqwest.client import ClientBuilder, SyncClientBuilder
    return (SyncClientBuilder() if kind == "sync" else ClientBuilder()).build()

def call():
    with APIClient("a", "b", http=backend(), **options) as client:
        try:
            client.health_check()
        except TransportError:
            pass

async def acall():
    async with AsyncAPIClient("a", "b", http=backend(), **options) as client:
        try:
            await client.health_check()
        except TransportError:
            pass

for _ in range(10):
    thread = threading.Thread(target=call if kind == "sync" else lambda: asyncio.run(acall()))
    thread.start()
    thread.join()
print("survived", flush=True)
os._exit(0)  # a client of the user's that still ends would abort the process: not what is tested here
"""


@NEEDS_311
@pytest.mark.parametrize("given", ["name", "environment", "object", "own client"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_pyreqwest_may_be_used_first_in_a_thread_that_ends(kind, given):
    preference = {"SMSGATE_HTTP": "pyreqwest"} if given == "environment" else {}

    ended = run(IN_THREADS, kind, given, **preference)

    assert (ended.returncode, ended.stdout.strip()) == (0, "survived"), ended.stderr


def test_failed_import_is_raised_where_the_library_was_asked_for(tmp_path):
    (tmp_path / "pyreqwest").mkdir()
    (tmp_path / "pyreqwest" / "__init__.py").write_text("raise ImportError('damaged')")
    code = """
from smsgate import http
try:
    http.get_client("pyreqwest")
except ValueError as error:
    print(error)
"""

    shown = run(code, PYTHONPATH=str(tmp_path)).stdout

    assert "smsgate[fast]" in shown or "3.11" in shown
