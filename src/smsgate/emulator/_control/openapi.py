"""OpenAPI document of the control API, made from its endpoints."""

from __future__ import annotations

import json
import re
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from smsgate.constants import VERSION
from smsgate.emulator._control.schemas import Problem
from smsgate.emulator._control.table import ENDPOINTS
from smsgate.emulator._control.views import PREFIX

if TYPE_CHECKING:
    from pydantic import BaseModel

    from smsgate.emulator._control.endpoints import Endpoint

_REF = "#/components/schemas/{model}"
_CONVERTER = re.compile(r":\w+}")
_REASONS = {
    HTTPStatus.BAD_REQUEST: "The request is not valid.",
    HTTPStatus.FORBIDDEN: "The request comes from a page of another origin, or by a host name that is not allowed.",
    HTTPStatus.NOT_FOUND: "There is no such thing.",
    HTTPStatus.CONFLICT: "The mode of the emulator does not have it.",
}


@cache
def document() -> dict[str, Any]:
    """Return the document."""
    wanted: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [(Problem, "serialization")]
    for endpoint in ENDPOINTS:
        if endpoint.body:
            wanted.append((endpoint.body, "validation"))
        if endpoint.response:
            wanted.append((endpoint.response, "serialization"))
    references, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        path = PREFIX + _CONVERTER.sub("}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "smsgate emulator: control API",
            "version": VERSION,
            "description": "Controls an emulated gateway: what was sent, incoming messages, time, faults, deliveries.",
        },
        "paths": paths,
        "components": {"schemas": definitions["$defs"]},
    }


@cache
def text() -> bytes:
    """Return the document as JSON."""
    return json.dumps(document(), indent=1, ensure_ascii=False).encode()


def _operation(endpoint: Endpoint, references: Any) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": endpoint.summary,
        "tags": [endpoint.path.split("/")[1]],
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint)],
        "responses": _responses(endpoint, references),
    }
    if endpoint.body is not None:
        schema = references[endpoint.body, "validation"]
        operation["requestBody"] = {
            "required": not endpoint.is_body_optional,
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)(?::\w+)?}", endpoint.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = TypeAdapter(endpoint.query).json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", []),
            "schema": {key: value for key, value in field.items() if key != "title"},
        }
        for name, field in schema["properties"].items()
    ]


def _responses(endpoint: Endpoint, references: Any) -> dict[str, Any]:
    success: dict[str, Any] = {"description": endpoint.status.phrase}
    if endpoint.response is not None:
        schema = references[endpoint.response, "serialization"]
        success["content"] = {"application/json": {"schema": schema}}
    elif endpoint.media_type is not None:
        success["content"] = {endpoint.media_type: {"schema": {"type": "string"}}}
    rejection = {"application/json": {"schema": references[Problem, "serialization"]}}
    statuses = [HTTPStatus.FORBIDDEN, *endpoint.errors]
    if endpoint.query or endpoint.body:
        statuses.append(HTTPStatus.BAD_REQUEST)
    errors = {str(status.value): {"description": _REASONS[status], "content": rejection} for status in sorted(statuses)}
    return {str(endpoint.status.value): success, **errors}
