"""Health documents and the API catalogue: what the cloud server answers without credentials."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from smsgate.emulator.answers import json_answer, text_answer
from smsgate.emulator.routing import Call, route

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator.books import Books

SERVER_VERSION = "1.47.1"
"""The server whose behaviour is imitated."""

CATALOG_LINK = '</.well-known/api-catalog>; rel="api-catalog"'
_CATALOG_TYPE = 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
_CATALOG_PER_MINUTE = 60
_GOROUTINES = 42
_MEMORY = 17


def _check(description: str, unit: str, value: int, status: str = "pass") -> dict[str, Any]:
    return {"description": description, "observedUnit": unit, "observedValue": value, "status": status}


def live(_books: Books, _call: Call) -> Response:
    """Answer ``GET /health/live``: a process is up, whatever its database does."""
    checks = {
        "system:goroutines": _check("Number of goroutines", "goroutines", _GOROUTINES),
        "system:memory": _check("Memory usage", "MiB", _MEMORY),
    }
    return json_answer(200, {"status": "pass", "version": SERVER_VERSION, "checks": checks})


def ready(books: Books, _call: Call) -> Response:
    """Answer ``GET /health`` and ``/health/ready``: 503 while the database is down."""
    books.failed_pings = books.failed_pings + 1 if books.down else 0
    status = "fail" if books.down else "pass"
    checks = {"db:ping": _check("Database ping", "failed pings", books.failed_pings, status)}
    document = {"status": status, "version": SERVER_VERSION, "checks": checks}
    return json_answer(503 if books.down else 200, document)


def startup(_books: Books, _call: Call) -> Response:
    """Answer ``GET /health/startup``: no checks."""
    return json_answer(200, {"status": "pass", "version": SERVER_VERSION})


def catalog(books: Books, call: Call) -> Response:
    """Answer ``GET /.well-known/api-catalog``, 60 times a minute."""
    now = books.now()
    reads = books.catalog_reads
    while reads and reads[0] <= now - timedelta(minutes=1):
        reads.popleft()
    if len(reads) >= _CATALOG_PER_MINUTE:
        wait = max(1, round((reads[0] + timedelta(minutes=1) - now).total_seconds()))
        return text_answer(429, "Too Many Requests", {"retry-after": str(wait)})
    reads.append(now)
    base = f"https://{call.host}/api"
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
    return json_answer(200, {"linkset": [entry]}, headers)


HEALTH_ROUTES = (
    route("GET", "health", "", ready),
    route("GET", "health/live", "", live),
    route("GET", "health/ready", "", ready),
    route("GET", "health/startup", "", startup),
)
CATALOG_ROUTES = (route("GET", ".well-known/api-catalog", "", catalog),)
