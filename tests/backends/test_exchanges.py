"""The contract of every backend: what goes out, what comes back, which connection carries it."""

from __future__ import annotations

import gzip
import threading
import zlib

import anyio
import pytest

from eventually import LIMIT, eventually_async
from smsgate.http import Request, Timeout

pytestmark = pytest.mark.anyio


def answer(body=b"", *headers, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_method_and_body_arrive_as_given(server, backend, ask, method):
    content = None if method in {"GET", "DELETE"} else b'{"text":"\xc3\xa9\\u0000"}'

    response = await backend.send(ask(f"{server.origin}/messages", method, content))

    assert (response.status, response.content) == (200, b"{}")
    received = server.requests[0]
    assert (received.method, received.target, received.body) == (method, "/messages", content or b"")
    assert received.all("Content-Length") in ([[], ["0"]] if content is None else [[str(len(content))]])


async def test_every_byte_of_a_body_survives(server, backend, ask):
    everything = b" \n" + bytes(range(256)) * 1024 + b"\r\n "
    server.script = lambda connection, request: connection.send(answer(request.body))

    response = await backend.send(ask(f"{server.origin}/", "POST", everything))

    assert server.requests[0].body == everything
    assert response.content == everything


async def test_post_without_a_body_says_that_it_is_empty(server, backend, ask):
    await backend.send(ask(f"{server.origin}/inbox/refresh", "POST", None))

    assert server.requests[0].all("Content-Length") == ["0"]


async def test_path_and_query_arrive_byte_for_byte(server, backend, ask):
    target = "/a%20b/c%2Fd?from=2024-01-01T00%3A00%3A00.000Z&q=%2B1%26%C3%A9&plus=a+b&empty="

    await backend.send(ask(server.origin + target))

    assert server.requests[0].target == target


async def test_headers_arrive_as_given_and_no_others(server, backend, ask):
    headers = {"Accept": "application/json", "Authorization": "Basic ZGVtbzpkZW1v", "Content-Type": "application/json"}

    await backend.send(ask(f"{server.origin}/", "POST", b"{}", headers))

    sent = {name.lower(): value for name, value in server.requests[0].headers}
    assert len(sent) == len(server.requests[0].headers)
    assert sent.pop("connection", "keep-alive") == "keep-alive"
    assert sent == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": "contract/1.0",
        "accept": "application/json",
        "authorization": "Basic ZGVtbzpkZW1v",
        "content-type": "application/json",
        "content-length": "2",
    }


WITHOUT_TYPE = pytest.mark.parametrize(
    ("method", "content"), [("GET", None), ("POST", b"{}"), ("POST", None), ("DELETE", None)]
)


def assert_nothing_was_added(received):
    assert received.all("Accept-Encoding") == [] or received.all("Accept-Encoding") == ["identity"]
    assert received.all("Content-Type") == []
    assert set(received.all("Accept")) <= {"*/*"}


@WITHOUT_TYPE
async def test_nothing_is_asked_for_that_the_request_did_not_ask_for(server, backend, ask, method, content):
    await backend.send(ask(f"{server.origin}/", method, content))

    assert_nothing_was_added(server.requests[0])


@WITHOUT_TYPE
async def test_request_without_headers_gets_none(server, backend, case, method, content):
    await backend.send(Request(method, f"{server.origin}/", {}, content, Timeout()))

    assert_nothing_was_added(server.requests[0])
    if case.library != "pyreqwest":  # which names itself where we do not, and we always do
        assert server.requests[0].all("User-Agent") == []


async def test_status_and_headers_come_back_whatever_their_case(server, backend, ask):
    server.script = lambda connection, _: connection.send(answer(b"[]", "X-TOTAL-Count: 7", status="207 Odd"))

    response = await backend.send(ask(f"{server.origin}/"))

    assert response.status == 207
    assert response.headers["x-total-count"] == response.headers["X-Total-Count"] == "7"


async def test_error_statuses_are_answers(server, backend, ask):
    server.script = lambda connection, _: connection.send(answer(b"broken", status="500 Internal Server Error"))

    response = await backend.send(ask(f"{server.origin}/"))

    assert (response.status, response.content) == (500, b"broken")


async def test_answer_without_a_body_leaves_the_connection_usable(server, backend, ask):
    server.script = lambda connection, _: connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    answers = [await backend.send(ask(f"{server.origin}/", "DELETE")) for _ in range(2)]

    assert [(response.status, response.content) for response in answers] == [(204, b"")] * 2
    assert server.connections == 1


async def test_header_that_is_not_ascii_disturbs_nothing(server, backend, ask):
    server.script = lambda connection, _: connection.send(
        b"HTTP/1.1 200 OK\r\nX-Name: \xe9\r\nX-Total-Count: 1\r\nContent-Length: 2\r\n\r\n{}"
    )

    response = await backend.send(ask(f"{server.origin}/"))

    assert (response.content, response.headers["X-Total-Count"]) == (b"{}", "1")


async def test_chunked_body_is_joined(server, backend, ask):
    chunks = b"4\r\nsms-\r\n4;note=1\r\ngate\r\n0\r\n\r\n"
    server.script = lambda connection, _: connection.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    )

    answers = [await backend.send(ask(f"{server.origin}/")) for _ in range(2)]

    assert [response.content for response in answers] == [b"sms-gate"] * 2
    assert server.connections == 1


async def test_body_that_ends_with_the_connection_is_read(server, backend, ask):
    def script(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
        connection.close()

    server.script = script

    response = await backend.send(ask(f"{server.origin}/"))

    assert response.content == b"all of it"


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"text " * 1000)),
        ("gzip", gzip.compress(b"text " * 400) + gzip.compress(b"text " * 600)),
        ("deflate", zlib.compress(b"text " * 1000)),
        ("deflate", zlib.compressobj(wbits=-15).compress(b"") + zlib.compress(b"text " * 1000)[2:-4]),
        ("identity", b"text " * 1000),
    ],
    ids=["gzip", "gzip members", "deflate", "bare deflate", "identity"],
)
async def test_compressed_body_is_unpacked(server, backend, ask, coding, packed):
    server.script = lambda connection, _: connection.send(answer(packed, f"Content-Encoding: {coding}"))

    response = await backend.send(ask(f"{server.origin}/"))
    async with backend.stream(ask(f"{server.origin}/")) as streamed:
        chunks = [chunk async for chunk in streamed.chunks]

    assert response.content == b"".join(chunks) == b"text " * 1000


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_redirect_is_an_answer_and_never_followed(server, backend, ask, status):
    server.script = lambda connection, _: connection.send(answer(b"", "Location: /elsewhere", status=status))

    response = await backend.send(ask(f"{server.origin}/here", "POST", b"{}"))
    async with backend.stream(ask(f"{server.origin}/here")) as streamed:
        streamed_status = streamed.status

    assert str(response.status) == str(streamed_status) == status[:3]
    assert response.headers["location"] == "/elsewhere"
    assert [request.target for request in server.requests] == ["/here", "/here"]


async def test_cookies_are_neither_kept_nor_sent(server, backend, ask):
    server.script = lambda connection, _: connection.send(answer(b"{}", "Set-Cookie: session=1; Path=/"))

    for _ in range(3):
        await backend.send(ask(f"{server.origin}/"))

    assert [request.all("Cookie") for request in server.requests] == [[], [], []]


async def test_netrc_is_not_read(server, backend, ask, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    await backend.send(ask(f"{server.origin}/"))

    assert server.requests[0].all("Authorization") == []


async def test_one_connection_carries_one_request_after_another(server, backend, ask):
    for number in range(10):
        await backend.send(ask(f"{server.origin}/{number}", "POST", b"{}"))

    assert [request.target for request in server.requests] == [f"/{number}" for number in range(10)]
    assert server.connections == 1


async def test_connection_that_the_server_closed_meanwhile_is_replaced(server, backend, ask):
    def script(connection, _):
        connection.send(answer(b"{}"))
        connection.close()

    server.script = script

    for _ in range(3):
        await backend.send(ask(f"{server.origin}/", "POST", b"{}"))
        await eventually_async(lambda: not server.open)
        await anyio.sleep(0.05)  # a library's own threads look at the connection when they like

    assert len(server.requests) == server.connections == 3


async def test_large_body_leaves_whole(server, backend, ask):
    body = bytes(range(256)) * 1024

    await backend.send(ask(f"{server.origin}/", "POST", body))

    assert server.requests[0].body == body


async def test_fifty_at_once_get_their_own_answers(server, backend, ask, case):
    count = 50 if case.is_sync else 200
    server.script = lambda connection, request: connection.send(answer(request.body * 10))
    results = {}

    async def one(number):
        for turn in range(3):
            text = f"{number}-{turn};".encode()
            response = await backend.send(ask(f"{server.origin}/", "POST", text))
            results[number, turn] = response.content == text * 10

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(one, number)

    assert len(results) == count * 3
    assert all(results.values())
    spare = 100 if case.library == "pyreqwest" else 0  # it connects for requests that then find a free connection
    assert server.connections <= 100 + spare


async def test_connection_limit_is_kept_and_the_others_wait(server, make, ask):
    backend = make(max_connections=2)
    server.script = lambda connection, _: (connection.wait(0.05), connection.send(answer(b"{}")))

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(backend.send, ask(f"{server.origin}/"))

    assert len(server.requests) == 8
    assert server.connections <= 2


async def test_download_arrives_in_chunks_before_it_is_complete(server, backend, ask):
    go_on = threading.Event()
    first, second = b"\x00\xff" * 50_000, b"\x01" * 300_000

    def script(connection, _):
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(first + second)}\r\n\r\n".encode() + first)
        go_on.wait(LIMIT)
        connection.send(second)

    server.script = script
    received = []
    async with backend.stream(ask(f"{server.origin}/attachment")) as streamed:
        assert streamed.status == 200
        async for chunk in streamed.chunks:
            received.append(chunk)
            if sum(map(len, received)) >= len(first):
                go_on.set()

    assert b"".join(received) == first + second
    assert len(received) > 1
    assert all(type(chunk) is bytes for chunk in received)


async def test_download_left_early_gives_its_connection_up(server, backend, ask):
    def script(connection, request):
        if request.target == "/long":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 70_000)
            assert connection.until_gone()
            connection.close()
        else:
            connection.send(answer(b"{}"))

    server.script = script
    async with backend.stream(ask(f"{server.origin}/long")) as streamed:
        async for _ in streamed.chunks:
            break

    assert (await backend.send(ask(f"{server.origin}/"))).status == 200
    assert server.settles(1)


async def test_download_read_to_its_end_keeps_the_connection(server, backend, ask):
    server.script = lambda connection, _: connection.send(answer(b"x" * 1000))

    for _ in range(3):
        async with backend.stream(ask(f"{server.origin}/")) as streamed:
            assert b"".join([chunk async for chunk in streamed.chunks]) == b"x" * 1000

    assert server.connections == 1


async def test_download_may_be_larger_than_what_send_holds(server, backend, ask):
    block, count = b"x" * 1_000_000, 70

    def script(connection, _):
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(block) * count}\r\n\r\n".encode())
        for _ in range(count):
            connection.send(block)

    server.script = script
    size = 0
    async with backend.stream(ask(f"{server.origin}/")) as streamed:
        async for chunk in streamed.chunks:
            size += len(chunk)

    assert size == len(block) * count
