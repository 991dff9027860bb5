"""What came of one attempt, and what a call remembers over its attempts. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from smsgate._core.responses import api_error
from smsgate.errors import (
    APIError,
    ConnectError,
    NotImplementedByServerError,
    RateLimitError,
    RequestTimeoutError,
    ResponseError,
    ServerError,
    ServiceUnavailableError,
    TransportError,
)
from smsgate.retry import RetryPolicy, decide, retry_after_seconds

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.errors import SMSGateError
    from smsgate.runtime.types import Operation

__all__ = [
    "AttemptResult",
    "CallState",
    "copied",
    "during_outage",
    "is_passing",
    "no_answer",
    "out_of_time",
    "unlisted",
    "unsuccessful",
    "without_token",
]

_REQUEST_TIMEOUT = 408
_SERVER_ERROR = 500
_NOT_IMPLEMENTED = 501
_UNAVAILABLE = 503
_UNAUTHORIZED = 401
_TOO_MANY = 429


@dataclass(slots=True, eq=False, repr=False)  # imports feel every method that is made
class AttemptResult:
    """What came of one attempt.

    Attributes:
        response: the answer, None when none came.
        error: what to raise if this was the last attempt; None for a success.
        status: HTTP status that decides about another attempt; None when no answer came.
        sent: False when the attempt certainly had no effect, True when it left, None when unknown.
        retry_after: seconds that the server asked to wait.
    """

    response: Response | None
    error: SMSGateError | None
    status: int | None
    sent: bool | None
    retry_after: float | None = None


@dataclass(slots=True, eq=False, repr=False)
class CallState:
    """What a call remembers over its attempts.

    Attributes:
        policy: how often to repeat.
        begun: when the first attempt began, on the clock that the waits are measured with.
        attempts: attempts made.
        outage: what the server's health, asked after a 401, said of it: the server's own failure or not; None when it
            was not asked or gave no answer.
        renewals: how often a refused token was replaced; one that was made anew is the last.
        deadline: when the call ends, on the same clock; no attempt lasts longer. None for no such limit.
        message_id: of the message that is sent; None for every other call.
    """

    policy: RetryPolicy
    begun: float
    attempts: int = 0
    outage: bool | None = None
    renewals: int = 0
    deadline: float | None = None
    message_id: str | None = None

    def time_left(self, now: float) -> float:
        """Return the seconds until the deadline; infinity without one, zero after it."""
        return math.inf if self.deadline is None else max(0.0, self.deadline - now)

    def wait(self, operation: Operation[Any], outcome: AttemptResult, now: float, draw: float) -> float | None:
        """Return the seconds before another attempt, or None when this was the last; ``draw`` is random, 0 to 1."""
        if outcome.error is None or operation.auth == "none":  # health is asked once: it is about this moment
            return None
        return self._decide(operation.repeat, outcome, outcome.status, now, draw)

    def wait_to_settle(self, outcome: AttemptResult, now: float, draw: float) -> float | None:
        """Return the seconds before another attempt of a send or cancel, whose caller makes repeating it safe.

        There a 500 is worth another attempt, too: the answer alone may have failed.
        """
        status = outcome.status
        if status is not None and status >= _SERVER_ERROR and status != _NOT_IMPLEMENTED:
            status = _UNAVAILABLE
        return self._decide("safe", outcome, status, now, draw)

    def is_late(self, now: float) -> bool:
        """Tell whether the time that the policy gives a call is over."""
        return now - self.begun > self.policy.max_elapsed

    def _decide(
        self,
        repeat: Literal["safe", "settle", "never"],
        outcome: AttemptResult,
        status: int | None,
        now: float,
        draw: float,
    ) -> float | None:
        return decide(
            self.policy,
            repeat,
            status=status,
            sent=outcome.sent,
            retry_after=outcome.retry_after,
            attempt=self.attempts,
            elapsed=now - self.begun,
            draw=draw,
            time_left=self.time_left(now),
        )


def unsuccessful(
    operation: Operation[Any], response: Response, base_url: str, authorization: str | None = None
) -> AttemptResult:
    """Make the outcome of an answer outside the success range."""
    status = response.status
    if status in operation.also_success:
        try:
            operation.parse(status, response.headers, response.content)
            return AttemptResult(response, None, status, sent=True)
        except ValueError:
            pass
    undone = status in {_UNAUTHORIZED, _TOO_MANY}  # turned away before anything was done
    wait = retry_after_seconds(response.headers, datetime.now(timezone.utc))
    error = api_error(operation, response, base_url, authorization)
    return AttemptResult(response, error, status, sent=not undone, retry_after=wait)


def no_answer(error: TransportError) -> AttemptResult:
    """Make the outcome of an attempt without answer."""
    return AttemptResult(None, error, None, sent=error.sent)


def out_of_time() -> AttemptResult:
    """Make the outcome of an attempt that was not begun because the call's deadline was over."""
    return no_answer(RequestTimeoutError("the time for the whole call is over", sent=False))


def copied(error: SMSGateError) -> SMSGateError:
    """Return a fresh exception like one that was raised elsewhere, with the same cause and no traceback."""
    fresh = type(error).__new__(type(error))  # others' errors may have constructors of their own
    fresh.args = error.args
    vars(fresh).update(vars(error))
    fresh.__cause__ = error.__cause__
    return fresh


def unsent(text: str, cause: TransportError) -> TransportError:
    """Return an error of our own make like one that may be another's, for a request that never left."""
    kind = next(ours for ours in (ConnectError, RequestTimeoutError, TransportError) if isinstance(cause, ours))
    error = kind(text, sent=False)
    error.__cause__ = cause
    return error


def unlisted(error: SMSGateError) -> SMSGateError:
    """Turn the failure of the list of devices that a send needs into one that says what it means for the message."""
    said = "nothing was sent: the devices could not be listed"
    fresh: SMSGateError
    if isinstance(error, TransportError):
        fresh = unsent(f"{said}: {error}", error)
    elif isinstance(error, ResponseError):
        fresh = ResponseError(f"{said}: {error}", status_code=error.status_code, body=error.body)
    else:
        fresh = copied(error)
        if isinstance(fresh, APIError):
            fresh.hint = f"{said}; {fresh.hint}" if fresh.hint else said
    fresh.__cause__ = error
    return fresh


def is_passing(outcome: AttemptResult) -> bool:
    """Tell whether a failed token request had no effect, or may have had none because the server failed."""
    if outcome.sent is False or outcome.status == _REQUEST_TIMEOUT:
        return True
    error = outcome.error
    return isinstance(error, ServerError) and not isinstance(error, NotImplementedByServerError)


def during_outage(refused: AttemptResult, call: CallState) -> AttemptResult:
    """Turn a 401 that a failing server gave, or may have given, into a 503 caused by the 401; nothing was done."""
    known = call.outage is not None
    cause = refused.error if isinstance(refused.error, APIError) else None
    error = ServiceUnavailableError(
        "the server refuses credentials while it is not ready" if known else "the server refuses the credentials",
        _UNAVAILABLE,
        body=refused.response.content if refused.response else b"",
        method=cause.method if cause else None,
        path=cause.path if cause else None,
        request_id=cause.request_id if cause else None,
        hint="its health check fails, so this does not mean that the credentials are wrong"
        if known
        else "its health could not be asked, so this need not mean that the credentials are wrong",
    )
    error.__cause__ = refused.error
    return AttemptResult(refused.response, error, _UNAVAILABLE, sent=False)


def without_token(error: SMSGateError) -> AttemptResult:
    """Make the outcome of a call that never left because no token could be had.

    A server's failure, a lost answer and one that cannot be read are worth another attempt like a 503; a refusal is
    final.
    """
    if isinstance(error, TransportError):
        return AttemptResult(None, unsent(f"no token could be fetched: {error}", error), None, sent=False)
    wait = error.retry_after if isinstance(error, RateLimitError | ServiceUnavailableError) else None
    failed = isinstance(error, ServerError) and not isinstance(error, NotImplementedByServerError)
    if failed or isinstance(error, ResponseError):
        return AttemptResult(None, error, _UNAVAILABLE, sent=False, retry_after=wait)
    status = error.status_code if isinstance(error, APIError) else None
    return AttemptResult(None, error, status or _UNAUTHORIZED, sent=False, retry_after=wait)
