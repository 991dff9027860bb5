"""The backend that the guide shows keeps to the contract where examples are easily wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smsgate.errors import ConnectError, TransportError

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "http-backends.md"


@pytest.fixture
def documented():
    """The class in the guide, without the lines that use it."""
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "class " in block]
    names = {}
    exec(code.split("\nwith APIClient(")[0], names)
    return names["PlainHttpClient"]()


def test_whole_answer_arrives(server, documented, ask):
    assert documented.send(ask(f"{server.origin}/a?b=1", "POST", b"{}")).content == b"{}"
    assert (server.requests[0].target, server.requests[0].body) == ("/a?b=1", b"{}")


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_body_cut_off_is_no_answer(server, documented, ask, framing):
    head = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n5\r\nhello"
    server.script = lambda connection, _: (connection.send(head), connection.close())

    with pytest.raises(TransportError) as caught:
        documented.send(ask(f"{server.origin}/"))

    assert caught.value.sent is True


def test_error_inside_a_download_block_is_passed_on(server, documented, ask):
    with pytest.raises(OSError, match="mine"), documented.stream(ask(f"{server.origin}/")):
        raise OSError("mine")


def test_failures_say_what_was_sent(server, documented, ask, unused_port):
    with pytest.raises(ConnectError) as refused:
        documented.send(ask(f"http://127.0.0.1:{unused_port}/"))
    server.script = lambda connection, _: connection.close()
    with pytest.raises(TransportError) as closed:
        documented.send(ask(f"{server.origin}/"))

    assert (refused.value.sent, closed.value.sent) == (False, None)
