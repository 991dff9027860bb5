"""Log of the requests to a served gateway, in a bounded memory and without credentials."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smsgate.runtime.locks import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smsgate._http import Request, Response

MAX_ENTRIES = 1000
MAX_BYTES = 16 * 1024 * 1024
MAX_BODY = 64 * 1024
_ENTRY_BYTES = 1024  # of everything but bodies, roughly
_SECRETS = re.compile(
    r'("(?:access_token|refresh_token|token|password|passphrase|signing_key|private_token)"\s*:\s*")(?:[^"\\]|\\.)*'
)
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})


@dataclass(slots=True)
class LoggedRequest:
    """One exchange; ``response`` is None when none reached the client, ``is_cut`` when a body was too long to keep.

    ``size`` is what it takes in bytes, roughly.
    """

    id: int
    at: datetime
    duration: float
    request: Request = field(repr=False)
    response: Response | None = field(repr=False)
    fault: str | None
    size: int = field(repr=False)
    is_cut: bool

    @property
    def status(self) -> int | None:
        """Status of the response."""
        return None if self.response is None else self.response.status

    @property
    def request_body(self) -> bytes:
        """Body of the request, or its beginning."""
        return self.request.content or b""

    @property
    def response_body(self) -> bytes:
        """Body of the response, or its beginning."""
        return b"" if self.response is None else self.response.content

    @property
    def target(self) -> tuple[str, str]:
        """Path and query."""
        parts = urlsplit(self.request.url)
        return parts.path, parts.query

    def has(self, search: str) -> bool:
        """Return whether a casefolded text is in the request line, status, fault or a body."""
        path, query = self.target
        line = f"{self.request.method} {path}{'?' if query else ''}{query} {self.status or ''} {self.fault or ''}"
        return any(
            search in text.casefold()
            for text in (line, redact_body(self.request_body), redact_body(self.response_body))
        )


class RequestLog:
    """The last requests. Threads may share it."""

    def __init__(self) -> None:
        self._entries: deque[LoggedRequest] = deque()
        self._lock = ForkSafeLock()
        self._count = 0
        self._size = 0

    def add(self, request: Request, response: Response | None, fault: str | None, duration: float) -> LoggedRequest:
        """Take note of an exchange that took a number of seconds; old ones are forgotten."""
        is_cut = False
        if request.content is not None and len(request.content) > MAX_BODY:
            request, is_cut = replace(request, content=request.content[:MAX_BODY]), True
        if response is not None and len(response.content) > MAX_BODY:
            response, is_cut = replace(response, content=response.content[:MAX_BODY]), True
        size = _ENTRY_BYTES + len(request.content or b"") + (0 if response is None else len(response.content))
        at = datetime.now(timezone.utc)
        with self._lock:
            self._count += 1
            entry = LoggedRequest(self._count, at, duration, request, response, fault, size, is_cut)
            self._entries.append(entry)
            self._size += size
            while len(self._entries) > MAX_ENTRIES or self._size > MAX_BYTES:
                self._size -= self._entries.popleft().size
        return entry

    def __len__(self) -> int:
        return len(self._entries)

    def newest_first(self) -> list[LoggedRequest]:
        """Return the entries from the latest to the oldest."""
        with self._lock:
            return list(reversed(self._entries))

    def find(self, number: int) -> LoggedRequest | None:
        """Return the entry with this id, if it is still there."""
        with self._lock:
            return next((entry for entry in reversed(self._entries) if entry.id == number), None)

    def clear(self) -> None:
        """Forget all entries; ids go on."""
        with self._lock:
            self._entries.clear()
            self._size = 0


def redact_body(body: bytes) -> str:
    """Return a body as text, with the values of secrets replaced by ``…``."""
    return _SECRETS.sub(r"\1…", body.decode(errors="replace"))


def redact_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return headers, credentials by their scheme only."""
    return [(name, _redact_value(name, value)) for name, value in headers.items()]


def _redact_value(name: str, value: str) -> str:
    if name.lower() not in _SECRET_HEADERS:
        return value
    scheme, separator, _ = value.partition(" ")
    return f"{scheme} …" if separator else "…"
