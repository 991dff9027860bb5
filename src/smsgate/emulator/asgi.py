"""A gateway over a port: a plain ASGI application for any ASGI server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from smsgate.emulator.routing import MAX_BODY
from smsgate.http import Request, Timeout

if TYPE_CHECKING:
    from smsgate.emulator.gateway import Gateway

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class EmulatorApp:
    """Serves one gateway.

    A body that outgrows the server's limit is answered before it has been read to its end, and the connection closed.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or the lifespan protocol."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        content, whole = await _body(receive)
        response = self._gateway.handle(_request(scope, content))
        headers = [(name.encode("latin-1"), value.encode()) for name, value in response.headers.items()]
        if not whole:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})


async def _body(receive: Receive) -> tuple[bytes, bool]:
    content = bytearray()
    while len(content) <= MAX_BODY:
        event = await receive()
        content += event.get("body", b"")
        if not event.get("more_body", False):
            return bytes(content), True
    return bytes(content), False


def _request(scope: Scope, content: bytes) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope.get("raw_path") or scope["path"].encode()
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    url = f"http://{headers.get('host', 'localhost')}{path.decode('latin-1')}{query}"
    return Request(scope["method"], url, headers, content or None, Timeout())


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
