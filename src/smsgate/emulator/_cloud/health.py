"""Health documents and the API catalogue of the cloud server, which need no credentials."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.responses import json_response, text_response
from smsgate.emulator._http.routing import ParsedRequest, route

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator._state.state import GatewayState

SERVER_VERSION = "1.47.1"
"""Version of the server that is emulated."""

CATALOG_LINK = '</.well-known/api-catalog>; rel="api-catalog"'
_CATALOG_TYPE = 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
_CATALOG_PER_MINUTE = 60
_GOROUTINES = 42
_MEMORY = 17


def _check(description: str, unit: str, value: int, status: str = "pass") -> dict[str, Any]:
    return {"description": description, "observedUnit": unit, "observedValue": value, "status": status}


def live(_state: GatewayState, _request: ParsedRequest) -> Response:
    """Handle ``GET /health/live``: the process is running; the database is not checked."""
    checks = {
        "system:goroutines": _check("Number of goroutines", "goroutines", _GOROUTINES),
        "system:memory": _check("Memory usage", "MiB", _MEMORY),
    }
    return json_response(200, {"status": "pass", "version": SERVER_VERSION, "checks": checks})


def ready(state: GatewayState, _request: ParsedRequest) -> Response:
    """Handle ``GET /health`` and ``/health/ready``: 503 while the database is down."""
    state.failed_pings = state.failed_pings + 1 if state.down else 0
    status = "fail" if state.down else "pass"
    checks = {"db:ping": _check("Database ping", "failed pings", state.failed_pings, status)}
    document = {"status": status, "version": SERVER_VERSION, "checks": checks}
    return json_response(503 if state.down else 200, document)


def startup(_state: GatewayState, _request: ParsedRequest) -> Response:
    """Handle ``GET /health/startup``: no checks."""
    return json_response(200, {"status": "pass", "version": SERVER_VERSION})


def catalog(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``GET /.well-known/api-catalog``, 60 times a minute."""
    now = state.now()
    reads = state.catalog_reads
    while reads and reads[0] <= now - timedelta(minutes=1):
        reads.popleft()
    if len(reads) >= _CATALOG_PER_MINUTE:
        wait = max(1, round((reads[0] + timedelta(minutes=1) - now).total_seconds()))
        return text_response(429, "Too Many Requests", {"retry-after": str(wait)})
    reads.append(now)
    base = f"https://{request.host}/api"
    entry = {
        "anchor": f"{base}/3rdparty/v1",
        "service-desc": [{"href": f"{base}/docs/doc.json", "type": "application/json"}],
        "service-doc": [{"href": "https://docs.sms-gate.app/", "type": "text/html"}],
        "status": [{"href": f"{base}/3rdparty/v1/health/ready", "type": "application/json"}],
    }
    headers = {
        "content-type": _CATALOG_TYPE,
        "cache-control": "public, max-age=3600",
        "link": CATALOG_LINK,
        "x-ratelimit-limit": str(_CATALOG_PER_MINUTE),
        "x-ratelimit-remaining": str(_CATALOG_PER_MINUTE - len(reads)),
        "x-ratelimit-reset": "60",
    }
    return json_response(200, {"linkset": [entry]}, headers)


HEALTH_ROUTES = (
    route("GET", "health", "", ready),
    route("GET", "health/live", "", live),
    route("GET", "health/ready", "", ready),
    route("GET", "health/startup", "", startup),
)
CATALOG_ROUTES = (route("GET", ".well-known/api-catalog", "", catalog),)
