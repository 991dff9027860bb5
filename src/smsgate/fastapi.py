"""SMSGate in FastAPI: a router that receives events, one client for the whole application, errors as answers.

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
from smsgate._core.error_text import shown
from smsgate._core.limits import capped, seconds
from smsgate.receiver import AsyncSigningKey, Decision, EventStore, MemoryStore, Receiver, SQLiteStore
from smsgate.receiver._handlers import Handlers
from smsgate.receiver._receiver import CONCURRENCY, DRAIN, MAX_ATTEMPTS, WINDOW
from smsgate.receiver._verification import MAX_BODY, MAX_UNVERIFIED, TOLERANCE, UNREADABLE

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
    "WebhookAnswer",
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


class WebhookAnswer(BaseModel):
    """What a phone is told; it looks at the status only."""

    reason: str = Field(description="One word for programs, such as `accepted`, `repeated` or `signature_mismatch`.")
    detail: str = Field(description="One sentence for people.")


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": WebhookAnswer, "description": "Accepted, received before, or an event that nobody handles"},
    400: {"model": WebhookAnswer, "description": "The signature is good, but the body is no event"},
    401: {"model": WebhookAnswer, "description": "The signature is missing or wrong, or too old"},
    413: {"model": WebhookAnswer, "description": "The body is too large"},
    "default": {"model": WebhookAnswer, "description": "The event could not be stored: to be sent again"},
}

# --- receiving --------------------------------------------------------------------------------------------------------


class WebhookRouter(APIRouter, Handlers):
    """A router with one route, ``POST path``, that receives events: verified, each once, answered at once.

    Include it into an application like any router; how events are kept and handlers repeated says `Receiver`.

    Args:
        path: where events are received.
        signing_key: one key, several, or by device id: mapping, function or async function.
        encryptor: decrypts the recipient in reports about encrypted messages.
        tolerance: how far a request's time stamp may be from now; None for any distance.
        store: where events are kept until they are handled, one for each router: default is a `MemoryStore`, which a
            restart empties. Take an `SQLiteStore` in production, above all with several workers.
        window: how long repetitions are noticed.
        max_body: bytes; larger bodies are answered 413.
        max_unverified: bytes; where a function looks keys up, larger bodies are answered 413, too: it is asked before
            the sender is known. Raise it, up to ``max_body``, to receive larger MMS.
        max_attempts: how often an event is handled before it is set aside.
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
        self._drain = seconds("drain", drain)
        Handlers.__init__(self, self.receiver)
        APIRouter.__init__(self, lifespan=self._live)
        self.add_api_route(
            path,
            _documented,
            methods=["POST"],
            name="receive_event",
            summary="Receive an event from a phone",
            response_class=JSONResponse,
            responses=_RESPONSES,
            tags=tags,
            include_in_schema=include_in_schema,
            openapi_extra={"parameters": _HEADERS},
            route_class_override=_route_class(self.receiver, drain),
        )

    @asynccontextmanager
    async def _live(self, _app: object) -> AsyncGenerator[None, None]:
        async with self.receiver.running(drain=self._drain):
            yield


class _CheckedRequest(Request):
    """A request whose body was read and checked: FastAPI gets the event itself, which it has nothing to parse about."""

    decision: Decision
    raw: bytes
    receiver: Receiver
    drain: float

    async def body(self) -> bytes:
        return b"{}"

    async def json(self) -> Any:
        return self.decision.event


def _route_class(receiver: Receiver, drain: float) -> type[APIRoute]:
    """Return the class of a route that checks raw requests before FastAPI looks at them."""

    class WebhookRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def check_and_handle(request: Request) -> Response:
                decision, body = await _read(receiver, request)
                if decision.event is None:
                    return _answer(decision)
                checked = _CheckedRequest(_as_json(request), request.receive)
                checked.decision, checked.raw = decision, body
                checked.receiver, checked.drain = receiver, drain
                return await handle(checked)

            return check_and_handle

    return WebhookRoute


async def _documented(
    event: Annotated[webhooks.Event, Body()],  # noqa: ARG001 - for the schema
    request: Request,
    tasks: BackgroundTasks,
) -> Response:
    """An event of a phone, signed with the key that its app shows.

    The answer comes before the event is handled.
    """
    checked = request if isinstance(request, _CheckedRequest) else None
    if checked is None:
        raise errors.ConfigurationError("a WebhookRouter cannot be copied route by route; include it as a whole")
    outcome = await checked.receiver.accept(checked.decision, checked.raw)
    tasks.add_task(outcome.linger, checked.drain)
    return _answer(outcome.decision)


async def _read(receiver: Receiver, request: Request) -> tuple[Decision, bytes]:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            refusal = receiver.check_size(len(body))
            if refusal:
                return refusal, b""
    except ClientDisconnect:
        return UNREADABLE, b""
    raw = bytes(body)
    return await receiver.check(raw, request.headers), raw


def _as_json(request: Request) -> dict[str, Any]:
    """Return the request's scope, with the content type that makes FastAPI ask for JSON."""
    headers = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
    return {**request.scope, "headers": [*headers, (b"content-type", b"application/json")]}


def _answer(decision: Decision) -> JSONResponse:
    closing = {"Connection": "close"} if decision.reason == "too_large" else None  # the rest was not read
    return JSONResponse(decision.document, decision.status, closing)


# --- one client for the application -----------------------------------------------------------------------------------


def lifespan_client(
    client: AsyncAPIClient | str | None = None, password: str | None = None, **options: Any
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return a lifespan that gives the application one `AsyncAPIClient` and closes it at the end.

    Pass it as ``FastAPI(lifespan=…)``, or enter it in a lifespan of yours: ``async with lifespan_client()(app): …``.

    Args:
        client: a client to share, or the login for one to be made. Neither: the environment says how to make it.
        password: the account's password, when a login is given; or a token, without a login.
        options: other arguments of `AsyncAPIClient`.

    Raises:
        ConfigurationError: options for a client that is made already.
    """
    if isinstance(client, AsyncAPIClient) and (password is not None or options):
        raise errors.ConfigurationError("a client that is made already takes no options")

    def made() -> AsyncAPIClient:
        if isinstance(client, AsyncAPIClient):
            return client
        if client is None and password is None and "auth" not in options:
            return AsyncAPIClient.from_env(**options)
        return AsyncAPIClient(client, password, **options)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with made() as shared:
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

# --- errors as answers ------------------------------------------------------------------------------------------------

_CALLER = {
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.BadRequestError: 422,
    errors.UnprocessableEntityError: 422,
    errors.InvalidRequestError: 422,
    errors.PayloadTooLargeError: 413,
    errors.PayloadError: 400,
    errors.WebhookError: 401,
}
"""Errors that the caller's input made, in order; they are told in full."""

_GATEWAY: dict[type[errors.SMSGateError], tuple[int, str]] = {
    errors.RateLimitError: (503, "The SMS gateway is busy."),
    errors.ServiceUnavailableError: (503, "The SMS gateway is not ready."),
    errors.GatewayTimeoutError: (504, "The SMS gateway did not answer in time."),
    errors.RequestTimeoutError: (504, "The SMS gateway did not answer in time."),
    errors.WaitTimeoutError: (504, "The message was not finished in time."),
    errors.SendOutcomeUnknownError: (502, "It is not known whether the SMS gateway took the message."),
    errors.TransportError: (502, "The SMS gateway could not be reached."),
    errors.APIError: (502, "The SMS gateway refused the call."),
    errors.ResponseError: (502, "The SMS gateway's answer could not be read."),
    errors.SMSGateError: (500, "The SMS gateway is not set up correctly."),
}
"""Errors between the application and the gateway, in order; the caller learns no more than the kind."""


def install_error_handlers(app: FastAPI) -> None:
    """Answer a request whose code raises an `SMSGateError` with a problem document (RFC 9457) instead of 500.

    What the caller's input has caused is 4xx and told in full: 404, 409, 413, 422. What went wrong between the
    application and the gateway, its own credentials included, is 502, 503 or 504, without details; these are in the
    log, as errors of the logger ``smsgate.fastapi``.
    """

    async def answer(_request: Request, error: Exception) -> Response:
        return _problem(error)

    app.add_exception_handler(errors.SMSGateError, answer)


def _problem(error: Exception) -> Response:
    status = next((status for kind, status in _CALLER.items() if isinstance(error, kind)), None)
    detail = str(error)
    if status is None:
        status, detail = next(told for kind, told in _GATEWAY.items() if isinstance(error, kind))
        code = f" {error.status_code}" if isinstance(error, errors.APIError) else ""
        _log.error("answered %d: %s%s", status, type(error).__name__, code, exc_info=error)
    document: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    document["detail"] = shown(error.message) if isinstance(error, errors.APIError) and status < 500 else detail  # noqa: PLR2004
    if isinstance(error, errors.SendOutcomeUnknownError) and error.message_id:
        document["message_id"] = error.message_id
    wait = getattr(error, "retry_after", None)
    headers = {"Retry-After": f"{capped(max(0.0, wait)):.0f}"} if _is_number(wait) else {}
    return JSONResponse(document, status, headers, media_type="application/problem+json")


def _is_number(wait: object) -> TypeGuard[float]:
    """Tell whether a ``retry_after`` can be told: programs may set what they like."""
    return isinstance(wait, int) or (isinstance(wait, float) and not math.isnan(wait))
