"""ASGI application of a receiver, for any server and any framework that takes one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from smsgate.receiver._options import (
    CONCURRENCY,
    DRAIN,
    MAX_ATTEMPTS,
    MAX_BODY,
    MAX_UNVERIFIED,
    TOLERANCE,
    WINDOW,
)
from smsgate.receiver._receiver import Outcome, Receiver
from smsgate.receiver._verification import INCOMPLETE, WRONG_METHOD, WRONG_PATH, AsyncSigningKey, Decision

if TYPE_CHECKING:
    from datetime import timedelta

    from smsgate import webhooks
    from smsgate.receiver._stores import EventStore

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class WebhookApp(Receiver):
    """Receives events at one URL, under asyncio and trio.

    Serve it by itself, or let a framework route to it: with Starlette ``Route("/sms", hooks)``.

    Args:
        path: where events are received, exactly; default is every path, for use behind a framework's routing.
        drain: seconds that a server which stops waits for handlers, first with its requests and then at the end of its
            lifespan: so it may take twice as long. What is not handled then stays in the store.
        signing_key: see `Receiver`, like the other arguments.

    Example:
        >>> from smsgate import webhooks
        >>> hooks = WebhookApp("/sms", signing_key="key of the phone")
        >>> @hooks.on(webhooks.SmsReceived)
        ... async def show(event: webhooks.SmsReceived) -> None:
        ...     print(event.payload.message)
    """

    def __init__(
        self,
        path: str | None = None,
        *,
        signing_key: webhooks.SigningKey | AsyncSigningKey,
        encryptor: webhooks.Decryptor | None = None,
        tolerance: timedelta | None = TOLERANCE,
        store: EventStore | None = None,
        window: timedelta = WINDOW,
        max_body: int = MAX_BODY,
        max_unverified: int = MAX_UNVERIFIED,
        max_attempts: int = MAX_ATTEMPTS,
        concurrency: int = CONCURRENCY,
        drain: float = DRAIN,
    ) -> None:
        super().__init__(
            signing_key=signing_key,
            encryptor=encryptor,
            tolerance=tolerance,
            store=store,
            window=window,
            max_body=max_body,
            max_unverified=max_unverified,
            max_attempts=max_attempts,
            concurrency=concurrency,
        )
        self._path = path
        self._drain = drain
        self._lifespan = self.running(drain=drain)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan of the server."""
        if scope["type"] == "lifespan":
            await self._serve_lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve_request(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._path is not None and _get_local_path(scope) != self._path:
            await _respond(send, WRONG_PATH)
        elif scope["method"] != "POST":
            await _respond(send, WRONG_METHOD, (b"allow", b"POST"))
        else:
            outcome = await self._receive(scope, receive)
            unread = outcome.decision.reason == "too_large"
            await _respond(send, outcome.decision, *([(b"connection", b"close")] if unread else []))
            await outcome.linger(self._drain)

    async def _receive(self, scope: Scope, receive: Receive) -> Outcome:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return Outcome(INCOMPLETE)
            body += message.get("body", b"")
            more = message.get("more_body", False)
            rejection = self.check_size(len(body))
            if rejection:
                return Outcome(rejection)
        return await self.receive(bytes(body), scope["headers"])

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._lifespan:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def _get_local_path(scope: Scope) -> str:
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


async def _respond(send: Send, decision: Decision, *headers: tuple[bytes, bytes]) -> None:
    content = json.dumps(decision.document).encode()
    described = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)), *headers]
    await send({"type": "http.response.start", "status": decision.status, "headers": described})
    await send({"type": "http.response.body", "body": content})
