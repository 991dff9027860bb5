"""Results and errors from HTTP responses."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar, cast

from smsgate._core.base_url import is_phone
from smsgate._core.hints import ErrorContext, find_hint
from smsgate._http import Response
from smsgate.errors import (
    APIError,
    ConfigurationError,
    ResponseError,
    error_class,
)
from smsgate.retry import retry_after_seconds
from smsgate.runtime.types import UnreadableError

if TYPE_CHECKING:
    from datetime import datetime

    from smsgate.runtime.types import Operation

T = TypeVar("T")


def is_success(status: int) -> bool:
    """Tell whether a status is a 2xx."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def check_response(response: object) -> None:
    """Reject what a user's backend must not return.

    Raises:
        ConfigurationError: it is no `Response`, its status is no number, or it has no content.
    """
    content: Any = getattr(response, "content", None)
    if not isinstance(response, Response) or not isinstance(response.status, int) or content is None:
        raise ConfigurationError(
            "the http backend's send must return a Response of smsgate.http, with an int as status and bytes as content"
        )


def parse_response(operation: Operation[T], response: Response) -> T:
    """Return the parsed body of a successful response.

    Raises:
        ResponseError: its body cannot be read.
    """
    try:
        return operation.parse(response.status, response.headers, response.content)
    except UnreadableError as error:
        page = response.content.lstrip().startswith(b"<")
        hint = " (it is a web page: does base_url point to the gateway?)" if page else ""
        raise ResponseError(f"{error}{hint}", status_code=response.status, body=response.content) from error


def body_size_error(what: str, option: str, size: int) -> ResponseError:
    """Return the error of a body that exceeds a size limit of the client."""
    return ResponseError(f"the {what} is larger than {size} bytes: {option} of the client sets this limit")


def build_api_error(
    operation: Operation[Any], response: Response, base_url: str, authorization: str | None, now: datetime
) -> APIError:
    """Return the error of an error status. The body is read as JSON, regardless of its content type."""
    document = parse_json(response.content)
    text: Any = cast("dict[str, Any]", document).get("message") if isinstance(document, dict) else None
    message = text if isinstance(text, str) and text else _status_phrase(response.status)
    is_own = message is text or (is_phone(base_url) and not response.content)  # a phone's 401 is empty
    location = response.headers.get("location")
    context = ErrorContext(operation, response.status, message, base_url, authorization, is_own, location)
    error = error_class(response.status)(
        message,
        response.status,
        document,
        body=response.content,
        method=operation.method,
        path=operation.path,
        request_id=response.headers.get("x-request-id"),
        hint=find_hint(context),
    )
    error.data = operation.read_error(response.status, response.headers, response.content)
    error.retry_after = retry_after_seconds(response.headers, now)
    return error


def parse_json(content: bytes) -> Any:
    """Return a JSON value, None for what is no JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _status_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"
