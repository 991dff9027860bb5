"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeGuard

from fastapi.responses import JSONResponse

from smsgate import errors
from smsgate.runtime.printable import escape

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

_log = logging.getLogger("smsgate.fastapi")

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

    Errors caused by the caller's input are 404, 409, 413 or 422, with the error's full text. Failures between the
    application and the gateway, its own credentials included, are 502, 503 or 504, without details; they are logged as
    errors by ``smsgate.fastapi``.

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
