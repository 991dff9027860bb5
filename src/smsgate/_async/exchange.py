"""Calls of the gateway: authorization, attempts, retries, and parsing of the response."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from smsgate._async import io
from smsgate._async.tokens import TokenRefresher
from smsgate._async.transport import read_chunks
from smsgate._core.attempts import AttemptResult, CallState, Failed, is_unauthorized
from smsgate._core.client_state import ClientState
from smsgate._core.hooks import logger
from smsgate._core.responses import body_size_error, is_success, parse_response
from smsgate._core.tokens import TokenPair
from smsgate._http import Response
from smsgate.auth import Auth, JWTAuth, bearer
from smsgate.retry import RetryEvent, RetryPolicy
from smsgate.runtime.reading import read_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from smsgate._async.transport import Send, Transport
    from smsgate._http import AsyncStreamedResponse, Request, Timeout
    from smsgate.runtime.types import Operation

T = TypeVar("T")


class Exchange:
    """Runs operations with credentials and retries.

    Args:
        transport: sends single requests.
        auth: the client's credentials.
        retry: the retry policy.
        max_json_size: bytes of a JSON response at most.
    """

    def __init__(self, transport: Transport, auth: Auth, retry: RetryPolicy, max_json_size: int) -> None:
        self.transport = transport
        self.retry = retry
        self._authorization = None if isinstance(auth, JWTAuth) else auth.authorization()
        self._refresher = TokenRefresher(auth, transport) if isinstance(auth, JWTAuth) else None
        self._max_json_size = max_json_size
        self._is_view = False
        self._state = ClientState()

    def view(self, *, timeout: Timeout | None, retry: RetryPolicy | None) -> Exchange:
        """Return an exchange with other limits (None: the same), over the same connections and tokens.

        Closing it closes nothing. Tokens are fetched within the limits of this exchange.
        """
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view.transport = self.transport if timeout is None else self.transport.with_timeout(timeout)
        view.retry = retry or self.retry
        view._is_view = True
        return view

    async def run(self, operation: Operation[T], begun: float | None = None, deadline: float | None = None) -> T:
        """Return the parsed response of an operation.

        Args:
            operation: the operation.
            begun: start of the call that this one is a part of, on the clock of `io.now`; the retry policy's
                ``max_elapsed`` is measured from it.
            deadline: end of the call, on the same clock; bounds attempts, and the requests for tokens.

        Raises:
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        result = await self._run_attempts(operation, begun=begun, deadline=deadline)
        if isinstance(result, Failed):
            raise result.error
        size = len(result.response.content)
        if size > self._max_json_size and operation.parse is not read_bytes:
            raise body_size_error("response", "max_json_size", self._max_json_size)
        return await io.compute(parse_response, operation, result.response, in_thread=size >= io.LARGE)

    async def run_raw(self, operation: Operation[Any]) -> Response:
        """Return the last response, of any status, after the retries that the policy allows.

        Raises:
            TransportError: no response came.
        """
        result = await self._run_attempts(operation)
        if isinstance(result, Failed):
            if result.response is None:
                raise result.error
            return result.response
        return result.response

    @asynccontextmanager
    async def stream(self, operation: Operation[bytes]) -> AsyncGenerator[AsyncStreamedResponse]:
        """Open a successful response whose body arrives in chunks; opening is retried and fails as in `run`."""
        async with AsyncExitStack() as stack:
            streams: list[AsyncStreamedResponse] = []

            async def open_stream(request: Request) -> Response:
                backend = await self.transport.backend.get()
                async with AsyncExitStack() as opening:
                    response = await opening.enter_async_context(io.check_stream(backend.stream(request)))
                    if not is_success(response.status):
                        return Response(response.status, response.headers, await read_chunks(response.chunks))
                    await stack.enter_async_context(opening.pop_all())  # stays open
                streams.append(response)
                return Response(response.status, response.headers, b"")

            result = await self._run_attempts(operation, open_stream)
            if isinstance(result, Failed):
                raise result.error
            yield streams[0]

    async def _run_attempts(
        self,
        operation: Operation[Any],
        send: Send | None = None,
        begun: float | None = None,
        deadline: float | None = None,
    ) -> AttemptResult:
        """Make attempts as long as the retry policy allows, and return the result of the last one."""
        call = CallState(self.retry, io.now() if begun is None else begun, deadline=deadline)
        while True:
            result = await self.attempt(operation, call, send)
            if not isinstance(result, Failed):
                return result
            wait = call.retry_wait(operation, result, io.now(), io.draw())
            if wait is None:
                return result
            await self.wait_for_retry(operation, call, result, wait)

    async def attempt(self, operation: Operation[Any], call: CallState, send: Send | None = None) -> AttemptResult:
        """Make one attempt. It replaces refused tokens, and tells a 401 of an outage from one of wrong credentials.

        Args:
            operation: the operation.
            call: state of the call.
            send: sends the request in the place of the backend's ``send``.
        """
        io.check_stop()
        call.attempts += 1
        if self._state.closed:
            self._state.reopen()
        if operation.auth == "client" and self._refresher is not None:
            result = await self._attempt_with_tokens(self._refresher, operation, call, send)
        else:
            result = await self.transport.exchange(operation, self._authorize(operation), call, send)
        return result if operation.auth == "none" else await self.transport.check_outage(result, call)

    async def _attempt_with_tokens(
        self, refresher: TokenRefresher, operation: Operation[Any], call: CallState, send: Send | None
    ) -> AttemptResult:
        pair = await refresher.get(call)
        while True:
            if isinstance(pair, Failed):
                return pair
            result = await self.transport.exchange(operation, pair.authorization(), call, send)
            if not is_unauthorized(result) or not call.may_refresh():
                return result
            pair = await refresher.replace(pair, call)
            if isinstance(pair, TokenPair):
                call.count_refresh(issued_here=refresher.has_issued(pair))

    def _authorize(self, operation: Operation[Any]) -> str | None:
        if operation.auth == "refresh":
            return bearer(operation.token or "")
        return self._authorization if operation.auth == "client" else None

    async def wait_for_retry(self, operation: Operation[Any], call: CallState, failed: Failed, wait: float) -> None:
        """Log a failed attempt, run the retry hook, and wait."""
        kind = type(failed.error).__name__
        logger.info("%s: attempt %d failed (%s), next in %.2f s", operation.name, call.attempts, kind, wait)
        if call.policy.on_retry is not None:
            call.policy.on_retry(RetryEvent(operation.name, call.attempts, failed.error, wait))
        await io.sleep(wait)

    def open(self) -> None:
        """Note that a closed client is used again on purpose."""
        if not self._is_view:
            self._state.closed = False

    async def aclose(self) -> None:
        """Revoke the tokens if `JWTAuth` says so, and close the connections; the next call opens them again."""
        if self._is_view:
            return
        self._state.closed = True
        try:
            if self._refresher is not None:
                await self._refresher.aclose()
        finally:
            await self.transport.backend.aclose()
