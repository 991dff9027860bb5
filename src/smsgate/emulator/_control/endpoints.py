"""Endpoints of the control API: their description, parsing of requests, and errors."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from smsgate.emulator._control.schemas import Problem, Schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from smsgate.emulator._control.controls import Controls
    from smsgate.emulator._control.inputs import Input

MAX_BODY = 32 * 1024 * 1024
SAFE_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""Headers that keep a response from pages of other origins, whatever they load it as."""


class ControlError(Exception):
    """Rejected control request.

    Args:
        status: the response's status.
        message: one sentence.
    """

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Call:
    """Parsed control request: path parameters, and query and body as the endpoint's models."""

    request: Request
    params: dict[str, str]
    query: Any
    body: Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation.

    Args:
        method: HTTP method.
        path: path below ``/_emulator``, with parameters in braces.
        handler: called with the controls and the parsed request; returns a value of ``response`` or a response.
        summary: one line for the documentation.
        response: type of the response; None for an empty one, or one that is not JSON.
        status: its status.
        query: type of the query, if there is one.
        body: type of the body, if there is one.
        is_body_optional: whether an empty body is an empty object.
        errors: further statuses that it may respond with.
        media_type: content type of a response that is not JSON.
    """

    method: str
    path: str
    handler: Callable[[Controls, Call], Any]
    summary: str
    response: type[Schema] | None = None
    status: HTTPStatus = HTTPStatus.OK
    query: type[Input] | None = None
    body: type[Input] | None = None
    is_body_optional: bool = False
    errors: tuple[HTTPStatus, ...] = field(default=())
    media_type: str | None = None

    async def respond(self, controls: Controls, request: Request) -> Response:
        """Handle a request."""
        try:
            call = await self._parse(request)
            found = self.handler(controls, call)
            result = await found if inspect.isawaitable(found) else found
        except ControlError as error:
            return problem(error.status, error.message)
        if isinstance(result, Response):
            return result
        return json_response(result, self.status) if result is not None else Response(status_code=self.status)

    async def _parse(self, request: Request) -> Call:
        query = None if self.query is None else validate(self.query, _query(request, self.query))
        body = None
        if self.body is not None:
            content = await _content(request)
            if not content and self.is_body_optional:
                content = b"{}"
            body = validate(self.body, content)
        return Call(request, dict(request.path_params), query, body)


def validate(model: type[Input], value: bytes | dict[str, Any]) -> Any:
    """Return the model of a body or a query.

    Raises:
        ControlError: it is not valid (400).
    """
    try:
        return model.model_validate_json(value) if isinstance(value, bytes) else model.model_validate(value)
    except ValidationError as error:
        raise ControlError(HTTPStatus.BAD_REQUEST, _sentence(error, model)) from None


def problem(status: HTTPStatus, message: str) -> Response:
    """Return the response that rejects a request."""
    return json_response(Problem(message=message), status)


def json_response(value: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return a response with a document."""
    return Response(value.model_dump_json(exclude_none=False), status, SAFE_HEADERS, "application/json")


def _query(request: Request, model: type[Input]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in model.LISTS:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


async def _content(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BODY:
            raise ControlError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_BODY} bytes")
    return bytes(content)


def _sentence(error: ValidationError, model: type[Input]) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"] if part not in _UNION_BRANCHES)
    if first["type"] in {"json_invalid", "model_type"}:
        return "the body is no JSON object"
    if first["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in model.model_fields.items()]
        return f"{place} is unknown; known are {', '.join(known)}" if len(first["loc"]) == 1 else f"{place} is unknown"
    if first["type"] == "missing":
        return f"{place} is missing"
    reason = first["msg"].removeprefix("Value error, ")
    _, should, rest = reason.partition(" should ")
    return f"{place} should {rest}" if should else f"{place}: {reason}" if place else reason


_UNION_BRANCHES = frozenset({"FaultInput", "str", "int", "function-before"})
