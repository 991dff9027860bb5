"""One call from operation to answer: authenticate, send, repeat where that is safe, read or raise."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from smsgate._async import io
from smsgate.ahttp import AsyncHttpClient, AsyncStreamedResponse, Request, Response, Timeout, get_client
from smsgate.answers import api_error, read
from smsgate.auth import Auth, bearer
from smsgate.errors import TransportError
from smsgate.retry import RetryPolicy, decide, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from smsgate_api.types import Operation

__all__ = ["Exchange"]

T = TypeVar("T")


class Exchange:
    """Knows where the gateway is, who asks, and through which HTTP backend."""

    def __init__(
        self,
        *,
        base_url: str,
        auth: Auth,
        http: AsyncHttpClient | str | None,
        timeout: Timeout,
        retry: RetryPolicy,
        user_agent: str,
    ) -> None:
        self.base_url = base_url
        self._auth = auth
        self._timeout = timeout
        self._retry = retry
        self._headers = {"Accept": "application/json", "User-Agent": user_agent}
        self._http_name = http if isinstance(http, str) else None
        self._http: AsyncHttpClient | None = get_client(http) if isinstance(http, str) else http

    async def run(self, operation: Operation[T]) -> T:
        """Return what the operation returns.

        Raises:
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        return read(operation, await self.answer(operation), self.base_url)

    async def answer(self, operation: Operation[Any]) -> Response:
        """Return the last answer, whatever its status, after the repetitions that the retry policy allows."""
        http = self._backend()
        request = self._request(operation)
        begun = io.now()
        attempt = 0
        while True:
            attempt += 1
            try:
                response = await http.send(request)
            except TransportError as failure:
                wait = self._wait(operation, failure, attempt, io.now() - begun)
                if wait is None:
                    raise
            else:
                wait = self._wait(operation, response, attempt, io.now() - begun)
                if wait is None:
                    return response
            await io.sleep(wait)

    @asynccontextmanager
    async def stream(self, operation: Operation[bytes]) -> AsyncGenerator[AsyncStreamedResponse]:
        """Open a successful answer whose body arrives in chunks; an error status raises as in `run`."""
        async with self._backend().stream(self._request(operation)) as response:
            if not 200 <= response.status < 300:  # noqa: PLR2004 - the success range of HTTP
                content = await io.join(response.chunks)
                raise api_error(operation, Response(response.status, response.headers, content), self.base_url)
            yield response

    async def aclose(self) -> None:
        """Close the backend's connections; the next call opens them again."""
        if self._http is not None:
            await self._http.aclose()

    def _backend(self) -> AsyncHttpClient:
        if self._http is None:
            self._http = get_client()
        return self._http

    def _request(self, operation: Operation[Any]) -> Request:
        url = self.base_url + operation.path
        if operation.query:
            url = f"{url}?{operation.query}"
        headers = dict(self._headers)
        if operation.auth == "client":
            headers["Authorization"] = self._auth.authorization()
        elif operation.auth == "refresh":
            headers["Authorization"] = bearer(operation.token or "")
        if operation.content is not None:
            headers["Content-Type"] = "application/json"
        return Request(operation.method, url, headers, operation.content, self._timeout)

    def _wait(
        self,
        operation: Operation[Any],
        outcome: Response | TransportError,
        attempt: int,
        elapsed: float,
    ) -> float | None:
        """Return the seconds to wait before another attempt, or None when this one was the last."""
        if operation.auth == "none":  # health is asked once: its answer is about this moment
            return None
        status = sent = retry_after = None
        if isinstance(outcome, TransportError):
            sent = outcome.sent
        else:
            status = outcome.status
            if status < 400:  # noqa: PLR2004 - no error
                return None
            retry_after = retry_after_seconds(outcome.headers, datetime.now(timezone.utc))
        return decide(
            self._retry,
            operation.repeat,
            status=status,
            sent=sent,
            retry_after=retry_after,
            attempt=attempt,
            elapsed=elapsed,
            draw=random.random(),  # noqa: S311 - spreads retries, guards nothing
        )
