"""Bytes behind an answer, which must not become the answer to the next request."""

from __future__ import annotations

import pytest


def answer(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.anyio
async def test_bytes_behind_an_answer_are_not_the_next_answer(backend, server, ask):
    def script(connection, _):
        connection.send(answer(b"%d" % len(server.requests)) + answer(b"surplus"))

    server.script = script

    bodies = [(await backend.send(ask(f"{server.origin}/"))).content for _ in range(3)]

    assert bodies == [b"1", b"2", b"3"]
