"""From an HTTP response to what a call returns, or to the exception that it raises. Pure."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar, cast

from smsgate._core.base_url import is_phone
from smsgate._core.hints import Refusal, hint_for
from smsgate.errors import (
    APIError,
    ConfigurationError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    error_class,
)
from smsgate.retry import retry_after_seconds
from smsgate.runtime.types import UnreadableError

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.runtime.types import Operation

__all__ = ["api_error", "read", "too_large", "wrong_response_type"]

T = TypeVar("T")


def wrong_response_type() -> ConfigurationError:
    """Return the error for what a backend of the user's own returned; whether the request had an effect is unknown."""
    return ConfigurationError("the http backend's send must return a Response of smsgate.http")


def read(operation: Operation[T], response: Response) -> T:
    """Return what a successful answer says.

    Raises:
        ResponseError: its body cannot be read.
    """
    try:
        return operation.parse(response.status, response.headers, response.content)
    except UnreadableError as error:
        page = response.content.lstrip().startswith(b"<")
        hint = " (it is a web page: does base_url point to the gateway?)" if page else ""
        raise ResponseError(f"{error}{hint}", status_code=response.status, body=response.content) from error


def too_large(what: str, option: str, size: int) -> ResponseError:
    """Return the error of a body that is longer than an option of the client allows."""
    return ResponseError(f"the {what} is larger than {size} bytes: {option} of the client sets this limit")


def api_error(
    operation: Operation[Any], response: Response, base_url: str, authorization: str | None = None
) -> APIError:
    """Build the exception for an error status; the body decides what it says, not its content type."""
    document = _json(response.content)
    said: Any = cast("dict[str, Any]", document).get("message") if isinstance(document, dict) else None
    message = said if isinstance(said, str) and said else _usual_name(response.status)
    error = error_class(response.status)(
        message,
        response.status,
        document,
        body=response.content,
        method=operation.method,
        path=operation.path,
        request_id=response.headers.get("x-request-id"),
        hint=hint_for(
            Refusal(
                operation,
                response.status,
                message,
                base_url,
                authorization,
                is_own=message is said or (is_phone(base_url) and not response.content),  # a phone's 401 is empty
                location=response.headers.get("location"),
            )
        ),
    )
    if isinstance(error, RateLimitError | ServiceUnavailableError):
        error.retry_after = retry_after_seconds(response.headers, datetime.now(timezone.utc))
    return error


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _usual_name(status: int) -> str:
    from http import HTTPStatus  # noqa: PLC0415 - slow to import, and needed for nameless errors only

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"
