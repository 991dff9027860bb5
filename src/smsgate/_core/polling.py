"""Stop conditions and intervals of `wait` and `wait_many`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any, TypeAlias, cast

from smsgate._core.attempts import is_server_failure
from smsgate._core.limits import seconds
from smsgate.errors import APIError, InvalidRequestError, SMSGateError, TransportError
from smsgate_api import operations
from smsgate_api.models import MessageState, ProcessState

Until: TypeAlias = str | Collection[ProcessState] | Callable[[MessageState], bool]

_SENT = frozenset({ProcessState.Sent, ProcessState.Delivered, ProcessState.Failed, ProcessState.Cancelled})
_KNOWN = frozenset(ProcessState)
_WAITING = frozenset({ProcessState.Pending, ProcessState.Cancelling})
_NAMES = ("delivered", "sent", "processed")
_TEMPORARY_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_FIRST_INTERVAL = 0.5
_LONGEST_INTERVAL = 5.0
_GROWTH = 1.5
_TIME_OF_LAST_POLL = 1.0
_STEPS = 10
"""Polls after which the interval has reached its maximum."""
_MOST_NAMED = 3
"""Messages that the text of an error names."""


class PollSchedule:
    """Times of the polls of one wait: the last poll is shortly before the deadline.

    Args:
        timeout: seconds in all; None for no limit, 0 for one poll.
        interval: seconds between polls; half a second growing to five when None.
        now: the time, on the clock of the deadline.

    Attributes:
        request_deadline: when requests have to end; None leaves them the client's own limits.
    """

    def __init__(self, timeout: float | None, interval: float | None, now: float) -> None:
        self._deadline = None if timeout is None else now + timeout
        self.request_deadline = self._deadline if timeout else None
        self._interval = interval
        self._polls = 0
        self._is_last = False

    def next_pause(self, now: float) -> float | None:
        """Return the seconds until the next poll; None when the time is over."""
        pause = self._interval
        if pause is None:
            pause = min(_LONGEST_INTERVAL, _FIRST_INTERVAL * _GROWTH ** min(self._polls, _STEPS))
        self._polls += 1
        if self._deadline is not None and pause >= (remaining := self._deadline - now):
            if self._is_last or remaining <= 0:
                return None
            self._is_last = True
            return remaining - min(_TIME_OF_LAST_POLL, remaining / 2)  # the last poll needs time itself
        return pause


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
        states = [recipient.state for recipient in state.recipients]
        return state.state in _SENT or (bool(states) and _SENT.issuperset(states))
    return state.is_final


def is_temporary(error: SMSGateError) -> bool:
    """Tell whether a failed poll may succeed later: after no response, 408, 429 and 5xx except 501."""
    if isinstance(error, APIError):
        return is_server_failure(error) or error.status_code in _TEMPORARY_STATUSES
    return isinstance(error, TransportError)


def timeout_text(id: str, state: MessageState | None, seconds: float | None) -> str:
    """Return the text of the error of a `wait` that timed out."""
    return f"message {id} {f'is still {state.state}' if state else 'could not be looked up'} after {seconds} s"


def check_ids(ids: object) -> list[str]:
    """Return the ids of `wait_many`, each once.

    Raises:
        InvalidRequestError: for a single id, and for an invalid id.
    """
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        raise InvalidRequestError("ids takes several ids, such as a list; wait() takes one id")
    distinct: dict[str, None] = {}
    id: Any
    for id in cast("Any", ids):
        operations.get_message(id)
        distinct[id] = None
    return list(distinct)


def timeout_text_of_many(left: Mapping[str, MessageState | None], count: int, seconds: float | None) -> str:
    """Return the text of the error of a `wait_many` that timed out.

    Args:
        left: the last state of each message that is not finished; None if no poll has shown it.
        count: all messages.
        seconds: the timeout.
    """
    named = [f"{id} ({state.state.value if state else 'unknown'})" for id, state in islice(left.items(), _MOST_NAMED)]
    more = ", …" if len(left) > _MOST_NAMED else ""
    return f"{len(left)} of {count} messages are not finished after {seconds} s: {', '.join(named)}{more}"
