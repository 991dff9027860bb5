"""Deadline of chunked bodies over synchronous libraries.

These read the header of a chunk, and the trailers behind the last one, to their end before they return. A server that
sends those slowly delivers no content, so only another thread can enforce the deadline.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from smsgate._backends.transport_errors import exchange_timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self


class BodyDeadline:
    """A ``with`` block in which a body is read; at its deadline the connection is shut down and the block fails.

    Args:
        deadline: time on the monotonic clock; None for no deadline.
        headers: the response's headers. Only chunked bodies need this: all other reads return in time.
        shut_down: shuts down the connection that another thread reads from; None without a connection.
    """

    def __init__(
        self, deadline: float | None, headers: Mapping[str, str], shut_down: Callable[[], object] | None
    ) -> None:
        self._lock = threading.Lock()
        self._ended = False
        self._expired = False
        self._shut_down = shut_down
        self._timer: threading.Timer | None = None
        if deadline is not None and shut_down is not None and "transfer-encoding" in headers:
            self._timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._expire)
            self._timer.daemon = True

    def __enter__(self) -> Self:
        if self._timer is not None:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if self._timer is None:
            return
        self._timer.cancel()
        with self._lock:
            self._ended = True
        if self._expired and (kind is None or issubclass(kind, Exception)):
            raise exchange_timeout(sent=True)

    def _expire(self) -> None:
        with self._lock:
            if not self._ended and self._shut_down is not None:
                self._expired = True
                self._shut_down()


def shut_down(sock: socket.socket) -> None:
    """Shut down a socket. The method of a TLS socket would remove its TLS state while another thread reads."""
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
