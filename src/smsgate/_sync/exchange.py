# Written by scripts/unasync.py from src/smsgate/_async/exchange.py; change that file instead.
"""One call from operation to answer: authenticate, send, repeat where that is safe, read or raise."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from smsgate._core.attempts import (
    AttemptResult,
    CallState,
    during_outage,
    no_answer,
    out_of_time,
    unsuccessful,
    without_token,
)
from smsgate._core.client_state import ClientState
from smsgate._core.config import bounded
from smsgate._core.hints import locate
from smsgate._core.hooks import OnRequest, OnResponse, RequestEvent, ResponseEvent, log_exchange, log_send, logger
from smsgate._core.responses import read, too_large, wrong_response_type
from smsgate._http import HttpClient, Request, Response, StreamedResponse, Timeout
from smsgate._sync import io
from smsgate._sync.tokens import MOST_RENEWALS, TokenError, TokenRefresher
from smsgate.auth import Auth, JWTAuth, bearer
from smsgate.errors import TransportError
from smsgate.http import choose_name, get_client
from smsgate.retry import RetryEvent, RetryPolicy
from smsgate.runtime.reading import read_bytes
from smsgate_api import operations

if TYPE_CHECKING:
    from collections.abc import Generator

    from smsgate.runtime.types import Operation

__all__ = ["Exchange"]

T = TypeVar("T")
Send: TypeAlias = Callable[[Request], Response]

_OWN_HEADERS = frozenset({"accept", "authorization", "content-length", "content-type", "host", "user-agent"})
_UNAUTHORIZED = 401
_LARGE = 64 * 1024
"""Bytes from which on a body is read in a thread, which costs a tenth of a millisecond."""
_UNAVAILABLE = 503


class Exchange:
    """Knows where the gateway is, who asks, and through which HTTP backend."""

    def __init__(
        self,
        *,
        base_url: str,
        auth: Auth,
        http: HttpClient | str | None,
        connection: Mapping[str, Any],
        timeout: Timeout,
        retry: RetryPolicy,
        user_agent: str,
        max_json_size: int,
        on_request: OnRequest | None,
        on_response: OnResponse | None,
    ) -> None:
        self.base_url = base_url
        self.retry = retry
        self._fixed = None if isinstance(auth, JWTAuth) else auth.authorization()
        self._refresher: TokenRefresher | None = None
        if isinstance(auth, JWTAuth):
            self._refresher = TokenRefresher(auth, base_url, self._ask, self._is_outage, timeout.total)
        self._timeout = timeout
        self._headers = {"Accept": "application/json", "User-Agent": user_agent}
        self._max_json_size = max_json_size
        self._on_request = on_request
        self._on_response = on_response
        self._hooked = on_request is not None or on_response is not None
        self._name = choose_name(http) if isinstance(http, str) else None
        self._http: HttpClient | None = None if isinstance(http, str) else http
        self._connection = connection
        self._default: dict[str, HttpClient] = {}
        self._is_view = False
        self._state = ClientState()

    def view(self, *, timeout: Timeout | None, retry: RetryPolicy | None) -> Exchange:
        """Return an exchange with other limits (None: the same), over the same connections and tokens.

        Closing it closes nothing. Tokens are fetched within the limits of this exchange.
        """
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._timeout = timeout or self._timeout
        view.retry = retry or self.retry
        view._is_view = True
        return view

    @property
    def time_limit(self) -> float | None:
        """Seconds that one exchange may take, None for no limit."""
        return self._timeout.total

    def run(self, operation: Operation[T], begun: float | None = None, deadline: float | None = None) -> T:
        """Return what the operation returns.

        Args:
            operation: what to ask for.
            begun: when the call began that this is a part of; its time is bounded by the retry policy.
            deadline: when it ends, on the clock of `io.now`: attempts, and the tokens that they need, get only the time
                that is left.

        Raises:
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        outcome = self.conclude(operation, begun=begun, deadline=deadline)
        if outcome.error is not None or outcome.response is None:
            raise outcome.error or TransportError("no answer")
        size = len(outcome.response.content)
        if size > self._max_json_size and operation.parse is not read_bytes:
            raise too_large("response", "max_json_size", self._max_json_size)
        if size < _LARGE:
            return read(operation, outcome.response)
        return io.compute(read, operation, outcome.response)

    def answer(self, operation: Operation[Any]) -> Response:
        """Return the last answer, whatever its status, after the repetitions that the retry policy allows."""
        outcome = self.conclude(operation)
        if outcome.response is None:
            raise outcome.error or TransportError("no answer")
        return outcome.response

    def conclude(
        self,
        operation: Operation[Any],
        send: Send | None = None,
        begun: float | None = None,
        deadline: float | None = None,
    ) -> AttemptResult:
        """Repeat an operation as far as the retry policy allows, and return what came of the last attempt."""
        call = CallState(self.retry, io.now() if begun is None else begun, deadline=deadline)
        while True:
            outcome = self.attempt(operation, call, send)
            wait = call.wait(operation, outcome, io.now(), draw())
            if wait is None:
                return outcome
            self.pause(operation, call, outcome, wait)

    def pause(self, operation: Operation[Any], call: CallState, outcome: AttemptResult, wait: float) -> None:
        """Tell the observers of a failed attempt, and wait."""
        if outcome.error is None:
            return
        kind = type(outcome.error).__name__
        logger.info("%s: attempt %d failed (%s), next in %.2f s", operation.name, call.attempts, kind, wait)
        if call.policy.on_retry is not None:
            call.policy.on_retry(RetryEvent(operation.name, call.attempts, outcome.error, wait))
        io.sleep(wait)

    def attempt(self, operation: Operation[Any], call: CallState, send: Send | None = None) -> AttemptResult:
        """Make one attempt; a refused token is renewed and the call tried again, a refusal during an outage told apart.

        Args:
            operation: what to ask for.
            call: remembers what there was before.
            send: exchanges the request, in the place of the backend's own ``send``.
        """
        io.check_stop()
        call.attempts += 1
        if self._state.closed:
            self._state.reopen()
        refresher, pair = None, None
        try:
            if operation.auth != "client":
                authorization = bearer(operation.token or "") if operation.auth == "refresh" else None
            elif self._refresher is None:
                authorization = self._fixed
            else:
                refresher = self._refresher
                pair = refresher.current(call)
                authorization = bearer(pair.access_token)
            outcome = self._ask(operation, authorization, call, send)
            while outcome.status == _UNAUTHORIZED and refresher and pair and call.renewals < MOST_RENEWALS:
                pair = refresher.renewed(pair, call)
                outcome = self._ask(operation, bearer(pair.access_token), call, send)
        except TokenError as failure:
            return without_token(failure.reason)
        except io.LockTimeoutError:  # another call renews the token, and takes longer than this one may
            return out_of_time()
        if outcome.status == _UNAUTHORIZED and operation.auth != "none" and self._is_outage(call):
            return during_outage(outcome, call)
        return outcome

    @contextmanager
    def stream(self, operation: Operation[bytes]) -> Generator[StreamedResponse]:
        """Open a successful answer whose body arrives in chunks; opening it is repeated and fails as in `run`."""
        with ExitStack() as stack:
            opened: list[StreamedResponse] = []

            def begin(request: Request) -> Response:
                with ExitStack() as opening:
                    answer = opening.enter_context((self._backend()).stream(request))
                    if not 200 <= answer.status < 300:  # noqa: PLR2004 - the success range of HTTP
                        return Response(answer.status, answer.headers, io.join(answer.chunks))
                    stack.enter_context(opening.pop_all())  # stays open
                opened.append(answer)
                return Response(answer.status, answer.headers, b"")

            outcome = self.conclude(operation, begin)
            if outcome.error is not None:
                raise outcome.error
            yield opened[0]

    def open(self) -> None:
        """Note that a closed client is used again on purpose."""
        if not self._is_view:
            self._state.closed = False

    def close(self) -> None:
        """Revoke the tokens if that was asked for, and close the connections; the next call opens them again."""
        if self._is_view:
            return
        self._state.closed = True
        try:
            if self._refresher is not None:
                self._refresher.close()
        finally:
            http = self._http or self._default.get("http")
            if http is not None:
                http.close()

    def _backend(self) -> HttpClient:
        if self._http is None:  # many threads may come here at once: all take the first one, the others were not opened
            made = io.call_blocking(
                partial(get_client, choose_name(self._name), **self._connection)
            )  # it may have to import an HTTP library
            self._http = self._default.setdefault("http", made)
        return self._http

    def _is_outage(self, call: CallState) -> bool:
        """Ask the server's health, until it answers once a call, whether a 401 is the server's own failure.

        Without an answer that may be so.
        """
        if call.outage is None:
            asking = CallState(self.retry, call.begun, attempts=1, deadline=call.deadline)
            outcome = self._ask(operations.health(), None, asking)
            if outcome.response is not None:
                call.outage = outcome.response.status == _UNAVAILABLE
        return call.outage is not False

    def _ask(
        self, operation: Operation[Any], authorization: str | None, call: CallState, send: Send | None = None
    ) -> AttemptResult:
        """Exchange one request, under the eyes of the observers."""
        timeout = self._timeout
        if call.deadline is not None:
            left = call.time_left(io.now())
            if left <= 0:
                return out_of_time()
            timeout = bounded(timeout, left)
        event = None
        if self._hooked or logger.isEnabledFor(logging.DEBUG):
            event = self._announce(operation, call)
        request = self._request(operation, authorization, event, timeout)
        begun = io.now()
        try:
            response = (send or (self._http or self._backend()).send)(request)
        except BaseException as error:
            if event is not None:
                self._observe(event, None, error, begun)
            if isinstance(error, TransportError):
                return no_answer(locate(error, self.base_url))
            raise
        if not isinstance(response, Response):
            raise wrong_response_type()
        if event is not None:
            self._observe(event, response.status, None, begun)
        if 200 <= response.status < 300:  # noqa: PLR2004 - the success range of HTTP
            return AttemptResult(response, None, response.status, sent=True)
        return unsuccessful(operation, response, self.base_url, authorization)

    def _announce(self, operation: Operation[Any], call: CallState) -> RequestEvent:
        """Tell the observers of an attempt."""
        event = RequestEvent(operation.name, operation.method, operation.path, call.attempts)
        if operation.name == "send_message":  # not the requests that a send makes besides, for a token or about health
            event.message_id = call.message_id
        log_send(event)
        if self._on_request is not None:
            self._on_request(event)
        return event

    def _observe(self, event: RequestEvent, status: int | None, error: BaseException | None, begun: float) -> None:
        """Tell the observers of an attempt's end."""
        ended = ResponseEvent(event, status, error, io.now() - begun)
        log_exchange(ended)
        if self._on_response is not None:
            self._on_response(ended)

    def _request(
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
        if operation.content is not None:
            headers["Content-Type"] = "application/json"
        return Request(operation.method, url, headers, operation.content, timeout)


def draw() -> float:
    """Return a random number from 0 to 1: it spreads retries and guards nothing."""
    return random.random()  # noqa: S311
