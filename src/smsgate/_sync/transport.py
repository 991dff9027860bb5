# Written by scripts/unasync.py from src/smsgate/_async/transport.py; change that file instead.
"""HTTP exchange of one attempt: backend, request, hooks and log records."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Iterable, Mapping
from copy import copy
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from smsgate._core.attempts import (
    Answered,
    AttemptResult,
    CallState,
    Failed,
    classify_response,
    is_unauthorized,
    outage_failure,
    timeout_failure,
    transport_failure,
)
from smsgate._core.config import bound_timeout
from smsgate._core.hints import add_address
from smsgate._core.hooks import OnRequest, OnResponse, RequestEvent, ResponseEvent, log_end, log_send, logger
from smsgate._core.responses import body_size_error, check_response, is_success
from smsgate._http import MAX_BODY, HttpClient, Request, Response, Timeout
from smsgate._sync import io
from smsgate.errors import TransportError
from smsgate.http import choose_name, get_client
from smsgate_api import operations

if TYPE_CHECKING:
    from smsgate.runtime.types import Operation

R = TypeVar("R")
Send: TypeAlias = Callable[[Request], Response]

_OWN_HEADERS = frozenset(
    {"accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"}
)


class Backend:
    """HTTP backend of a client and its views, made on first use unless the user gave one.

    Args:
        http: the user's own backend, the name of one, or None for the default.
        connection: options of a backend that is made here.
    """

    def __init__(self, http: HttpClient | str | None, connection: Mapping[str, Any]) -> None:
        self._name = choose_name(http) if isinstance(http, str) else None
        self._connection = connection
        self._made: dict[str, HttpClient] = {}
        self.client: HttpClient | None = None if isinstance(http, str) else http

    def get(self) -> HttpClient:
        """Return the backend."""
        if self.client is None:
            name = choose_name(self._name)
            made = io.call_blocking(get_client, name, **self._connection)  # may import an HTTP library
            self.client = self._made.setdefault("http", made)  # atomic: all threads use the first one
        return self.client

    def close(self) -> None:
        """Close the backend; it opens again on its next use."""
        if self.client is not None:
            io.close(self.client)


class Transport:
    """Sends single requests through a backend.

    Args:
        base_url: the client's base URL.
        backend: the HTTP backend.
        timeout: limits of one request.
        max_json_size: bytes of a JSON response that the client accepts; the backend reads 64 MiB in any case.
        user_agent: the ``User-Agent`` header.
        on_request: the client's request hook.
        on_response: the client's response hook.
    """

    def __init__(
        self,
        base_url: str,
        backend: Backend,
        timeout: Timeout,
        *,
        max_json_size: int,
        user_agent: str,
        on_request: OnRequest | None,
        on_response: OnResponse | None,
    ) -> None:
        self.base_url = base_url
        self.backend = backend
        self.timeout = timeout
        self._max_size = max(MAX_BODY, max_json_size)
        self._headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": user_agent}
        self._on_request = on_request
        self._on_response = on_response

    def with_timeout(self, timeout: Timeout) -> Transport:
        """Return a transport with other limits over the same backend."""
        view = copy(self)
        view.timeout = timeout
        return view

    def exchange(
        self, operation: Operation[Any], authorization: str | None, call: CallState, send: Send | None = None
    ) -> AttemptResult:
        """Send one request and run the hooks.

        Args:
            operation: the operation.
            authorization: the ``Authorization`` header, None for none.
            call: the call that the request belongs to; its deadline bounds the request.
            send: sends the request in the place of the backend's ``send``.
        """
        timeout = self.timeout
        if call.deadline is not None:
            left = call.time_left(io.now())
            if left <= 0:
                return timeout_failure()
            timeout = bound_timeout(timeout, left)
        event = self._run_request_hook(operation, call)
        request = self._build_request(operation, authorization, event, timeout)
        begun = io.now()
        try:
            response = io.check_awaitable((send or (self.backend.client or self.backend.get()).send)(request))
        except BaseException as error:
            self._run_response_hook(event, None, error, begun)
            if isinstance(error, TransportError):
                return transport_failure(add_address(error, self.base_url))
            raise
        check_response(response)
        self._run_response_hook(event, response.status, None, begun)
        if is_success(response.status):
            return Answered(response)
        parts = (operation, response, self.base_url, authorization, datetime.now(timezone.utc))
        return io.compute(classify_response, *parts, in_thread=len(response.content) >= io.LARGE)

    def check_outage(self, result: R, call: CallState) -> R | Failed:
        """Return a 503 in the place of a 401 that an outage may have caused, and any other result as it is.

        The health check is made once per call, and again while it gets no response.
        """
        if not is_unauthorized(result):
            return result
        if call.outage is None:
            checking = CallState(call.policy, call.begun, attempts=1, deadline=call.deadline)
            health = self.exchange(operations.health(), None, checking)
            if health.response is not None:
                call.outage = health.response.status == HTTPStatus.SERVICE_UNAVAILABLE
        return result if call.outage is False else outage_failure(result, call)

    def _run_request_hook(self, operation: Operation[Any], call: CallState) -> RequestEvent | None:
        """Return the event of a request; None without hooks and a DEBUG log."""
        if self._on_request is None and self._on_response is None and not logger.isEnabledFor(logging.DEBUG):
            return None
        event = RequestEvent(operation.name, operation.method, operation.path, call.attempts)
        if operation.name == "send_message":  # a send also makes requests for tokens, devices and health
            event.message_id = call.message_id
        log_send(event)
        if self._on_request is not None:
            self._on_request(event)
        return event

    def _run_response_hook(
        self, event: RequestEvent | None, status: int | None, error: BaseException | None, begun: float
    ) -> None:
        if event is None:
            return
        ended = ResponseEvent(event, status, error, io.now() - begun)
        log_end(ended)
        if self._on_response is not None:
            self._on_response(ended)

    def _build_request(
        self, operation: Operation[Any], authorization: str | None, event: RequestEvent | None, timeout: Timeout
    ) -> Request:
        url = self.base_url + operation.path
        if operation.query:
            url = f"{url}?{operation.query}"
        headers = self._headers.copy()
        if event is not None and event.headers:
            headers = {**{k: v for k, v in event.headers.items() if k.lower() not in _OWN_HEADERS}, **headers}
        if authorization is not None:
            headers["Authorization"] = authorization
        if operation.headers:
            headers.update(operation.headers)
        if operation.content is not None:
            headers["Content-Type"] = operation.content_type
        return Request(operation.method, url, headers, operation.content, timeout, self._max_size)


def read_chunks(chunks: Iterable[bytes], max_size: float = math.inf) -> bytes:
    """Return all chunks as one.

    Raises:
        ResponseError: an attachment exceeds the maximum size.
    """
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_size:
            if isinstance(chunks, Generator):
                chunks.close()  # trio warns of generators that the garbage collector has to close
            raise body_size_error("attachment", "max_attachment_size", int(max_size))
        parts.append(chunk)
    return b"".join(parts)
