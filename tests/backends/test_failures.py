"""The contract of every backend: what goes wrong becomes one of our errors, and says whether the request left."""

from __future__ import annotations

import gc
import gzip
import threading
import time
from functools import partial

import anyio
import pytest

from eventually import LIMIT, eventually_async, in_proportion
from smsgate.errors import ConnectError, RequestTimeoutError, TransportError

pytestmark = pytest.mark.anyio

SOON = LIMIT / 2  # far beyond the limits that a test sets, and far below those that it does not
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
SECRET = "canary"


@pytest.fixture
def post(server, ask):
    """Build a send that holds a secret in its query, headers and body."""

    def build(**limits):
        url = f"{server.origin}/messages?phone={SECRET}"
        return ask(url, "POST", SECRET.encode(), {"Authorization": SECRET}, **limits)

    return build


async def failure_of(call):
    with pytest.raises(TransportError) as caught:
        await call
    assert SECRET not in str(caught.value)
    return caught.value


async def failure_or_none(call):
    try:
        await call
    except TransportError as error:
        return error
    return None


async def read(backend, request):
    async with backend.stream(request) as streamed:
        return b"".join([chunk async for chunk in streamed.chunks])


async def both(backend, request):
    """Return the failures of the same request sent and streamed."""
    return [await failure_of(backend.send(request)), await failure_of(read(backend, request))]


async def works(server, backend, ask):
    """Tell whether the backend is usable after what it went through."""
    server.greeting = lambda _: False
    server.script = lambda connection, _: connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    return (await backend.send(ask(f"{server.origin}/after", "POST", b"{}"))).content == b"ok"


async def test_refused_connection_was_not_sent(backend, ask, unused_port):
    for error in await both(backend, ask(f"http://127.0.0.1:{unused_port}/?phone={SECRET}", "POST", b"{}")):
        assert isinstance(error, ConnectError)
        assert error.sent is False
        assert "refused" in str(error).lower() or "connect" in str(error).lower()
        assert error.__cause__ is not None
        assert not type(error.__cause__).__module__.startswith("smsgate")


async def test_unknown_host_was_not_sent(backend, ask):
    error = await failure_of(backend.send(ask("http://no-such-host.invalid/", "POST", b"{}")))

    assert isinstance(error, ConnectError)
    assert error.sent is False


async def test_connection_that_takes_too_long_was_not_sent(backend, ask, stuck_port):
    begun = time.monotonic()

    error = await failure_of(backend.send(ask(f"http://127.0.0.1:{stuck_port}/", "POST", b"{}", connect=0.2)))

    assert isinstance(error, RequestTimeoutError)
    assert error.sent is False
    assert 0.15 < time.monotonic() - begun < SOON


async def test_total_time_bounds_connecting(backend, ask, stuck_port):
    begun = time.monotonic()

    error = await failure_of(backend.send(ask(f"http://127.0.0.1:{stuck_port}/", "POST", b"{}", total=0.3)))

    assert isinstance(error, RequestTimeoutError)
    assert error.sent is not True
    assert time.monotonic() - begun < SOON


async def test_reset_before_anything_was_read_may_have_been_sent(server, backend, ask, post):
    server.greeting = lambda connection: connection.reset() or True

    for error in await both(backend, post()):
        assert not isinstance(error, RequestTimeoutError)
        assert error.sent is not True

    assert await works(server, backend, ask)


async def test_reset_after_the_request_was_read_may_have_been_sent(server, backend, ask, post):
    server.script = lambda connection, _: connection.reset()

    for error in await both(backend, post()):
        assert type(error) is TransportError
        assert error.sent is None
        assert error.__cause__ is not None

    assert len(server.requests) == 2
    assert await works(server, backend, ask)


@pytest.mark.parametrize("given", [False, True], ids=["made", "given"])
async def test_reset_on_a_used_connection_is_not_hidden_by_asking_again(server, make, own, ask, given):
    backend = make(own()) if given else make()

    async def one(method):
        return await backend.send(ask(f"{server.origin}/", method, b"{}" if method == "POST" else None))

    for method in ("GET", "POST", "DELETE"):
        server.script = lambda connection, _: connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await one(method)
        seen = len(server.requests)
        server.script = lambda connection, _: connection.reset()

        error = await failure_of(one(method))

        assert error.sent is None
        assert len(server.requests) == seen + 1


async def test_close_without_an_answer_may_have_been_sent(server, backend, post):
    server.script = lambda connection, _: connection.close()

    for error in await both(backend, post()):
        assert type(error) is TransportError
        assert error.sent is None


async def test_silence_ends_with_the_read_limit(server, backend, ask, post):
    server.script = lambda connection, _: connection.wait(LIMIT)
    begun = time.monotonic()

    error = await failure_of(backend.send(post(read=0.2)))

    assert isinstance(error, RequestTimeoutError)
    assert error.sent is None
    assert 0.15 < time.monotonic() - begun < SOON


async def test_silence_ends_with_the_total_limit(server, backend, post):
    server.script = lambda connection, _: connection.wait(LIMIT)

    async def attempt(scale):
        begun = time.monotonic()
        error = await failure_of(backend.send(post(total=0.3 * scale)))
        assert isinstance(error, RequestTimeoutError)
        assert error.sent is None
        assert 0.25 * scale < time.monotonic() - begun < SOON

    await in_proportion(attempt)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # aiohttp wants files for large bodies
async def test_upload_that_stalls_takes_too_long(server, backend, ask):
    bored = threading.Event()
    server.greeting = lambda _: bored.wait(LIMIT) or True
    begun = time.monotonic()

    error = await failure_of(
        backend.send(ask(f"{server.origin}/", "POST", b"x" * 32_000_000, connect=0.3, read=0.3, total=0.6))
    )

    assert isinstance(error, RequestTimeoutError)
    assert error.sent is None
    assert time.monotonic() - begun < SOON
    bored.set()
    await eventually_async(lambda: not server.open)  # aiohttp waits for what it could not write: it must see the close
    await anyio.sleep(0.05)


async def test_silence_within_a_body_ends_with_the_read_limit(server, backend, post):
    server.script = lambda connection, _: (connection.send(HEAD + b"begun"), connection.wait(LIMIT))

    async def attempt(scale):
        begun = time.monotonic()
        for error in await both(backend, post(read=0.2 * scale)):
            assert isinstance(error, RequestTimeoutError)
            assert error.sent is True
        assert time.monotonic() - begun < SOON

    await in_proportion(attempt)


@pytest.mark.parametrize("form", ["length", "chunked", "gzip", "close"])
async def test_body_that_drips_ends_with_the_total_limit(server, backend, ask, post, form):
    def script(connection, _):
        packed = gzip.compress(bytes(range(256)) * 20, 9)
        coding = b"Content-Encoding: gzip\r\n" if form == "gzip" else b""
        framing = b"Transfer-Encoding: chunked" if form == "chunked" else b"Content-Length: 200"
        if form == "close":
            framing = b"Connection: close"
        connection.send(b"HTTP/1.1 200 OK\r\n" + coding + framing + b"\r\n\r\n")
        for number in range(100):
            byte = packed[number : number + 1]
            connection.send(b"1\r\n" + byte + b"\r\n" if form == "chunked" else byte)
            connection.wait(0.03)
        connection.wait(LIMIT)

    server.script = script

    async def attempt(scale):
        begun = time.monotonic()
        for error in await both(backend, post(total=0.3 * scale)):
            assert isinstance(error, RequestTimeoutError)
            assert error.sent is True
        assert 0.5 * scale < time.monotonic() - begun < SOON

    await in_proportion(attempt)
    assert await works(server, backend, ask)


FRAMINGS = {
    "trailers": (b"2\r\n{}\r\n0\r\n", b"X-Trailer: more\r\n"),
    "one trailer": (b"2\r\n{}\r\n0\r\nX-Trailer: ", b"x"),
    "chunk extension": (b"2;extension=", b"x"),
    "chunk size": (b"", b"0"),
}


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS.keys())
@pytest.mark.parametrize(
    ("tls", "kept", "given"),
    [(False, True, False), (True, True, False), (False, False, True), (True, False, True)],
    ids=["plain, kept, made", "TLS, kept, made", "plain, closed, given", "TLS, closed, given"],
)
async def test_framing_of_chunks_that_never_ends_ends_with_the_total_limit(  # noqa: PLR0917 - fixtures and parameters
    serve, make, own, ask, pki, framing, tls, kept, given
):
    server = serve(pki.server_context() if tls else None)
    begun, more = framing
    connected = b"keep-alive" if kept else b"close"

    def script(connection, _):
        connection.send(
            b"HTTP/1.1 200 OK\r\nConnection: " + connected + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + begun
        )
        while True:  # until the other side hangs up
            connection.send(more)
            connection.wait(0.05)

    server.script = script
    backend = make(own(ca=pki.ca)) if given else make(verify=pki.ca)
    asking = ask(f"{server.origin}/", "POST", b"{}", read=20.0, total=0.3)

    with anyio.fail_after(LIMIT):
        for error in await both(backend, asking):
            assert isinstance(error, RequestTimeoutError) or (more == b"0" and error.sent is True)

    server.script = lambda connection, _: connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert (await backend.send(ask(f"{server.origin}/"))).content == b"ok"


@pytest.mark.parametrize("given", [False, True], ids=["made", "given"])
async def test_connection_is_closed_when_its_handshake_is_cancelled(  # noqa: PLR0917 - fixtures and parameters
    case, server, make, own, ask, pki, given
):
    if case.library != "httpx" or case.is_sync:
        pytest.skip("httpcore leaves an asynchronous one open")
    greeted = []

    def read_to_the_end(connection):
        while received := connection.sock.recv(65536):
            greeted.append(received)
        return True

    server.greeting = read_to_the_end
    backend = make(own(ca=pki.ca)) if given else make(verify=pki.ca)
    asking = ask(f"https://127.0.0.1:{server.port}/")

    gc.disable()  # it would close what nobody does
    try:
        for exchange in backend.send, partial(read, backend):
            greeted.clear()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(exchange, asking)
                await eventually_async(lambda: greeted)
                tasks.cancel_scope.cancel()
            assert await eventually_async(lambda: server.open == 0)
    finally:
        gc.enable()


async def test_chunked_answers_leave_no_thread_behind(server, backend, ask):
    server.script = lambda connection, _: connection.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Trailer: a\r\n\r\n"
    )

    for _ in range(5):
        assert (await backend.send(ask(f"{server.origin}/", total=60.0))).content == b"{}"
        assert await read(backend, ask(f"{server.origin}/", total=60.0)) == b"{}"

    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert all(timer.finished.is_set() for timer in timers)  # cancelled: they end by themselves


async def test_head_that_drips_ends_with_the_total_limit(server, backend, case, post):
    if case.is_sync and case.library != "pyreqwest":
        pytest.skip("a synchronous library without a total limit cannot bound it")

    def script(connection, _):
        for byte in HEAD * 10:
            connection.send(bytes([byte]))
            connection.wait(0.05)

    server.script = script
    begun = time.monotonic()

    error = await failure_of(backend.send(post(total=0.4)))

    assert isinstance(error, RequestTimeoutError)
    assert time.monotonic() - begun < SOON


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_body_cut_off_is_no_answer(server, backend, ask, post, ending):
    def script(connection, _):
        connection.send(HEAD + b'{"id":"cut')
        connection.wait(0.05)
        getattr(connection, ending)()

    server.script = script

    for error in await both(backend, post()):
        assert type(error) is TransportError
        assert error.sent is True

    assert await works(server, backend, ask)


async def test_chunked_body_cut_off_is_no_answer(server, backend, post):
    def script(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2]\r\n")
        connection.close()

    server.script = script

    for error in await both(backend, post()):
        assert type(error) is TransportError
        assert error.sent is True


async def test_chunks_that_are_none_are_no_answer(server, backend, post):
    server.script = lambda connection, _: connection.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n"
    )

    for error in await both(backend, post()):
        assert type(error) is TransportError
        assert error.sent is not False


@pytest.mark.parametrize("damage", ["damaged", "cut off"])
async def test_compressed_body_that_cannot_be_unpacked_is_no_answer(server, backend, post, damage):
    packed = bytearray(gzip.compress(bytes(range(256)) * 50))
    packed = packed[:-20] if damage == "cut off" else packed[:20] + b"\xff" * 50 + packed[70:]
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    server.script = lambda connection, _: connection.send(head + bytes(packed))

    for error in await both(backend, post()):
        assert error.sent is True
        assert "compressed" in str(error)


async def test_compression_that_nobody_asked_for_is_no_answer(server, backend, post):
    server.script = lambda connection, _: connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\n\x06"
    )

    for error in await both(backend, post()):
        assert error.sent is True


@pytest.mark.parametrize("form", ["length", "chunked", "gzip"])
async def test_body_too_large_to_hold_is_refused(server, backend, ask, post, form):
    block = b"x" * 1_048_576

    def script(connection, _):
        if form == "gzip":
            bomb = gzip.compress(block * 65)
            connection.send(
                f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
            )
            connection.send(bomb)
            return
        framing = "Transfer-Encoding: chunked" if form == "chunked" else f"Content-Length: {len(block) * 65}"
        connection.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        for _ in range(65):
            connection.send(b"100000\r\n" + block + b"\r\n" if form == "chunked" else block)

    server.script = script

    error = await failure_of(backend.send(post()))

    assert type(error) is TransportError
    assert error.sent is True
    assert "larger than" in str(error)
    assert await works(server, backend, ask)


@pytest.mark.parametrize("line", [b"hello world\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x16\x03\x01\x00\x00\r\n\r\n"])
async def test_what_is_no_http_is_no_answer(server, backend, ask, post, line):
    server.script = lambda connection, _: (connection.send(line), connection.close())

    for error in await both(backend, post()):
        assert type(error) is TransportError
        assert error.sent is not False

    assert await works(server, backend, ask)


@pytest.mark.parametrize("given", [False, True], ids=["made", "given"])
async def test_interim_answer_is_not_the_final_one(  # noqa: PLR0917 - fixtures and parameters
    server, make, own, post, case, given
):
    def script(connection, request):
        name = request.target[-1:].encode()
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        connection.wait(0.02)
        connection.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1\r\n\r\n" + name)

    server.script = script
    backend = make(own()) if given else make()

    for name in (b"1", b"2", b"3"):
        request = post()
        request.url += name.decode()
        if given and case.library == "requests":
            assert (await failure_of(backend.send(request))).sent is None
            continue
        answer = await backend.send(request)
        assert (answer.status, answer.content) == (202, name)
        assert await read(backend, request) == name


HEADS = {
    "unlike lengths": b"Content-Length: 2\r\nContent-Length: 3",
    "list of unlike lengths": b"Content-Length: 2, 3",
    "length that is no number": b"Content-Length: two",
    "negative length": b"Content-Length: -2",
    "huge length": b"Content-Length: 99999999999999999999999999",
    "length in other digits": "Content-Length: \u0662".encode(),
    "header without a colon": b"nonsense\r\nContent-Length: 2",
    "header name with a space": b"X : y\r\nContent-Length: 2",
    "header with a null byte": b"X: a\0b\r\nContent-Length: 2",
    "header name beyond ASCII": b"X\xff: y\r\nContent-Length: 2",
    "unknown transfer encoding": b"Transfer-Encoding: nonsense",
    "length beside chunks": b"Transfer-Encoding: chunked\r\nContent-Length: 2",
    "unknown compression": b"Content-Encoding: \xff\r\nContent-Length: 2",
    "broken cookie": b"Set-Cookie: =;;\xff\0a=b; Expires=x\r\nContent-Length: 2",
    "broken address": b"Location: http://[::1\r\nContent-Length: 2",
    "endless header": b"X: " + b"x" * 100_000 + b"\r\nContent-Length: 2",
}


@pytest.mark.parametrize("lines", HEADS.values(), ids=HEADS.keys())
async def test_malformed_answer_is_never_called_unsent(server, backend, ask, post, lines):
    server.script = lambda connection, _: (
        connection.send(b"HTTP/1.1 202 Accepted\r\n" + lines + b"\r\n\r\n{}"),
        connection.wait(0.02),
        connection.close(),
    )

    for call in (backend.send, partial(read, backend)):
        error = await failure_or_none(call(post(read=0.5)))
        assert error is None or error.sent is not False
        await backend.aclose()

    assert len(server.requests) == 2
    assert await works(server, backend, ask)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://"},
        {"url": "ftp://127.0.0.1/"},
        {"url": "no url"},
        {"url": "http://127.0.0.1:99999/"},
        {"url": "http://a b.test/"},
        {"headers": {"X-Split": f"a\r\nX-Injected: {SECRET}"}},
    ],
    ids=lambda change: next(iter(change.values())) if "url" in change else next(iter(change["headers"])),
)
async def test_request_that_cannot_be_written_was_not_sent(server, backend, post, change):
    request = post()
    for name, value in change.items():
        setattr(request, name, value)

    for error in await both(backend, request):
        assert error.sent is False

    assert server.requests == []


async def test_cancelled_task_leaves_the_pool_usable(server, make, case, ask):
    if case.is_sync:
        pytest.skip("threads cannot be cancelled")
    backend = make(max_connections=2)
    server.script = lambda connection, _: connection.until_gone()

    for _ in range(5):
        with anyio.move_on_after(0.05) as scope:
            await backend.send(ask(f"{server.origin}/", "POST", b"{}"))
        assert scope.cancelled_caught

    assert await works(server, backend, ask)
    if case.library != "pyreqwest":  # there an abandoned exchange ends with its total time only
        assert server.settles(1)


async def test_task_cancelled_while_it_reads_leaves_the_pool_usable(server, make, case, ask):
    if case.is_sync:
        pytest.skip("threads cannot be cancelled")
    backend = make(max_connections=1)
    server.script = lambda connection, _: (connection.send(HEAD + b"x"), connection.until_gone())

    for _ in range(3):
        with anyio.move_on_after(0.05) as scope:
            await read(backend, ask(f"{server.origin}/"))
        assert scope.cancelled_caught

    assert await works(server, backend, ask)


async def test_waiting_for_a_connection_ends_with_the_total_limit(server, make, ask):
    backend = make(max_connections=1)
    free = threading.Event()
    server.script = lambda connection, _: (free.wait(LIMIT), connection.send(HEAD.replace(b"100", b"0")))
    failures = []

    async def late():
        await eventually_async(lambda: server.requests)
        failures.append(await failure_of(backend.send(ask(f"{server.origin}/", "POST", b"{}", total=0.3))))
        free.set()

    async with anyio.create_task_group() as group:
        group.start_soon(backend.send, ask(f"{server.origin}/"))
        group.start_soon(late)

    assert isinstance(failures[0], RequestTimeoutError)
    assert failures[0].sent is False
    assert len(server.requests) == 1


async def test_slow_answers_leave_the_limits_of_later_exchanges_alone(server, backend, ask):
    def script(connection, request):
        connection.wait(float(request.target[1:]))
        connection.send(HEAD.replace(b"100", b"0"))

    server.script = script

    async def attempt(scale):
        limit = 0.2 * scale
        for part in (0.75, 0.6, 0.6):
            answer = await backend.send(ask(f"{server.origin}/{part * limit}", read=limit, total=limit))
            assert answer.status == 200

    await in_proportion(attempt)


async def test_error_inside_a_download_block_is_passed_on(server, backend, ask):
    server.script = lambda connection, _: connection.send(HEAD + b"x" * 100)

    with pytest.raises(KeyError, match="mine"):
        async with backend.stream(ask(f"{server.origin}/")):
            raise KeyError("mine")

    assert await works(server, backend, ask)
