"""The contract of every backend: no traceback quotes a request, or what came over the wire instead of an answer."""

from __future__ import annotations

import traceback

import pytest

from smsgate.errors import TransportError

pytestmark = pytest.mark.anyio

QUOTED = "canary"
OK = b"HTTP/1.1 200 OK\r\n"
GARBAGE = {
    "status line": f"{QUOTED} HTTP\r\n\r\n".encode(),
    "status": f"HTTP/1.1 {QUOTED} OK\r\n\r\n".encode(),
    "version": f"HTTP/{QUOTED} 200 OK\r\n\r\n".encode(),
    "header": OK + f"{QUOTED}\r\nContent-Length: 2\r\n\r\n".encode(),
    "header value": OK + f"X-It: {QUOTED}\0\r\nContent-Length: 2\r\n\r\n".encode(),
    "header name": OK + f"X {QUOTED}: x\r\nContent-Length: 2\r\n\r\n".encode(),
    "content length": OK + f"Content-Length: {QUOTED}\r\n\r\n".encode(),
    "unlike lengths": OK + f"Content-Length: 2, {QUOTED}\r\n\r\n".encode(),
    "transfer encoding": OK + f"Transfer-Encoding: {QUOTED}\r\n\r\n".encode(),
    "chunk size": OK + f"Transfer-Encoding: chunked\r\n\r\n{QUOTED}\r\n\r\n".encode(),
    "chunk": OK + f"Transfer-Encoding: chunked\r\n\r\n2\r\n{QUOTED}\r\n".encode(),
    "trailer": OK + f"Transfer-Encoding: chunked\r\n\r\n0\r\n{QUOTED}\r\n\r\n".encode(),
    "compression": OK + f"Content-Encoding: {QUOTED}\r\nContent-Length: 2\r\n\r\n{{}}".encode(),
    "compressed": OK + f"Content-Encoding: gzip\r\nContent-Length: {len(QUOTED)}\r\n\r\n{QUOTED}".encode(),
    "half a head": f"HTTP/1.1 200 OK\r\nX-It: {QUOTED}".encode(),
    "half a body": OK + f"Content-Length: 100\r\n\r\n{QUOTED}".encode(),
}


def shown(error):
    return "".join(traceback.format_exception(error)) + repr(error)


async def failures(backend, request):
    found = []
    try:
        await backend.send(request)
    except TransportError as error:
        found.append(error)
    try:
        async with backend.stream(request) as streamed:
            _ = [chunk async for chunk in streamed.chunks]
    except TransportError as error:
        found.append(error)
    return found


@pytest.mark.parametrize("sent", GARBAGE.values(), ids=GARBAGE.keys())
@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_garbage_in_the_place_of_an_answer_is_not_quoted(server, backend, ask, sent, ending):
    server.script = lambda connection, _: (connection.send(sent), connection.wait(0.02), getattr(connection, ending)())

    for error in await failures(backend, ask(f"{server.origin}/", "POST", b"{}")):
        assert QUOTED not in shown(error)
        assert error.sent is not False


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/"])
async def test_words_of_a_proxy_are_not_quoted(server, make, ask, url):
    refusal = f"HTTP/1.1 407 {QUOTED}\r\nX-It: {QUOTED}\r\nContent-Length: 0\r\n\r\n".encode()
    for said in (refusal, GARBAGE["status line"], GARBAGE["header"]):
        server.script = lambda connection, _, said=said: (connection.send(said), connection.close())
        backend = make(proxy=server.origin)

        for error in await failures(backend, ask(url, "POST", b"{}")):
            assert QUOTED not in shown(error)


@pytest.mark.parametrize(
    "value", [f"{QUOTED}\nx", f"{QUOTED}\r\nX: y", f"{QUOTED}\0", f"{QUOTED}\u20ac", f"\n{QUOTED}"]
)
@pytest.mark.parametrize("as_name", [False, True], ids=["value", "name"])
async def test_header_that_cannot_be_written_is_not_quoted(server, backend, ask, value, as_name):
    request = ask(f"{server.origin}/", "POST", b"{}", {value: "x"} if as_name else {"X-It": value})

    for error in await failures(backend, request):
        assert QUOTED not in shown(error)


async def test_url_that_cannot_be_used_is_not_quoted(backend, ask):
    for url in (
        f"http://a b.test/{QUOTED}",
        f"http://127.0.0.1:99999/{QUOTED}",
        f"ftp://127.0.0.1/{QUOTED}",
        f"{QUOTED}/",
    ):
        first, second = await failures(backend, ask(url, "POST", b"{}"))

        assert QUOTED not in shown(first) + shown(second)
