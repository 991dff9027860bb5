"""Whole responses read from streams, bounded in size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgate._http import AsyncClosedOnExit, ClosedOnExit, Response
from smsgate.errors import TransportError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from smsgate._http import AsyncStreamedResponse, Request, StreamedResponse


def read_response(response: StreamedResponse, limit: int) -> Response:
    """Read a response to its end.

    Args:
        response: the response, of which nothing was read.
        limit: bytes of the body, decompressed, that are read at most.

    Raises:
        TransportError: the body is larger, or its compression is damaged.
    """
    body = _Body(limit)
    for chunk in response.chunks:
        body.append(chunk)
    return Response(response.status, response.headers, body.join())


async def aread_response(response: AsyncStreamedResponse, limit: int) -> Response:
    """Read a response to its end, see `read_response`; the stream that it came from closes the chunks."""
    body = _Body(limit)
    async for chunk in response.chunks:
        body.append(chunk)
    return Response(response.status, response.headers, body.join())


class StreamingClient(ClosedOnExit):
    """A synchronous adapter whose `send` reads a stream to its end."""

    def send(self, request: Request) -> Response:
        """Send one request and return the response with its whole body."""
        with self.stream(request) as response:
            return read_response(response, request.max_size)

    def stream(self, request: Request) -> AbstractContextManager[StreamedResponse]:
        """Send one request; the body of the response arrives in chunks."""
        raise NotImplementedError


class AsyncStreamingClient(AsyncClosedOnExit):
    """An asynchronous adapter whose `send` reads a stream to its end."""

    async def send(self, request: Request) -> Response:
        """Send one request and return the response with its whole body."""
        async with self.stream(request) as response:
            return await aread_response(response, request.max_size)

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncStreamedResponse]:
        """Send one request; the body of the response arrives in chunks."""
        raise NotImplementedError


class _Body:
    """A body in parts, bounded in size."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def append(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._limit:
            raise TransportError(
                f"the response is larger than {self._limit} bytes; max_json_size of the client raises this limit",
                sent=True,
            )
        self._parts.append(chunk)

    def join(self) -> bytes:
        return b"".join(self._parts)
