"""The contract of every backend: opened on first use, closed, used again, given by the user, forked, moved."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import anyio
import pytest

from eventually import LIMIT, eventually_async
from smsgate import ahttp, http
from smsgate.errors import ConfigurationError, RequestTimeoutError, TransportError
from smsgate.http import Request, Timeout

LIMITS = Timeout(5.0, 5.0, 10.0)
JSON = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def plain(url):
    return Request("GET", url, {"User-Agent": "contract/1.0"}, None, LIMITS)


def test_making_a_backend_needs_no_event_loop_and_opens_nothing(case, server):
    case.make()  # the first one of a process imports the library, pyreqwest in a thread that stays
    before = threading.active_count()

    case.make()

    assert threading.active_count() == before
    assert server.connections == 0


@pytest.mark.anyio
async def test_closing_gives_connections_up_and_the_next_request_opens_them(server, backend, ask):
    for _ in range(2):
        assert (await backend.send(ask(f"{server.origin}/"))).status == 200
        await backend.aclose()
        assert server.settles(0)

    assert server.connections == 2
    assert len(server.requests) == 2


MODULES = {
    "aiohttp": ["aiohttp"],
    "httpx": ["httpx_common", "httpx"],
    "pyreqwest": ["pyreqwest_common"],
    "requests": ["requests_pool"],
}


@pytest.mark.anyio
@pytest.mark.parametrize("kept", [True, False])
async def test_connection_is_kept_for_a_while_only(  # noqa: PLR0917 - fixtures and parameters
    server, make, ask, case, monkeypatch, kept
):
    case.load()
    for name in MODULES[case.library]:
        module = import_module(f"smsgate._backends.{name}")
        assert 5 <= module.KEEPALIVE_SECONDS <= 50  # servers and proxies close after 60 and more
        monkeypatch.setattr(module, "KEEPALIVE_SECONDS", 30.0 if kept else 0.1)
    backend = make()

    await backend.send(ask(f"{server.origin}/", "POST", b"{}"))
    await anyio.sleep(0.3)
    await backend.send(ask(f"{server.origin}/", "POST", b"{}"))

    assert server.connections == (1 if kept else 2)


@pytest.mark.anyio
async def test_closing_during_a_download_lets_it_end_or_breaks_it_off(server, backend, ask):
    size = 3_000_000
    server.script = lambda connection, _: connection.send(
        f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size
    )

    received, broken = 0, None
    try:
        async with backend.stream(ask(f"{server.origin}/")) as streamed:
            async for chunk in streamed.chunks:
                if received == 0:
                    await backend.aclose()
                received += len(chunk)
    except TransportError as error:
        broken = error
    assert received == size if broken is None else broken.sent is True
    assert (await backend.send(ask(f"{server.origin}/"))).status == 200


@pytest.mark.anyio
async def test_chunks_after_the_block_are_none_or_our_error(server, backend, ask):
    async with backend.stream(ask(f"{server.origin}/")) as streamed:
        pass

    late, broken = [], None
    try:
        late = [chunk async for chunk in streamed.chunks]
    except TransportError as error:
        broken = error
    assert late == []
    assert broken is None or broken.sent is True


def test_backend_is_a_context_manager_that_closes(case, server):
    if case.is_sync:
        with case.load()() as backend:
            assert backend.send(plain(f"{server.origin}/")).status == 200
    else:

        async def use():
            async with case.load()() as backend:
                assert (await backend.send(plain(f"{server.origin}/"))).status == 200

        anyio.run(use, backend=case.loop)

    assert server.settles(0)


@pytest.mark.anyio
async def test_client_of_the_user_outlives_the_block_of_its_backend(server, make, own, ask, case):
    client = own()
    if case.is_sync:
        with case.load()(client):
            pass
    else:
        async with case.load()(client):
            pass

    assert (await make(client).send(ask(f"{server.origin}/"))).status == 200


@pytest.mark.anyio
async def test_closing_twice_and_unused_is_fine(backend):
    await backend.aclose()
    await backend.aclose()


@pytest.mark.anyio
async def test_client_of_the_user_is_used_and_left_open(server, make, own, ask):
    client = own()
    for _ in range(2):
        backend = make(client)
        for _ in range(2):
            response = await backend.send(ask(f"{server.origin}/a?b=1", "POST", b"{}"))
            assert response.content == b"{}"
        await backend.aclose()

    assert server.connections == 1
    assert [request.target for request in server.requests] == ["/a?b=1"] * 4


@pytest.mark.anyio
async def test_limit_of_exchanges_counts_for_a_client_of_the_user_too(server, make, own, ask):
    busy, most, two = [], [], threading.Event()

    def script(connection, request):
        busy.append(request)
        most.append(len(busy))
        if len(busy) == 2:
            two.set()
        two.wait(LIMIT)
        connection.wait(0.05)
        busy.remove(request)
        connection.send(JSON)

    server.script = script
    backend = make(own(), max_connections=2)

    async def download():
        async with backend.stream(ask(f"{server.origin}/")) as streamed:
            assert [chunk async for chunk in streamed.chunks] == [b"{}"]

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(backend.send, ask(f"{server.origin}/"))
            group.start_soon(download)

    assert max(most) == 2
    assert len(server.requests) == 8


@pytest.mark.anyio
async def test_waiting_for_a_turn_with_a_client_of_the_user_ends_with_the_total_limit(server, make, own, ask):
    backend = make(own(), max_connections=1)
    free = threading.Event()
    server.script = lambda connection, _: (free.wait(LIMIT), connection.send(JSON))

    async def late():
        await eventually_async(lambda: server.requests)
        with pytest.raises(RequestTimeoutError) as caught:
            await backend.send(ask(f"{server.origin}/", "POST", b"{}", total=0.1))
        assert caught.value.sent is False
        free.set()

    async with anyio.create_task_group() as group:
        group.start_soon(backend.send, ask(f"{server.origin}/"))
        group.start_soon(late)

    assert len(server.requests) == 1
    assert (await backend.send(ask(f"{server.origin}/"))).status == 200


@pytest.mark.anyio
async def test_closed_client_of_the_user_is_refused(server, make, own, ask, case):
    if case.library == "requests":
        pytest.skip("a session may be used after it was closed")
    used, unused = own(), own()
    backend, other = make(used), make(unused)
    await backend.send(ask(f"{server.origin}/"))
    for client in (used, unused):
        closed = client.aclose() if hasattr(client, "aclose") else client.close()
        if not case.is_sync:
            await closed
    if case.library == "pyreqwest":  # it does not tell beforehand, and may send all the same
        for one in (backend, other):
            with contextlib.suppress(ConfigurationError):
                for _ in range(50):
                    with contextlib.suppress(TransportError):
                        await one.send(ask(f"{server.origin}/"))

    for one in (backend, other):
        with pytest.raises(ConfigurationError, match="closed"):
            await one.send(ask(f"{server.origin}/"))
        with pytest.raises(ConfigurationError, match="closed"):
            async with one.stream(ask(f"{server.origin}/")):
                pass

    if case.library != "pyreqwest":
        assert len(server.requests) == 1


@pytest.mark.anyio
async def test_request_that_waits_for_its_turn_outlives_a_close(server, make, own, ask):
    free = threading.Event()

    def script(connection, _):
        free.wait(LIMIT)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    backend = make(own(), max_connections=1)
    server.script = script
    answers = []

    async def one():
        answers.append(await backend.send(ask(f"{server.origin}/")))

    async with anyio.create_task_group() as group:
        group.start_soon(one)
        await eventually_async(lambda: server.requests)
        group.start_soon(one)
        await anyio.sleep(0.05)
        await backend.aclose()
        free.set()

    assert [answer.status for answer in answers] == [200, 200]


def test_close_between_the_sends_of_many_threads_leaves_no_connection_behind(case, server):
    if case.library != "httpx" or not case.is_sync:
        pytest.skip("the others' own closing")
    backend = case.load()()
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def send(_):
        return [backend.send(plain(f"{server.origin}/")).status for _ in range(40)]

    try:
        with ThreadPoolExecutor(6) as threads:
            sending = [threads.submit(send, number) for number in range(5)]
            while not all(future.done() for future in sending):
                backend.close()
    finally:
        sys.setswitchinterval(usual)
    backend.close()

    assert [future.result() for future in sending] == [[200] * 40] * 5
    assert server.settles(0)


@pytest.mark.anyio
async def test_closed_backend_remembers_no_credentials(server, make, ask, case):
    if case.library != "httpx":
        pytest.skip("remembers no requests")
    import httpx

    backend = make()
    await backend.send(ask(f"{server.origin}/", headers={"Authorization": "Bearer a-canary"}))

    await backend.aclose()

    gc.collect()
    kept = [found for found in gc.get_objects() if isinstance(found, httpx.Headers)]
    assert not any("a-canary" in headers.get("authorization", "") for headers in kept)


@pytest.mark.anyio
async def test_client_of_the_user_follows_no_redirect_and_sends_no_cookie(server, make, own, ask):
    backend = make(own())
    server.script = lambda connection, _: connection.send(
        b"HTTP/1.1 302 Found\r\nLocation: /other\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
    )

    answers = [await backend.send(ask(f"{server.origin}/here")) for _ in range(2)]

    assert [answer.status for answer in answers] == [302, 302]
    assert [(request.target, request.all("Cookie")) for request in server.requests] == [("/here", [])] * 2


@pytest.mark.anyio
async def test_client_of_the_user_keeps_to_the_limits_of_the_request(server, make, own, ask):
    backend = make(own())
    server.script = lambda connection, _: connection.wait(LIMIT)

    with anyio.fail_after(LIMIT / 2), pytest.raises(RequestTimeoutError):
        await backend.send(ask(f"{server.origin}/", "POST", b"{}", total=0.2))


@pytest.mark.anyio
async def test_cookies_of_one_session_stay_out_of_it(server, make, own, ask, case):
    if case.library not in {"requests", "aiohttp"}:
        pytest.skip("has no session, or keeps the cookies of its own client to itself")
    session = own()
    backend = make(session)
    server.script = lambda connection, _: connection.send(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
    )

    await backend.send(ask(f"{server.origin}/"))

    assert list(session.cookies if case.is_sync else session.cookie_jar) == []


@pytest.mark.anyio
async def test_options_beside_a_client_of_the_user_are_refused(make, own):
    client = own()
    for options in ({"verify": False}, {"cert": "client.pem"}, {"proxy": "http://127.0.0.1:1"}, {"trust_env": False}):
        with pytest.raises(ConfigurationError, match="client that you gave"):
            make(client, **options)


def two_loops(case, first, second):
    """Run two coroutines under two event loops, one after the other."""
    if case.loop == "trio":
        anyio.run(first, backend="trio")
        anyio.run(second, backend="trio")
    else:
        asyncio.run(first())
        asyncio.run(second())


def test_second_event_loop_gets_connections_of_its_own_without_noise(case, server):
    if case.is_sync:
        pytest.skip("knows no event loop")
    backend = case.make()

    async def ask():
        assert (await backend.send(plain(f"{server.origin}/"))).status == 200
        async with backend.stream(plain(f"{server.origin}/")) as streamed:
            assert [chunk async for chunk in streamed.chunks] == [b"{}"]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        two_loops(case, ask, ask)
        gc.collect()

    assert len(server.requests) == 4
    assert server.connections == 2


def test_event_loops_at_the_same_time_have_connections_of_their_own(case, server):
    if case.is_sync:
        pytest.skip("knows no event loop")
    server.script = lambda connection, _: (connection.wait(0.005), connection.send(JSON))
    backend, failures = case.make(), []
    together = threading.Barrier(2)

    async def one():
        for _ in range(8):
            assert (await backend.send(plain(f"{server.origin}/"))).status == 200

    async def many():
        together.wait(LIMIT)
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(one)
        await backend.aclose()  # leaves the other loop's alone

    def run():
        try:
            anyio.run(many, backend=case.loop)
        except BaseException as error:  # noqa: BLE001 - whatever comes out fails the test
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * LIMIT)

    assert failures == []
    assert len(server.requests) == 80
    assert server.connections <= 10


def test_connections_end_with_their_event_loop(case, server):
    if case.is_sync:
        pytest.skip("knows no event loop")
    if case.library == "pyreqwest":
        pytest.skip("its connections end with its idle time")
    backend = case.make()

    async def ask():
        await backend.send(plain(f"{server.origin}/"))

    two_loops(case, ask, ask)

    assert server.settles(0)


def test_client_of_the_user_is_refused_under_a_second_event_loop(case, server):
    if case.is_sync:
        pytest.skip("knows no event loop")
    case.load()
    kept = []

    async def first():
        if case.library == "aiohttp":
            import aiohttp

            kept.append(aiohttp.ClientSession())
        elif case.library == "httpx":
            import httpx

            kept.append(httpx.AsyncClient())
        else:
            from pyreqwest.client import ClientBuilder

            kept.append(ClientBuilder().build())
        kept.append(case.make(kept[0]))
        await kept[1].send(plain(f"{server.origin}/"))
        await (kept[0].aclose() if case.library == "httpx" else kept[0].close())

    async def second():
        with pytest.raises(ConfigurationError, match="event loop"):
            await kept[1].send(plain(f"{server.origin}/"))

    two_loops(case, first, second)


def test_trio_is_refused_by_libraries_of_asyncio(case, server):
    if case.library == "httpx" or case.is_sync:
        pytest.skip("works under trio, or knows no event loop")
    backend = case.make()

    async def ask():
        with pytest.raises(ConfigurationError, match="asyncio"):
            await backend.send(plain(f"{server.origin}/"))

    anyio.run(ask, backend="trio")


def in_child(work):
    """Run something in a forked process and return whether it went well, in time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads beside a fork
        child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    for _ in range(100 * int(LIMIT)):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        threading.Event().wait(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_process_opens_connections_of_its_own(case, server):
    backend = case.make()
    if case.is_sync:
        backend = backend.backend

        def ask():
            assert backend.send(plain(f"{server.origin}/")).status == 200
    else:

        def ask():
            async def one():
                assert (await backend.send(plain(f"{server.origin}/"))).status == 200

            anyio.run(one, backend=case.loop)

    def refused():
        with pytest.raises(ConfigurationError, match="forked"):
            ask()

    ask()

    assert in_child(refused if case.library == "pyreqwest" else ask)

    ask()
    first, *others = [request.connection for request in server.requests]
    if case.library != "pyreqwest":
        assert others[0] != first  # the child's
    if case.is_sync:
        assert others[-1] == first  # the parent's goes on
        backend.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_client_of_the_user_is_refused_in_a_forked_process(server):
    import requests

    with requests.Session() as session:
        backend = http.RequestsHttpClient(session)
        backend.send(plain(f"{server.origin}/"))

        def refused():
            with pytest.raises(ConfigurationError, match="process"):
                backend.send(plain(f"{server.origin}/"))

        assert in_child(refused)


@pytest.mark.anyio
async def test_backends_have_their_protocol(backend, case):
    protocol = http.HttpClient if case.is_sync else ahttp.AsyncHttpClient

    assert isinstance(backend.backend if case.is_sync else backend, protocol)
    assert "canary" not in repr(case.make(proxy="http://user:canary@127.0.0.1:1"))
