"""Stop conditions and intervals of `wait`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias, cast

from smsgate._core.limits import seconds
from smsgate.errors import (
    APIError,
    InvalidRequestError,
    NotImplementedByServerError,
    RateLimitError,
    ServerError,
    SMSGateError,
    TransportError,
)
from smsgate_api.models import MessageState, ProcessState

__all__ = ["Until", "check_wait", "is_reached", "is_temporary", "last_interval", "next_interval", "timeout_text"]

Until: TypeAlias = str | Collection[ProcessState] | Callable[[MessageState], bool]

_SENT = frozenset({ProcessState.Sent, ProcessState.Delivered, ProcessState.Failed, ProcessState.Cancelled})
_KNOWN = frozenset(ProcessState)
_WAITING = frozenset({ProcessState.Pending, ProcessState.Cancelling})
_NAMES = ("delivered", "sent", "processed")
_FIRST_INTERVAL = 0.5
_LONGEST_INTERVAL = 5.0
_GROWTH = 1.5
_TIME_OF_LAST_POLL = 1.0
_STEPS = 10
"""Polls after which the interval has reached its maximum."""


def check_wait(until: Until, timeout: float | None, interval: float | None) -> None:
    """Reject arguments of `wait` that could never work.

    Raises:
        InvalidRequestError: for an unknown word or state, a negative or endless time (None waits without limit) or an
            interval of zero.
    """
    if not _is_condition(until):
        raise InvalidRequestError(f"until takes one of {', '.join(_NAMES)}, states of ProcessState or a function")
    if timeout is not None:
        seconds("timeout", timeout, error=InvalidRequestError)
    if interval is not None:
        seconds("interval", interval, positive=True, error=InvalidRequestError)


def _is_condition(until: object) -> bool:
    if isinstance(until, str):
        return until in _NAMES
    if isinstance(until, type | Mapping):
        return False
    if callable(until):
        return True
    if not isinstance(until, Collection):
        return False
    states: Collection[object] = cast("Any", until)
    return len(states) > 0 and all(isinstance(state, str) and state in _KNOWN for state in states)


def is_reached(state: MessageState, until: Until) -> bool:
    """Tell whether a state fulfils the stop condition, or is final.

    Args:
        state: the message as it is now.
        until: "delivered": every recipient delivered, failed or cancelled; "sent": every recipient at least sent;
            "processed": the phone has taken the message; a collection of states of the message; or a function.
    """
    if callable(until):
        return until(state) or state.is_final
    if not isinstance(until, str):
        return state.state in until or state.is_final
    if until == "processed":
        return state.state not in _WAITING
    if until == "sent":  # the state of an encrypted recipient may never change, but that of the message does
        return state.state in _SENT or _all_in(state, _SENT)
    return state.is_final


def is_temporary(error: SMSGateError) -> bool:
    """Tell whether a failed poll may succeed later: after no response, 408, 429 and 5xx except 501."""
    if isinstance(error, APIError) and error.status_code == HTTPStatus.REQUEST_TIMEOUT:
        return True
    if isinstance(error, NotImplementedByServerError):
        return False
    return isinstance(error, TransportError | RateLimitError | ServerError)


def timeout_text(id: str, state: MessageState | None, seconds: float | None) -> str:
    """Return the text of the error of a `wait` that timed out."""
    return f"message {id} {f'is still {state.state}' if state else 'could not be looked up'} after {seconds} s"


def next_interval(interval: float | None, polls: int) -> float:
    """Return the seconds until the next poll: the given interval, otherwise half a second growing to five."""
    if interval is not None:
        return interval
    return min(_LONGEST_INTERVAL, _FIRST_INTERVAL * _GROWTH ** min(polls, _STEPS))


def last_interval(remaining: float) -> float:
    """Return the seconds until the last poll, which needs some of the remaining time itself."""
    return remaining - min(_TIME_OF_LAST_POLL, remaining / 2)


def _all_in(state: MessageState, states: frozenset[ProcessState]) -> bool:
    return bool(state.recipients) and all(recipient.state in states for recipient in state.recipients)
