"""Stub server: one process and one selector loop with constant responses; it ends when its input ends.

Its first line of output is JSON: the ports that respond at once (``fast``) and after a pause (``slow``). The
response to ``/spent`` is the processor time that the server has used so far, in seconds.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from collections import deque
from selectors import EVENT_READ, DefaultSelector

from .responses import respond, response

__all__ = ["PAUSE", "Connection", "main"]

PAUSE = 0.05
CHUNK = 1 << 14
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection:
    """Buffer of one connection: the bytes of an incomplete request."""

    __slots__ = ("_rest", "pause", "socket")

    def __init__(self, accepted: socket.socket, pause: float) -> None:
        self.socket = accepted
        self.pause = pause
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes and return the responses to the requests that are complete now."""
        data = self._rest + data
        responses: list[bytes] = []
        while (end := data.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(data, 0, end)
            total = end + 4 + (int(length[1]) if length else 0)
            if len(data) < total:
                break
            method, target, _ = data.split(b" ", 2)
            body = data[end + 4 : total]
            responses.append(
                response(200, time.process_time()) if target == b"/spent" else respond(method, target, body)
            )
            data = data[total:]
        self._rest = data
        return responses


class Stub:
    """Server of any number of connections until the standard input ends."""

    def __init__(self) -> None:
        self._selector = DefaultSelector()
        self._late: deque[tuple[float, Connection, bytes]] = deque()

    def listen(self, pause: float) -> int:
        """Open a port whose responses come after a pause in seconds."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._selector.register(listener, EVENT_READ, pause)
        return int(listener.getsockname()[1])

    def run(self) -> None:
        """Serve until the standard input ends, which it does when the bench does."""
        self._selector.register(sys.stdin, EVENT_READ, None)
        while True:
            wait = max(0.0, self._late[0][0] - time.monotonic()) if self._late else None
            for key, _ in self._selector.select(wait):
                if isinstance(key.data, Connection):
                    self._read(key.data)
                elif isinstance(key.fileobj, socket.socket):
                    self._accept(key.fileobj, key.data)
                elif not sys.stdin.readline():
                    return
            while self._late and self._late[0][0] <= time.monotonic():
                _, connection, content = self._late.popleft()
                send(connection, content)

    def _accept(self, listener: socket.socket, pause: float) -> None:
        accepted, _ = listener.accept()
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(accepted, EVENT_READ, Connection(accepted, pause))

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(connection.socket)
            connection.socket.close()
            return
        for content in connection.feed(data):
            if connection.pause:
                self._late.append((time.monotonic() + connection.pause, connection, content))
            else:
                send(connection, content)


def send(connection: Connection, content: bytes) -> None:
    """Write a response; a closed connection is ignored."""
    try:
        connection.socket.sendall(content)
    except OSError:
        return


def main() -> None:
    """Open the ports, print them, and serve."""
    stub = Stub()
    print(json.dumps({"fast": stub.listen(0.0), "slow": stub.listen(PAUSE)}), flush=True)
    stub.run()


if __name__ == "__main__":
    main()
