"""HTTP backends that call a gateway in the same process, without a connection."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Protocol

from smsgate._http import AsyncClosedOnExit, AsyncStreamedResponse, ClosedOnExit, StreamedResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from smsgate._http import Request, Response
    from smsgate.emulator.faults import ServedExchange

CHUNK = 64 * 1024


class Exchanges(Protocol):
    """Protocol of a gateway, for the adapters."""

    def handle(self, request: Request) -> Response:
        """Handle one request."""
        ...

    def play(self, request: Request) -> ServedExchange:
        """Carry out one exchange on the gateway's side."""
        ...


class GatewayHttp(ClosedOnExit):
    """A synchronous backend (`smsgate.http.HttpClient`) over `Gateway.handle`."""

    def __init__(self, gateway: Exchanges) -> None:
        self._gateway = gateway

    def send(self, request: Request) -> Response:
        """Exchange one request for its response."""
        return self._gateway.handle(request)

    @contextmanager
    def stream(self, request: Request) -> Generator[StreamedResponse, None, None]:
        """Exchange one request for a response whose body comes in chunks."""
        played = self._gateway.play(request)
        response = played.partial_response()
        yield StreamedResponse(response.status, response.headers, _chunks(played, response.content))

    def close(self) -> None:
        """Do nothing: there is no connection."""


class AsyncGatewayHttp(AsyncClosedOnExit):
    """An asynchronous backend (`smsgate.ahttp.AsyncHttpClient`) over `Gateway.handle`."""

    def __init__(self, gateway: Exchanges) -> None:
        self._gateway = gateway

    async def send(self, request: Request) -> Response:
        """Exchange one request for its response."""
        return self._gateway.handle(request)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncStreamedResponse, None]:
        """Exchange one request for a response whose body comes in chunks."""
        played = self._gateway.play(request)
        response = played.partial_response()
        yield AsyncStreamedResponse(response.status, response.headers, _async_chunks(played, response.content))

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""


def _chunks(played: ServedExchange, content: bytes) -> Generator[bytes, None, None]:
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]
    if played.is_broken:
        played.result()


async def _async_chunks(played: ServedExchange, content: bytes) -> AsyncGenerator[bytes, None]:
    for chunk in _chunks(played, content):
        yield chunk
