"""Result of an attempt, and state of a call over its attempts."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeGuard

from smsgate._core.responses import build_api_error
from smsgate.errors import (
    APIError,
    ConnectError,
    NotImplementedByServerError,
    RequestTimeoutError,
    ResponseError,
    ServerError,
    ServiceUnavailableError,
    TransportError,
)
from smsgate.retry import RetryPolicy, decide

if TYPE_CHECKING:
    from datetime import datetime

    from smsgate._http import Response
    from smsgate.errors import SMSGateError
    from smsgate.runtime.types import Operation

_MAX_REFRESHES = 4
"""Refused token pairs that one call replaces: other processes may have put several old ones into the store."""


@dataclass(slots=True, eq=False, repr=False)  # generated methods slow the import down
class Answered:
    """A successful response.

    Attributes:
        response: the response.
    """

    response: Response


@dataclass(slots=True, eq=False, repr=False)
class Failed:
    """An attempt without success.

    Attributes:
        error: the error to raise if this was the last attempt.
        status: HTTP status that decides about a retry; None without a response.
        sent: False when the attempt certainly had no effect, True when the request left, None when unknown.
        response: the error response, None when none came.
    """

    error: SMSGateError
    status: int | None
    sent: bool | None
    response: Response | None = None


AttemptResult: TypeAlias = Answered | Failed


@dataclass(slots=True, eq=False, repr=False)
class CallState:
    """State of a call over its attempts.

    Attributes:
        policy: the retry policy.
        begun: start of the first attempt, on the clock that the waits are measured with.
        attempts: attempts made.
        outage: whether the health check that follows a 401 reported an outage; None before it and without a response.
        refreshes: token pairs that were replaced after a 401.
        deadline: end of the call, on the same clock; no attempt lasts longer. None for no limit.
        message_id: of the message that is sent; None for every other call.
    """

    policy: RetryPolicy
    begun: float
    attempts: int = 0
    outage: bool | None = None
    refreshes: int = 0
    deadline: float | None = None
    message_id: str | None = None

    def time_left(self, now: float) -> float:
        """Return the seconds until the deadline; infinity without one, zero after it."""
        return math.inf if self.deadline is None else max(0.0, self.deadline - now)

    def retry_wait(self, operation: Operation[Any], failed: Failed, now: float, draw: float) -> float | None:
        """Return the seconds before the next attempt, None when there is none; ``draw`` is random, 0 to 1."""
        if operation.auth == "none":  # a health check is about this moment
            return None
        return self._decide(operation.repeat, failed, failed.status, now, draw)

    def resolving_wait(self, failed: Failed, now: float, draw: float) -> float | None:
        """Return the same for a send or cancel whose caller makes every retry safe.

        A 500 is retried there as well: the message may be stored although the response is an error.
        """
        status = failed.status
        if status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.SERVICE_UNAVAILABLE
        return self._decide("safe", failed, status, now, draw)

    def is_late(self, now: float) -> bool:
        """Tell whether the policy's ``max_elapsed`` is over."""
        return now - self.begun > self.policy.max_elapsed

    def may_refresh(self) -> bool:
        """Tell whether another refused token pair may be replaced."""
        return self.refreshes < _MAX_REFRESHES

    def count_refresh(self, *, issued_here: bool) -> None:
        """Count a replaced pair; after one that this client got from the gateway, no further one is replaced."""
        self.refreshes = _MAX_REFRESHES if issued_here else self.refreshes + 1

    def _decide(
        self, repeat: Literal["safe", "settle", "never"], failed: Failed, status: int | None, now: float, draw: float
    ) -> float | None:
        return decide(
            self.policy,
            repeat,
            status=status,
            sent=failed.sent,
            retry_after=getattr(failed.error, "retry_after", None),
            attempt=self.attempts,
            elapsed=now - self.begun,
            draw=draw,
            time_left=self.time_left(now),
        )


def classify_response(
    operation: Operation[Any], response: Response, base_url: str, authorization: str | None, now: datetime
) -> AttemptResult:
    """Return the result of an attempt whose status is no 2xx.

    Args:
        operation: the operation.
        response: its response.
        base_url: the client's base URL.
        authorization: the ``Authorization`` header that was sent.
        now: aware; reference of a ``Retry-After`` date.
    """
    if response.status in operation.also_success:
        with suppress(ValueError):
            operation.parse(response.status, response.headers, response.content)
            return Answered(response)
    error = build_api_error(operation, response, base_url, authorization, now)
    rejected = response.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}  # before any effect
    return Failed(error, response.status, sent=not rejected, response=response)


def transport_failure(error: TransportError) -> Failed:
    """Return the result of an attempt without response."""
    return Failed(error, None, sent=error.sent)


def timeout_failure() -> Failed:
    """Return the result of an attempt that did not begin because the call's deadline was over."""
    return transport_failure(RequestTimeoutError("the time for the whole call is over", sent=False))


def is_unauthorized(result: object) -> TypeGuard[Failed]:
    """Tell whether the response is a 401; the failure of a call that got no token is none, and has no response."""
    return isinstance(result, Failed) and result.response is not None and result.status == HTTPStatus.UNAUTHORIZED


def copy_error(error: SMSGateError) -> SMSGateError:
    """Return a copy for another caller: same type, text and cause, without traceback."""
    copy = type(error).__new__(type(error))  # errors of other packages may have constructors of their own
    copy.args = error.args
    vars(copy).update(vars(error))
    copy.__cause__ = error.__cause__
    return copy


def copy_failure(failed: Failed) -> Failed:
    """Return a copy with a copied error, for another caller."""
    return replace(failed, error=copy_error(failed.error))


def device_list_error(error: SMSGateError) -> SMSGateError:
    """Return the error of a send whose list of devices failed: a copy that says that nothing was sent."""
    text = "nothing was sent: the devices could not be listed"
    copy: SMSGateError
    if isinstance(error, TransportError):
        copy = _unsent_error(f"{text}: {error}", error)
    elif isinstance(error, ResponseError):
        copy = ResponseError(f"{text}: {error}", status_code=error.status_code, body=error.body)
    else:
        copy = copy_error(error)
        if isinstance(copy, APIError):
            copy.hint = f"{text}; {copy.hint}" if copy.hint else text
    copy.__cause__ = error
    return copy


def may_reuse_refresh_token(failed: Failed) -> bool:
    """Tell whether a failed refresh has left the refresh token valid, certainly or probably."""
    if is_unauthorized(failed):
        return False
    return failed.sent is False or failed.status == HTTPStatus.REQUEST_TIMEOUT or is_server_failure(failed.error)


def outage_failure(refused: Failed, call: CallState) -> Failed:
    """Return a 503 in the place of a 401 of a failing server; the 401 is its cause, and nothing was done."""
    cause = refused.error if isinstance(refused.error, APIError) else None
    error = ServiceUnavailableError(
        "the server refuses credentials while it is not ready" if call.outage else "the server refuses the credentials",
        HTTPStatus.SERVICE_UNAVAILABLE.value,
        body=refused.response.content if refused.response else b"",
        method=cause.method if cause else None,
        path=cause.path if cause else None,
        request_id=cause.request_id if cause else None,
        hint="its health check fails, so this does not mean that the credentials are wrong"
        if call.outage
        else "its health could not be asked, so this need not mean that the credentials are wrong",
    )
    error.__cause__ = refused.error
    return Failed(error, HTTPStatus.SERVICE_UNAVAILABLE, sent=False, response=refused.response)


def token_failure(error: SMSGateError) -> Failed:
    """Return the result of a call that was not sent because the client could not get a token.

    A failing server, a missing response and an unreadable one are retried like a 503; a refusal is final.
    """
    if isinstance(error, TransportError):
        return Failed(_unsent_error(f"no token could be fetched: {error}", error), None, sent=False)
    status: int = HTTPStatus.UNAUTHORIZED
    if is_server_failure(error) or isinstance(error, ResponseError):
        status = HTTPStatus.SERVICE_UNAVAILABLE
    elif isinstance(error, APIError) and error.status_code:
        status = error.status_code
    return Failed(error, status, sent=False)


def is_server_failure(error: SMSGateError) -> bool:
    """Tell whether an error is a 5xx except 501."""
    return isinstance(error, ServerError) and not isinstance(error, NotImplementedByServerError)


def _unsent_error(text: str, cause: TransportError) -> TransportError:
    """Return a transport error for a request that never left; the type is ours although the cause's may not be."""
    kind = next(ours for ours in (ConnectError, RequestTimeoutError, TransportError) if isinstance(cause, ours))
    error = kind(text, sent=False)
    error.__cause__ = cause
    return error
