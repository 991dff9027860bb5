"""Starlette application of the control API and of the page."""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route, Router

from smsgate.emulator._control import docs_page, openapi
from smsgate.emulator._control.endpoints import problem
from smsgate.emulator._control.table import ENDPOINTS
from smsgate.emulator._control.views import PREFIX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from smsgate.emulator._control.controls import Controls
    from smsgate.emulator._control.endpoints import Endpoint

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
}
PAGES = frozenset({"/", PREFIX, f"{PREFIX}/", f"{PREFIX}/docs"})
"""Paths of documents for people, to which other sites may link."""

_PAGE_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class ControlApp:
    """Application of everything below ``/_emulator``, and of the page at ``/``."""

    def __init__(self, controls: Controls) -> None:
        routes = [
            *(Route(path, _page("index.html")) for path in ("/", PREFIX, f"{PREFIX}/")),
            Route(f"{PREFIX}/page/{{name}}", _asset),
            Route(f"{PREFIX}/openapi.json", _openapi),
            Route(f"{PREFIX}/docs", _docs),
            *(Route(PREFIX + one.path, _handler(controls, one), methods=[one.method]) for one in ENDPOINTS),
        ]
        allowed: dict[str, list[str]] = {}
        for route in routes:
            allowed.setdefault(route.path, []).extend(method for method in route.methods or () if method != "HEAD")
        wrong = [Route(path, _WrongMethod(methods)) for path, methods in allowed.items()]
        self._router = Router([*routes, *wrong], default=_unknown)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._router(scope, receive, send)


def _handler(controls: Controls, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        return await endpoint.respond(controls, request)

    return handle


class _WrongMethod:
    """Application for the other methods of a path; Starlette limits the methods of functions only."""

    def __init__(self, allowed: list[str]) -> None:
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"this path takes {' and '.join(self._allowed)} only"
        response = problem(HTTPStatus.METHOD_NOT_ALLOWED, message)
        response.headers["allow"] = ", ".join(self._allowed)
        await response(scope, receive, send)


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    response = problem(HTTPStatus.NOT_FOUND, f"there is nothing here; {PREFIX}/docs lists what there is")
    await response(scope, receive, send)


async def _openapi(_request: Request) -> Response:
    return Response(openapi.text(), media_type="application/json")


async def _docs(_request: Request) -> Response:
    headers = {**_PAGE_HEADERS, "content-security-policy": docs_page.POLICY}
    return Response(docs_page.html(), HTTPStatus.OK, headers, "text/html")


def _page(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        return _file(request, name)

    return handle


async def _asset(request: Request) -> Response:
    return _file(request, request.path_params["name"])


def _file(request: Request, name: str) -> Response:
    content = _static_files().get(name)
    if content is None:
        return problem(HTTPStatus.NOT_FOUND, "the page has no such file")
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {**_PAGE_HEADERS, "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(content, HTTPStatus.OK, headers, _TYPES[name.rpartition(".")[2]])


@cache
def _static_files() -> dict[str, bytes]:
    """Return the files of the page by their names; files of other types are not served."""
    folder = files("smsgate.emulator") / "_page" / "static"
    if not folder.is_dir():
        return {}
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in _TYPES}
