"""Checks of what answers at a URL: mode, path, health and clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smsgate.cli.failures import ExitCode
from smsgate.cli.findings import Finding, Level
from smsgate.cli.json_types import as_mapping

if TYPE_CHECKING:
    from smsgate.http import Response

_PATHS = ("/api/3rdparty/v1", "/3rdparty/v1", "")
"""Paths of the API: private servers, the public cloud, a phone's local server."""
_SKEW = 60
_LARGEST_SKEW = 300
"""Seconds; webhooks whose time is further away are rejected."""
_TIMEOUT = 10.0


def is_local_mode(url: str) -> bool:
    """Tell whether a URL is that of a phone's local server, which has no ``3rdparty`` in its path."""
    return "3rdparty" not in urlsplit(url).path


def check_gateway(url: str) -> Iterator[Finding]:
    """Yield findings about the server; the last one is an error when it is no gateway."""
    from smsgate import TransportError

    try:
        response = ask_health(url)
    except TransportError as error:
        yield Finding("gateway", Level.ERROR, str(error), "try again; then ask the operator", ExitCode.NOT_REACHED)
        return
    health = read_health(response)
    if health is None or (is_local_mode(url) and _is_of_cloud(health)):
        yield _find_other_path(url, response)
        return
    mode = "a phone's local server" if is_local_mode(url) else "a cloud or private server"
    version = f", version {health['version']}" if isinstance(health.get("version"), str) else ""
    yield Finding("gateway", Level.OK, f"{mode}{version}")
    yield _check_clock(response)
    yield _check_health(health)


def ask_health(url: str) -> Response:
    """Return the response to a health request without credentials.

    Raises:
        TransportError: no response came.
    """
    from smsgate import APIClient, RetryPolicy
    from smsgate_api import operations

    with APIClient("unused", "unused", base_url=url, retry=RetryPolicy.none(), timeout=_TIMEOUT) as client:
        return client.execute_raw(operations.health())


def read_health(response: Response) -> dict[str, Any] | None:
    """Return the health document of a response; None when it is something else."""
    try:
        document = as_mapping(json.loads(response.content)) or {}
    except (ValueError, RecursionError):
        return None
    is_health = document.get("status") in ("pass", "warn", "fail") and as_mapping(document.get("checks")) is not None
    return document if is_health else None


def _is_of_cloud(health: dict[str, Any]) -> bool:
    """Tell whether a health document is of a cloud or private server, which also serves it at the root."""
    return "db:ping" in health["checks"]


def _find_other_path(url: str, response: Response) -> Finding:
    """Return an error that names the right URL, when there is a gateway under another path of the host."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    for path in _PATHS:
        if path != parts.path.rstrip("/") and _is_gateway(origin + path):
            text = f"there is no gateway at {url}, but one at {origin}{path}"
            return Finding("gateway", Level.ERROR, text, f"use --url {origin}{path}", ExitCode.USAGE)
    page = "an HTML page" if b"<html" in response.content[:2000].lower() else f"{len(response.content)} bytes"
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST
    moved = response.headers.get("location") if is_redirect else None
    if moved is not None:
        text = f"the server redirects to {_find_host(moved) or moved}; the client follows no redirects"
        return Finding("gateway", Level.ERROR, text, "write that address into --url", ExitCode.USAGE)
    text = f"there is a web server, but no gateway: {response.status} and {page}"
    return Finding("gateway", Level.ERROR, text, "check host, port and path of --url", ExitCode.NOT_REACHED)


def _find_host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rsplit("@", 1)[-1]
    except ValueError:
        return ""


def _is_gateway(url: str) -> bool:
    from smsgate import TransportError

    try:
        return read_health(ask_health(url)) is not None
    except TransportError:
        return False


def _check_clock(response: Response) -> Finding:
    try:
        server = parsedate_to_datetime(response.headers["date"])
    except (KeyError, TypeError, ValueError):
        return Finding("clock", Level.NOTE, "the server tells no time")
    difference = abs((datetime.now(timezone.utc) - server.astimezone(timezone.utc)).total_seconds())
    text = f"this clock and the server's differ by {difference:.0f} s"
    if difference > _LARGEST_SKEW:
        return Finding("clock", Level.ERROR, f"{text}: webhooks and tokens will be rejected", "set the clock (NTP)")
    if difference > _SKEW:
        return Finding("clock", Level.WARNING, text, "set the clock (NTP)")
    return Finding("clock", Level.OK, text)


def _check_health(health: dict[str, Any]) -> Finding:
    checks = as_mapping(health["checks"]) or {}
    bad = sorted(name for name, one in checks.items() if (as_mapping(one) or {}).get("status") not in ("pass", None))
    if health["status"] == "fail":
        return Finding("health", Level.ERROR, f"the gateway reports a failure: {', '.join(bad)}", "ask its operator")
    if health["status"] == "warn":
        return Finding("health", Level.WARNING, f"the gateway reports warnings: {', '.join(bad)}")
    return Finding("health", Level.OK, "the gateway is healthy")
