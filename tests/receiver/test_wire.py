"""What strangers send to a receiver on a real socket, byte by byte."""

from __future__ import annotations

import socket
import threading
from http.client import HTTPResponse

import pytest

uvicorn = pytest.importorskip("uvicorn", reason="the receiver is a real server")
fastapi = pytest.importorskip("fastapi", reason="one of the receivers is FastAPI's")

from eventually import LIMIT, eventually  # noqa: E402
from smsgate import webhooks  # noqa: E402 - after the checks above
from smsgate.fastapi import WebhookRouter  # noqa: E402
from smsgate.receiver import WebhookApp  # noqa: E402

KEY = "key-of-the-phone"


@pytest.fixture(params=["plain", "framework"])
def app(request):
    if request.param == "plain":
        hooks = app = WebhookApp("/sms", signing_key=KEY, max_body=100_000)
    else:
        hooks, app = WebhookRouter("/sms", signing_key=KEY, max_body=100_000), fastapi.FastAPI()
        app.include_router(hooks)

        @app.middleware("http")
        async def pass_on(request, call_next):
            return await call_next(request)

    app.seen, app.seen_to_the_end, app.go_on = [], [], threading.Event()

    @hooks.on(webhooks.SmsReceived)
    def see(event):
        app.seen.append(event.payload.message)
        if event.payload.message == "slow":
            app.go_on.wait(LIMIT)
        app.seen_to_the_end.append(event.payload.message)

    return app


@pytest.fixture
def server(app):
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=running.run)
    thread.start()
    eventually(lambda: running.started)
    running.seen = app.seen
    yield running
    app.go_on.set()
    running.should_exit = True
    thread.join()


@pytest.fixture
def connect(server):
    opened = []

    def connect():
        opened.append(socket.create_connection(server.servers[0].sockets[0].getsockname(), timeout=LIMIT))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


def head(headers, *more):
    lines = ["POST /sms HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items()), *more]
    return "\r\n".join([*lines, "", ""]).encode()


def status(connection):
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def test_body_in_chunks_is_taken_and_one_without_an_end_is_refused_at_the_limit(server, connect, phone):
    body = phone.envelope(message="in chunks")
    connection = connect()
    connection.sendall(head(phone.signed(body), "Transfer-Encoding: chunked"))
    for byte in (body[:1], body[1:]):
        connection.sendall(b"%x\r\n%b\r\n" % (len(byte), byte))
    connection.sendall(b"0\r\n\r\n")
    assert status(connection) == 200

    endless = connect()
    endless.sendall(head(phone.signed(body), "Transfer-Encoding: chunked"))
    for _ in range(7):
        endless.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
    assert status(endless) == 413
    eventually(lambda: server.seen == ["in chunks"])


def test_client_that_leaves_in_the_middle_of_the_body_leaves_nothing_behind(server, connect, phone, caplog):
    body = phone.envelope(message="whole")
    leaving = connect()
    leaving.sendall(head(phone.signed(body), f"Content-Length: {len(body)}") + body[:-1])
    leaving.close()
    staying = connect()
    staying.sendall(head(phone.signed(body), f"Content-Length: {len(body)}") + body)

    assert status(staying) == 200
    eventually(lambda: server.seen == ["whole"])
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("X-Signature: " + "0" * 64, 401),
        ("X-Timestamp: 1", 401),
        ("X-Signature:", 200),
        ("X-Other: " + "x" * 30_000, 200),
        ("X-Signature: " + "é" * 64, 401),
    ],
)
def test_headers_that_nobody_should_send(connect, phone, more, expected):
    body = phone.envelope()
    connection = connect()

    connection.sendall(head(phone.signed(body), more, f"Content-Length: {len(body)}") + body)

    assert status(connection) == expected


def test_crowd_that_delivers_one_event_has_it_handled_once(server, connect, phone):
    body = phone.envelope(message="once")
    crowd = [connect() for _ in range(30)]
    for connection in crowd:
        connection.sendall(head(phone.signed(body), f"Content-Length: {len(body)}") + body)

    assert {status(connection) for connection in crowd} == {200}
    eventually(lambda: server.seen)
    assert server.seen == ["once"]


def test_answers_do_not_wait_for_handlers_on_a_connection_that_is_kept(app, connect, phone):
    connection = connect()
    for number in range(3):
        body = phone.envelope(message="slow")
        connection.sendall(head(phone.signed(body), f"Content-Length: {len(body)}") + body)
        assert status(connection) == 200
        eventually(lambda number=number: len(app.seen) == number + 1)

    assert app.seen_to_the_end == []
