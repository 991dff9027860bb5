"""Speed of the stub server itself, which no client can exceed."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

__all__ = ["ServerSpeed", "measure"]

REQUEST = b"POST /3rdparty/v1/messages HTTP/1.1\r\nHost: stub\r\nContent-Length: 106\r\n\r\n" + b"x" * 106
SPENT = b"GET /spent HTTP/1.1\r\nHost: stub\r\n\r\n"
CHUNK = 1 << 16


@dataclass(frozen=True)
class ServerSpeed:
    """Microseconds per request: the server's processor time, and the round trip of a bare socket."""

    server_us: float
    round_trip_us: float

    def __str__(self) -> str:
        return (
            f"the stub server spends {self.server_us:.0f} µs of processor time on a request "
            f"(at most {1e6 / self.server_us:,.0f} a second); "
            f"a bare socket's round trip takes {self.round_trip_us:.0f} µs"
        )


def measure(port: int, count: int) -> ServerSpeed:
    """Send a number of requests over one bare socket."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        spent, wall = _spent(connection), time.perf_counter()
        for _ in range(count):
            connection.sendall(REQUEST)
            connection.recv(CHUNK)
        wall = time.perf_counter() - wall
        return ServerSpeed((_spent(connection) - spent) / count * 1e6, wall / count * 1e6)


def _spent(connection: socket.socket) -> float:
    connection.sendall(SPENT)
    return float(connection.recv(CHUNK).rpartition(b"\r\n")[2])
