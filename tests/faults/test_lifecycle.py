"""Lifecycle of clients over real sockets: close, fork, change of event loop, concurrent first use."""

from __future__ import annotations

import asyncio
import inspect
import logging
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from eventually import LIMIT
from smsgate import (
    APIClient,
    AsyncAPIClient,
    FileTokenStore,
    JWTAuth,
    NotFoundError,
    RetryPolicy,
    Scope,
    ServiceUnavailableError,
    SMSGateError,
    TransportError,
)
from smsgate.emulator import Attachment, Fault, Faults, Gateway

ROOT = Path(__file__).resolve().parents[2]
SYNC = ["httpx", "requests", "pyreqwest"]
ASYNC = ["httpx", "aiohttp", "pyreqwest"]

pytestmark = pytest.mark.filterwarnings("ignore:this client was closed:ResourceWarning")  # on purpose, here


@pytest.fixture
def counts():
    """How many requests each operation made."""
    return Counter()


@pytest.fixture(params=["basic", "jwt"])
def options(request, fault_module, wire, counts):
    """What clients of the server are made with; pinned, so that a first send asks for devices, too."""
    personal_data, quick = fault_module("personal_data"), fault_module("sends").QUICK

    def count(event):
        counts[event.operation] += 1

    given = {"base_url": wire.url, "retry": quick, "pin_device": True, "on_request": count}
    if request.param == "basic":
        return {**given, "login": personal_data.LOGIN, "password": personal_data.PASSWORD}
    return {**given, "auth": JWTAuth(personal_data.LOGIN, personal_data.PASSWORD, [Scope.ALL_ANY])}


@pytest.fixture
def hurried():
    """Let threads take turns after every step, as it were."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture
def message(fault_module):
    return fault_module("sends").message


@pytest.mark.parametrize("backend", [None, *SYNC])
def test_50_threads_at_first_use_share_one_opening(options, message, gateway, counts, backend):
    together = threading.Barrier(50)

    def first(index):
        together.wait()
        return client.send(message(index)).id

    with APIClient(http=backend, **options) as client, ThreadPoolExecutor(50) as pool:
        ids = list(pool.map(first, range(50)))

    assert sorted(ids) == sorted(row.id for row in gateway.messages)
    assert counts["list_devices"] == 1
    assert counts["create_token"] == ("auth" in options)
    assert counts["send_message"] == 50


@pytest.mark.parametrize("backend", [None, *ASYNC])
def test_50_tasks_at_first_use_share_one_opening(options, message, gateway, counts, backend):
    async def use():
        async with AsyncAPIClient(http=backend, **options) as client:
            return [state.id for state in await asyncio.gather(*(client.send(message(n)) for n in range(50)))]

    ids = asyncio.run(use())

    assert sorted(ids) == sorted(row.id for row in gateway.messages)
    assert counts["list_devices"] == 1
    assert counts["create_token"] == ("auth" in options)
    assert counts["send_message"] == 50


def test_50_threads_share_the_failure_of_a_list_of_devices(options, message, gateway, counts, wire):
    together = threading.Barrier(50)
    client = APIClient(http="requests", **{**options, "retry": RetryPolicy.none()})
    if "auth" in options:
        client.get_webhooks()  # has its token

    def first(index):
        together.wait()
        try:
            return client.send(message(index))
        except ServiceUnavailableError as error:
            return str(error)

    wire.faults = Faults.random(1.0, kinds=[503])
    with ThreadPoolExecutor(50) as pool:
        said = list(pool.map(first, range(50)))
    wire.faults = None
    client.send(message(50))
    client.close()

    assert all("nothing was sent" in str(one) for one in said)
    assert len(gateway.messages) == 1
    assert counts["list_devices"] < 50  # those who came after a failure asked again


@pytest.mark.parametrize("kind", [APIClient, AsyncAPIClient])
def test_50_threads_at_first_use_make_one_default_backend(hurried, kind):
    for _ in range(20):
        client, together = kind("login", "password"), threading.Barrier(50)

        def first(_, client=client, together=together):
            together.wait()
            backend = client._exchange.transport.backend.get()
            return asyncio.run(backend) if inspect.isawaitable(backend) else backend

        with ThreadPoolExecutor(50) as pool:
            made = set(map(id, pool.map(first, range(50))))

        assert made == {id(client._exchange.transport.backend.client)}  # the one that will be closed


@pytest.mark.parametrize("backend", SYNC)
def test_a_closed_client_opens_again(options, message, gateway, backend):
    client = APIClient(http=backend, **options)

    for index in range(3):
        client.send(message(index))
        client.close()
    client.close()

    assert len(gateway.messages) == 3


@pytest.mark.parametrize(("backend", "loop"), [*((name, "asyncio") for name in ASYNC), ("httpx", "trio")])
def test_a_closed_asynchronous_client_opens_again(options, message, gateway, backend, loop):
    client = AsyncAPIClient(http=backend, **options)

    async def use():
        for index in range(3):
            await client.send(message(index))
            await client.aclose()
        await client.aclose()

    anyio.run(use, backend=loop)

    assert len(gateway.messages) == 3


@pytest.mark.parametrize("backend", SYNC)
def test_closing_under_the_feet_of_callers_hangs_nobody(options, message, gateway, backend, fault_module):
    client = APIClient(http=backend, timeout=4 * LIMIT, **options)
    slowest = 0.0

    def send(index):
        nonlocal slowest
        begun = time.monotonic()
        try:
            return client.send(message(index))
        except SMSGateError as error:
            return error
        finally:
            slowest = max(slowest, time.monotonic() - begun)

    with ThreadPoolExecutor(8) as pool:
        sending = [pool.submit(send, index) for index in range(80)]
        for _ in range(20):
            client.close()
            time.sleep(0.005)
        said = [future.result() for future in sending]
    last = client.send(message(100))
    client.close()

    personal_data, audits = fault_module("personal_data"), fault_module("audit")
    claims = [audits.Claim(personal_data.text(n), personal_data.number(n), what) for n, what in enumerate(said)]
    found = audits.audit(gateway, claims, beside=[last.id])
    assert (found.lost, found.doubled, found.untrue) == (0, 0, 0)
    assert slowest < 2 * LIMIT


@pytest.mark.parametrize(("backend", "loop"), [*((name, "asyncio") for name in ASYNC), ("httpx", "trio")])
def test_closing_under_the_feet_of_tasks_hangs_nobody(options, message, gateway, backend, loop, fault_module):  # noqa: PLR0917
    client = AsyncAPIClient(http=backend, timeout=4 * LIMIT, **options)
    said = {}

    async def send(index):
        try:
            with anyio.fail_after(2 * LIMIT):
                said[index] = await client.send(message(index))
        except SMSGateError as error:
            said[index] = error

    async def use():
        async with anyio.create_task_group() as group:
            for index in range(80):
                group.start_soon(send, index)
            for _ in range(20):
                await client.aclose()
                await anyio.sleep(0.005)
        last = await client.send(message(100))
        await client.aclose()
        return last

    last = anyio.run(use, backend=loop)

    personal_data, audits = fault_module("personal_data"), fault_module("audit")
    claims = [audits.Claim(personal_data.text(n), personal_data.number(n), said[n]) for n in range(80)]
    found = audits.audit(gateway, claims, beside=[last.id])
    assert (found.lost, found.doubled, found.untrue) == (0, 0, 0)


@pytest.fixture
def phone(fault_module, serve):
    """A phone's local server with an attachment, on a real socket."""
    personal_data = fault_module("personal_data")
    gateway = Gateway(login=personal_data.LOGIN, password=personal_data.PASSWORD, mode="local", phone=False)
    photo = Attachment(7, "photo.jpg", "image/jpeg", bytes(range(256)) * 1000)
    message = gateway.receive(personal_data.number(1), "look", type="MMS_DOWNLOADED", attachments=[photo])
    with serve(gateway) as server:
        yield server, message.id, photo.content


FAILING = ["reset", 503, None, "truncate", None, 404, None]


@pytest.mark.parametrize("backend", SYNC)
def test_attachments_leave_no_connection_behind_however_they_end(phone, options, backend):
    server, id, content = phone
    client = APIClient(http=backend, **{**options, "base_url": server.url.removesuffix("/3rdparty/v1")})
    client.list_inbox_messages()
    server.faults = Faults.script([Fault("status", status=s) if isinstance(s, int) else s for s in FAILING])

    with client.stream_attachment(id, 7) as chunks:  # at the third attempt
        assert b"".join(chunks) == content
    with pytest.raises(TransportError), client.stream_attachment(id, 7) as chunks:
        b"".join(chunks)
    with client.stream_attachment(id, 7) as chunks:
        next(iter(chunks))  # and no more
    with pytest.raises(NotFoundError), client.stream_attachment(id, 7):
        pass
    with pytest.raises(ZeroDivisionError), client.stream_attachment(id, 7) as chunks:
        raise ZeroDivisionError
    with client.stream_attachment(id, 7) as chunks:
        assert b"".join(chunks) == content
    client.close()


@pytest.mark.parametrize(("backend", "loop"), [*((name, "asyncio") for name in ASYNC), ("httpx", "trio")])
def test_asynchronous_attachments_leave_no_connection_behind_however_they_end(phone, options, backend, loop):
    server, id, content = phone
    client = AsyncAPIClient(http=backend, **{**options, "base_url": server.url.removesuffix("/3rdparty/v1")})

    async def read():
        async with client.stream_attachment(id, 7) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def use():
        await client.list_inbox_messages()
        server.faults = Faults.script([Fault("status", status=s) if isinstance(s, int) else s for s in FAILING])
        assert await read() == content  # at the third attempt
        with pytest.raises(TransportError):
            await read()
        async with client.stream_attachment(id, 7) as chunks:
            async for _ in chunks:
                break  # and no more
        with pytest.raises(NotFoundError):
            await read()
        with pytest.raises(ZeroDivisionError):
            async with client.stream_attachment(id, 7):
                raise ZeroDivisionError
        with anyio.CancelScope() as scope:
            async with client.stream_attachment(id, 7) as chunks:
                scope.cancel()
                async for _ in chunks:
                    pass
        assert await read() == content
        await client.aclose()

    anyio.run(use, backend=loop)


@pytest.mark.parametrize("backend", ASYNC)
def test_a_second_event_loop_is_as_good_as_the_first(options, message, gateway, backend):
    client = AsyncAPIClient(http=backend, **options)

    async def use(first):
        async with anyio.create_task_group() as group:
            for index in range(first, first + 5):
                group.start_soon(client.send, message(index))

    async def use_and_close(first):
        await use(first)
        await client.aclose()

    asyncio.run(use(0))
    asyncio.run(use_and_close(10))
    if backend == "httpx":
        anyio.run(use_and_close, 20, backend="trio")

    assert len(gateway.messages) == (15 if backend == "httpx" else 10)


FORKING = """
import asyncio, os, sys, threading
from smsgate import APIClient, AsyncAPIClient, JWTAuth, RetryPolicy, Scope
from smsgate.token_store import MemoryTokenStore

url, login, password, kind, backend = sys.argv[1:]


class Slow(MemoryTokenStore):
    waits = threading.Event()
    reached = threading.Event()

    def load(self, key):
        if kind == "locked" and threading.current_thread() is not threading.main_thread():
            self.reached.set()
            self.waits.wait(60)
        return super().load(key)


auth = JWTAuth(login, password, [Scope.ALL_ANY], store=Slow())
options = {"base_url": url, "auth": auth, "retry": RetryPolicy(base_delay=0, max_delay=0), "pin_device": True}
if kind == "async":
    client = AsyncAPIClient(http=backend, **options)

    def send(word):
        async def once():
            return await client.send(f"{word} {os.getpid()}", to="+79990001234")
        return asyncio.run(once())
else:
    client = APIClient(http=backend, **options)

    def send(word):
        return client.send(f"{word} {os.getpid()}", to="+79990001234")

if kind == "locked":  # another thread is renewing the token, and holds the lock, when the process forks
    thread = threading.Thread(target=send, args=("thread",))
    thread.start()
    Slow.reached.wait(60)
else:
    send("before")
child = os.fork()
if child == 0:
    send("child")
    send("child again")
    os._exit(0)
_, status = os.waitpid(child, 0)
if kind == "locked":
    Slow.waits.set()
    thread.join()
send("after")
sys.exit(status)
"""


@pytest.mark.parametrize(
    ("kind", "backend"),
    [("sync", "httpx"), ("sync", "requests"), ("async", "httpx"), ("async", "aiohttp"), ("locked", "httpx")],
)
def test_a_forked_process_goes_on_by_itself(wire, gateway, fault_module, kind, backend):
    personal_data = fault_module("personal_data")
    quiet = ["-W", "ignore:This process:DeprecationWarning"]  # it has threads: the test is about that
    code = [sys.executable, *quiet, "-c", FORKING, wire.url, personal_data.LOGIN, personal_data.PASSWORD, kind, backend]
    path = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'generated'}"}

    done = subprocess.run(code, env=path, timeout=2 * LIMIT, check=False, capture_output=True, text=True)

    words = sorted(row.content["textMessage"]["text"].rpartition(" ")[0] for row in gateway.messages)
    assert (done.returncode, done.stderr) == (0, "")
    assert words == sorted(["after", "child", "child again", "thread" if kind == "locked" else "before"])


@pytest.mark.parametrize("level", [logging.WARNING, logging.DEBUG])
def test_log_handler_that_sends_by_the_client_that_logs_hangs_nobody(caplog, tmp_path, level):
    gateway = Gateway(phone=False)
    auth = JWTAuth(gateway.login, gateway.password, [Scope.ALL_ANY], store=FileTokenStore(tmp_path / "no/f"))  # warns
    client = APIClient(auth=auth, http=gateway.http(), pin_device=True)
    busy = []

    class Alarm(logging.Handler):
        def emit(self, record):
            if not busy:
                busy.append(record)
                client.send("Something is wrong", to="+12025550123")
                busy.clear()

    caplog.set_level(level, logger="smsgate")
    alarm = Alarm(level)
    logging.getLogger("smsgate").addHandler(alarm)
    thread = threading.Thread(target=client.list_devices, daemon=True)
    thread.start()
    thread.join(LIMIT)
    logging.getLogger("smsgate").removeHandler(alarm)

    assert not thread.is_alive()
    assert gateway.messages
    assert not busy
