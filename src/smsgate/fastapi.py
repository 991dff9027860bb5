"""FastAPI integration: a router that receives events, one client for the whole application, errors as responses.

::

    client = AsyncAPIClient.from_env()
    app = FastAPI(lifespan=lifespan_client(client))
    hooks = WebhookRouter("/sms", signing_key=key)

    @hooks.on(webhooks.SmsReceived)
    async def reply(event: webhooks.SmsReceived) -> None: ...

    app.include_router(hooks)

Needs ``smsgate[fastapi]``.
"""

from __future__ import annotations

import logging
import math
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from smsgate._extras import missing

try:
    from fastapi import APIRouter, BackgroundTasks, Body, Depends, FastAPI, Request, Response
    from fastapi.requests import HTTPConnection  # noqa: TC002 - FastAPI reads annotations
    from fastapi.responses import JSONResponse
    from fastapi.routing import APIRoute
    from starlette.requests import ClientDisconnect
except ImportError as error:
    raise ImportError(missing("smsgate.fastapi", "fastapi")) from error

from typing import TypeGuard

from pydantic import BaseModel, Field

from smsgate import AsyncAPIClient, errors, webhooks
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
    MemoryStore,
    Receiver,
    SQLiteStore,
)
from smsgate.runtime.printable import escape

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager
    from datetime import timedelta
    from enum import Enum

__all__ = [
    "EventStore",
    "MemoryStore",
    "SQLiteStore",
    "SharedClient",
    "WebhookResponse",
    "WebhookRouter",
    "install_error_handlers",
    "lifespan_client",
    "shared_client",
]

_log = logging.getLogger("smsgate.fastapi")

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


_RESPONSES: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK.value: {
        "model": WebhookResponse,
        "description": "Accepted, received before, or an event that nobody handles",
    },
    HTTPStatus.BAD_REQUEST.value: {
        "model": WebhookResponse,
        "description": "The signature is good, but the body is no event",
    },
    HTTPStatus.UNAUTHORIZED.value: {
        "model": WebhookResponse,
        "description": "The signature is missing or wrong, or too old",
    },
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value: {"model": WebhookResponse, "description": "The body is too large"},
    "default": {"model": WebhookResponse, "description": "The event could not be stored: to be sent again"},
}

# --- receiving --------------------------------------------------------------------------------------------------------


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
        self.receiver = Receiver(
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
            responses=_RESPONSES,
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


# --- one client for the application -----------------------------------------------------------------------------------


def lifespan_client(
    client: AsyncAPIClient | str | None = None, password: str | None = None, **options: Any
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return a lifespan that gives the application one `AsyncAPIClient` and closes it at the end.

    Pass it as ``FastAPI(lifespan=…)``, or enter it in a lifespan of yours: ``async with lifespan_client()(app): …``.

    Args:
        client: a client to share, or the login for a new one. Without credentials `AsyncAPIClient.from_env` makes it.
        password: the account's password, with a login; or a token, without a login.
        options: other arguments of `AsyncAPIClient`.

    Raises:
        ConfigurationError: options for a client that is made already.
    """
    if isinstance(client, AsyncAPIClient) and (password is not None or options):
        raise errors.ConfigurationError("a client that is made already takes no options")

    def make_client() -> AsyncAPIClient:
        if isinstance(client, AsyncAPIClient):
            return client
        if client is None and password is None and "auth" not in options:
            return AsyncAPIClient.from_env(**options)
        return AsyncAPIClient(client, password, **options)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with make_client() as shared:
            app.state.smsgate_client = shared
            try:
                yield
            finally:
                del app.state.smsgate_client

    return lifespan


def shared_client(connection: HTTPConnection) -> AsyncAPIClient:
    """Return the application's client: a dependency, for ``Depends(shared_client)``.

    Raises:
        ConfigurationError: the application runs without `lifespan_client`.
    """
    client = getattr(connection.app.state, "smsgate_client", None)
    if not isinstance(client, AsyncAPIClient):
        raise errors.ConfigurationError("the application has no client: FastAPI(lifespan=lifespan_client(...))")
    return client


SharedClient: TypeAlias = Annotated[AsyncAPIClient, Depends(shared_client)]
"""The application's client as a parameter of a path operation: ``client: SharedClient``."""

# --- errors as responses ----------------------------------------------------------------------------------------------

_CALLER = {
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.BadRequestError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnprocessableEntityError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidRequestError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PayloadTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.PayloadError: HTTPStatus.BAD_REQUEST,
    errors.WebhookError: HTTPStatus.UNAUTHORIZED,
}
"""Errors that the caller's input caused, in order; the caller gets their full text."""

_GATEWAY: dict[type[errors.SMSGateError], tuple[HTTPStatus, str]] = {
    errors.RateLimitError: (HTTPStatus.SERVICE_UNAVAILABLE, "The SMS gateway is busy."),
    errors.ServiceUnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, "The SMS gateway is not ready."),
    errors.GatewayTimeoutError: (HTTPStatus.GATEWAY_TIMEOUT, "The SMS gateway did not answer in time."),
    errors.RequestTimeoutError: (HTTPStatus.GATEWAY_TIMEOUT, "The SMS gateway did not answer in time."),
    errors.WaitTimeoutError: (HTTPStatus.GATEWAY_TIMEOUT, "The message was not finished in time."),
    errors.SendOutcomeUnknownError: (
        HTTPStatus.BAD_GATEWAY,
        "It is not known whether the SMS gateway took the message.",
    ),
    errors.TransportError: (HTTPStatus.BAD_GATEWAY, "The SMS gateway could not be reached."),
    errors.APIError: (HTTPStatus.BAD_GATEWAY, "The SMS gateway refused the call."),
    errors.ResponseError: (HTTPStatus.BAD_GATEWAY, "The SMS gateway's answer could not be read."),
    errors.SMSGateError: (HTTPStatus.INTERNAL_SERVER_ERROR, "The SMS gateway is not set up correctly."),
}
"""Errors between the application and the gateway, in order; the caller gets no details."""
_MAX_RETRY_AFTER = 100 * 365 * 86_400.0  # seconds; what a server asks for may not even be finite


def install_error_handlers(app: FastAPI) -> None:
    """Turn an `SMSGateError` in a path operation into a problem document (RFC 9457) instead of a bare 500.

    What the caller's input has caused is 404, 409, 413 or 422, with the error's full text. What went wrong between the
    application and the gateway, its own credentials included, is 502, 503 or 504, without details; these are errors in
    the log of ``smsgate.fastapi``.

    Args:
        app: the application.
    """

    async def respond(_request: Request, error: Exception) -> Response:
        return _build_problem_response(error)

    app.add_exception_handler(errors.SMSGateError, respond)


def _build_problem_response(error: Exception) -> Response:
    status = next((status for kind, status in _CALLER.items() if isinstance(error, kind)), None)
    detail = escape(error.message) if isinstance(error, errors.APIError) else str(error)
    if status is None:
        status, detail = next(response for kind, response in _GATEWAY.items() if isinstance(error, kind))
        code = f" {error.status_code}" if isinstance(error, errors.APIError) else ""
        _log.error("answered %d: %s%s", status, type(error).__name__, code, exc_info=error)
    document: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    if isinstance(error, errors.SendOutcomeUnknownError) and error.message_id:
        document["message_id"] = error.message_id
    wait = getattr(error, "retry_after", None)
    headers = {"Retry-After": f"{min(max(0.0, wait), _MAX_RETRY_AFTER):.0f}"} if _is_number(wait) else {}
    return JSONResponse(document, status, headers, media_type="application/problem+json")


def _is_number(value: object) -> TypeGuard[float]:
    """Tell whether a value is a number; programs may set ``retry_after`` to anything."""
    return isinstance(value, int) or (isinstance(value, float) and not math.isnan(value))
