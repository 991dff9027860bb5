"""Router that receives events."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Body, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from smsgate import errors, webhooks
from smsgate.receiver import (
    CONCURRENCY,
    DRAIN,
    INCOMPLETE,
    MAX_ATTEMPTS,
    MAX_BODY,
    MAX_UNVERIFIED,
    TOLERANCE,
    WINDOW,
    AsyncSigningKey,
    Decision,
    EventStore,
    Handlers,
    Receiver,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import timedelta
    from enum import Enum

_HEADERS = [
    {
        "name": "X-Signature",
        "in": "header",
        "required": True,
        "description": "HMAC-SHA256 over the body and the time stamp, as hex.",
        "schema": {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"},
    },
    {
        "name": "X-Timestamp",
        "in": "header",
        "required": True,
        "description": "When this attempt was signed, in Unix seconds.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,12}$"},
    },
]


class WebhookResponse(BaseModel):
    """The response to an event; phones look at the status only."""

    reason: str = Field(description="One word for programs, such as `accepted`, `repeated` or `signature_mismatch`.")
    detail: str = Field(description="One sentence for people.")


_DESCRIPTIONS: dict[int | str, str] = {
    HTTPStatus.OK.value: "Accepted, received before, or an event that nobody handles",
    HTTPStatus.BAD_REQUEST.value: "The signature is good, but the body is no event",
    HTTPStatus.UNAUTHORIZED.value: "The signature is missing or wrong, or too old",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value: "The body is too large",
    "default": "The event could not be stored: to be sent again",
}


class WebhookRouter(APIRouter, Handlers):
    """A router with one route, ``POST path``, that verifies events and handles each once, after the response.

    Include it into an application like any router; see `Receiver` for storage and retries.

    Args:
        path: where events are received.
        signing_key: one key, several, or by device id: mapping, function or async function.
        encryptor: decrypts the recipient in reports about encrypted messages.
        tolerance: how far a request's time stamp may be from now; None for any distance.
        store: where events are kept until they are handled, one for each router: default is a `MemoryStore`, which a
            restart empties. Take an `SQLiteStore` in production, above all with several workers.
        window: how long duplicates are recognised.
        max_body: bytes; larger bodies get a 413.
        max_unverified: bytes; where a function looks keys up, larger bodies get a 413, too: it is called before the
            sender is known. Raise it, up to ``max_body``, to receive larger MMS.
        max_attempts: attempts to handle an event before it is set aside.
        concurrency: events handled at the same time.
        drain: seconds that a server which stops waits for handlers, first with its requests and then at the end of its
            lifespan: so it may take twice as long. What is not handled then stays in the store.
        tags: of the route, in the documentation.
        include_in_schema: whether the route shows up in the documentation.

    Raises:
        ConfigurationError: no key, an empty key, a wrong path, tolerance or limit.
    """

    def __init__(
        self,
        path: str,
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
        tags: list[str | Enum] | None = None,
        include_in_schema: bool = True,
    ) -> None:
        if not path.startswith("/"):
            raise errors.ConfigurationError("a path begins with a slash")
        self.receiver: Receiver = Receiver(
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
        lifespan = self.receiver.running(drain=drain)
        Handlers.__init__(self, self.receiver)
        APIRouter.__init__(self, lifespan=lambda _app: lifespan)
        self.add_api_route(
            path,
            _accept_event,
            methods=["POST"],
            name="receive_event",
            summary="Receive an event from a phone",
            response_class=JSONResponse,
            responses={key: {"model": WebhookResponse, "description": text} for key, text in _DESCRIPTIONS.items()},
            tags=tags,
            include_in_schema=include_in_schema,
            openapi_extra={"parameters": _HEADERS},
            route_class_override=_make_route_class(self.receiver, drain),
        )


class _VerifiedRequest(Request):
    """A verified request, whose JSON is the event itself, so that FastAPI does not parse the body again."""

    decision: Decision
    raw: bytes
    receiver: Receiver
    drain: float

    async def body(self) -> bytes:
        return b"{}"

    async def json(self) -> Any:
        return self.decision.event


def _make_route_class(receiver: Receiver, drain: float) -> type[APIRoute]:
    """Return a route class that verifies raw requests before FastAPI reads them."""

    class WebhookRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def verify_and_handle(request: Request) -> Response:
                decision, body = await _read_and_verify(receiver, request)
                if decision.event is None:
                    return _respond(decision)
                verified = _VerifiedRequest(_set_json_content_type(request), request.receive)
                verified.decision, verified.raw = decision, body
                verified.receiver, verified.drain = receiver, drain
                return await handle(verified)

            return verify_and_handle

    return WebhookRoute


async def _accept_event(
    event: Annotated[webhooks.Event, Body()],  # noqa: ARG001 - for the schema
    request: Request,
    tasks: BackgroundTasks,
) -> Response:
    """An event of a phone, signed with the key that its app shows.

    The response comes before the event is handled.
    """
    verified = request if isinstance(request, _VerifiedRequest) else None
    if verified is None:
        raise errors.ConfigurationError("a WebhookRouter cannot be copied route by route; include it as a whole")
    outcome = await verified.receiver.accept(verified.decision, verified.raw)
    tasks.add_task(outcome.linger, verified.drain)
    return _respond(outcome.decision)


async def _read_and_verify(receiver: Receiver, request: Request) -> tuple[Decision, bytes]:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            rejection = receiver.check_size(len(body))
            if rejection:
                return rejection, b""
    except ClientDisconnect:
        return INCOMPLETE, b""
    raw = bytes(body)
    return await receiver.check(raw, request.headers), raw


def _set_json_content_type(request: Request) -> dict[str, Any]:
    """Return the request's scope with the content type for which FastAPI reads JSON."""
    headers = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
    return {**request.scope, "headers": [*headers, (b"content-type", b"application/json")]}


def _respond(decision: Decision) -> JSONResponse:
    closing = {"Connection": "close"} if decision.reason == "too_large" else None  # the rest was not read
    return JSONResponse(decision.document, decision.status, closing)
