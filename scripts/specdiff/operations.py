"""Operations of a document in a normal form: one spelling of paths, bodies and parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .documents import Document, JsonObject

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

UNSECURED = "none"
"""Security of an operation that needs no credentials."""

PREFIX = re.compile(r"^(/api)?/3rdparty/v1(?=/|$)")
"""Where the servers mount what our document describes relative to the base URL."""

_MOUNT_POINT = re.compile(r"(/api)?/3rdparty/v1$")

_PLACEHOLDER = re.compile(r"\{([^}]*)\}")
_ABOUT_A_PARAMETER = {"name", "in", "required", "deprecated", "description", "allowEmptyValue", "collectionFormat"}


@dataclass(frozen=True)
class Parameter:
    """One parameter in path, query or header."""

    required: bool
    schema: JsonObject
    deprecated: bool


@dataclass(frozen=True)
class Body:
    """What a request carries: schemas by media type."""

    required: bool
    media: dict[str, JsonObject]


@dataclass(frozen=True)
class Response:
    """Response of one status: schemas by media type, and header schemas by lower-case name."""

    media: dict[str, JsonObject]
    headers: dict[str, JsonObject]


@dataclass(frozen=True)
class Operation:
    """One method on one path.

    Parameters have keys such as `query/limit`; `security` names the credentials between which a program may choose.
    """

    path: str
    method: str
    security: frozenset[str]
    deprecated: bool
    parameters: dict[str, Parameter]
    body: Body | None
    responses: dict[str, Response]


def shape_of_path(path: str) -> str:
    """Return a path without the names of its placeholders, for which two documents need not agree."""
    return _PLACEHOLDER.sub("{}", path)


def placeholders(path: str) -> list[str]:
    """Return the names of the path parameters in the order of the path."""
    return _PLACEHOLDER.findall(path)


def read_operations(document: Document, aliases: Mapping[str, str], known: set[str]) -> dict[str, Operation]:
    """Return the operations of a document by `/path/{}/method`.

    A path loses the mount point and, unless it is `known` as it is, gets the usual name of its first segment. Where two
    paths of one document become the same, the second keeps its own spelling if it says something else.
    """
    found: dict[str, Operation] = {}
    for original, method, raw, shared in _raw_operations(document, "paths"):
        path = PREFIX.sub("", original).rstrip("/") or "/"
        if shape_of_path(path) not in known:
            first, *rest = path[1:].split("/", 1)
            path = "/".join(["", aliases.get(first, first), *rest])
        operation = _Reader(document).operation(path, method, raw, shared)
        key = f"{shape_of_path(path)}/{method}"
        if key in found and found[key] != operation:
            key = f"{shape_of_path(original)}/{method}"
        found[key] = operation
    return found


def read_webhooks(document: Document) -> dict[str, Operation]:
    """Return the webhooks of an OpenAPI 3.1 document by `/NAME/method`."""
    return {
        f"/{name}/{method}": _Reader(document).operation(f"/{name}", method, raw, shared)
        for name, method, raw, shared in _raw_operations(document, "webhooks")
    }


def read_servers(document: Document) -> set[str]:
    """Return the base URLs of a document without the mount point; variables stay as they are."""
    if document.form == "openapi":
        servers = document.sequence(document.root.get("servers"), "servers")
        urls = [str(document.mapping(server, "servers").get("url")) for server in servers]
    else:
        host, base = document.root.get("host"), str(document.root.get("basePath", ""))
        schemes = document.sequence(document.root.get("schemes"), "schemes") or ["https"]
        urls = [f"{scheme}://{host}{base}" for scheme in schemes] if host else []
    return {_MOUNT_POINT.sub("", url.rstrip("/")) for url in urls}


def _raw_operations(document: Document, section: str) -> Iterator[tuple[str, str, JsonObject, list[Any]]]:
    for name, value in document.mapping(document.root.get(section), section).items():
        item = document.follow(value, name)
        shared = document.sequence(item.get("parameters"), f"{name} parameters")
        for method in METHODS:
            if method in item:
                yield name, method, document.mapping(item[method], f"{name} {method}"), shared


@dataclass
class _Reader:
    document: Document

    def operation(self, path: str, method: str, raw: JsonObject, shared: list[Any]) -> Operation:
        where = f"{path} {method}"
        own = self.document.sequence(raw.get("parameters"), f"{where} parameters")
        parameters = [self.document.follow(each, f"{where} parameters") for each in (*shared, *own)]
        responses = self.document.mapping(raw.get("responses"), f"{where} responses")
        return Operation(
            path=path,
            method=method,
            security=self._security(raw, f"{where} security"),
            deprecated=raw.get("deprecated") is True,
            parameters=dict(
                self._parameter(each) for each in parameters if str(each.get("in")) not in {"body", "formData"}
            ),
            body=self._body(raw, parameters, where),
            responses={
                status: self._response(self.document.follow(value, f"{where} {status}"), raw)
                for status, value in responses.items()
                if not status.startswith("x-")
            },
        )

    def _parameter(self, raw: JsonObject) -> tuple[str, Parameter]:
        place, name = str(raw.get("in")), str(raw.get("name"))
        key = f"{place}/{name.lower() if place == 'header' else name}"
        required = place == "path" or raw.get("required") is True
        return key, Parameter(required, self._inline_schema(raw), raw.get("deprecated") is True)

    def _security(self, raw: JsonObject, where: str) -> frozenset[str]:
        """Return the choices: the schemes that are needed together, by what they put into the request."""
        choices = self.document.sequence(raw.get("security", self.document.root.get("security")), where)
        needed = [self.document.mapping(choice, where) for choice in choices] or [{}]
        return frozenset(
            " and ".join(sorted(self._credentials(name, scopes) for name, scopes in choice.items())) or UNSECURED
            for choice in needed
        )

    def _credentials(self, name: str, scopes: Any) -> str:
        scheme = self.document.security_scheme(name)
        kind = str(scheme.get("scheme", scheme.get("type", name))).lower()
        if kind == "apikey":
            place, key = str(scheme.get("in")), str(scheme.get("name"))
            # Swagger 2 has no other way to describe bearer tokens.
            kind = "bearer" if (place, key.lower()) == ("header", "authorization") else f"{place} {key}"
        rights = sorted(str(scope) for scope in self.document.sequence(scopes, name))
        return f"{kind}({' '.join(rights)})" if rights else kind

    def _inline_schema(self, raw: JsonObject) -> JsonObject:
        """Swagger 2 writes the schema of a parameter or header into the parameter itself."""
        if self.document.form == "openapi":
            return self.document.mapping(raw.get("schema"), "schema")
        return {key: value for key, value in raw.items() if key not in _ABOUT_A_PARAMETER}

    def _body(self, raw: JsonObject, parameters: list[JsonObject], where: str) -> Body | None:
        if self.document.form == "openapi":
            if "requestBody" not in raw:
                return None
            body = self.document.follow(raw["requestBody"], f"{where} requestBody")
            return Body(body.get("required") is True, self._media(body, where))
        whole = [each for each in parameters if each.get("in") == "body"]
        parts = [each for each in parameters if each.get("in") == "formData"]
        if whole:
            schema = self.document.mapping(whole[0].get("schema"), f"{where} schema")
            kinds = self._kinds(raw, "consumes")
            return Body(whole[0].get("required") is True, dict.fromkeys(kinds, schema))
        if parts:
            properties = {str(each.get("name")): self._inline_schema(each) for each in parts}
            required = [str(each.get("name")) for each in parts if each.get("required") is True]
            form: JsonObject = {"type": "object", "properties": properties, "required": required}
            return Body(bool(required), {"application/x-www-form-urlencoded": form})
        return None

    def _response(self, raw: JsonObject, operation: JsonObject) -> Response:
        headers = self.document.mapping(raw.get("headers"), "headers")
        if self.document.form == "openapi":
            media = self._media(raw, "response")
        else:
            schema = self.document.mapping(raw.get("schema"), "schema")
            media = dict.fromkeys(self._kinds(operation, "produces"), _schema_of_bytes(schema)) if schema else {}
        return Response(
            media,
            {name.lower(): self._inline_schema(self.document.follow(value, name)) for name, value in headers.items()},
        )

    def _kinds(self, raw: JsonObject, word: str) -> list[str]:
        kinds = self.document.sequence(raw.get(word, self.document.root.get(word)), word)
        return [_bare(str(kind)) for kind in kinds] or ["application/json"]

    def _media(self, raw: JsonObject, where: str) -> dict[str, JsonObject]:
        content = self.document.mapping(raw.get("content"), f"{where} content")
        media: dict[str, JsonObject] = {}
        for kind, value in content.items():
            media[_bare(kind)] = _schema_of_bytes(
                self.document.mapping(self.document.mapping(value, kind).get("schema"), f"{kind} schema")
            )
        return media


def _bare(kind: str) -> str:
    return kind.partition(";")[0].strip().lower()


def _schema_of_bytes(schema: JsonObject) -> JsonObject:
    """Raw bytes need no schema; the older documents spell them out."""
    said = {key: value for key, value in schema.items() if key != "description"}
    return {} if said in ({"type": "string", "format": "binary"}, {"type": "file"}) else schema
