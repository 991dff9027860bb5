"""Meaning of the results of attempts to enqueue a row."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus

from smsgate.errors import (
    APIError,
    BadRequestError,
    ConflictError,
    EncryptionError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    ResponseError,
    SendOutcomeUnknownError,
    ServerError,
    ServiceUnavailableError,
    TransportError,
)

_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})


class Verdict(Enum):
    """Meaning of a result for its row."""

    ENQUEUED = "enqueued"
    """The gateway has the message. A 409 says so as well: nobody else uses the ids of a campaign."""
    REFUSED = "refused"
    """The gateway will never accept this row."""
    QUEUE_FULL = "queue full"
    """The queue of the phone is full; not stored."""
    RATE_LIMITED = "rate limited"
    """Too many requests; not stored."""
    NOT_STORED = "not stored"
    """This attempt certainly failed in passing. The client has looked the message up if that was necessary."""
    UNCLEAR = "unclear"
    """The gateway may have the message."""
    ABSENT = "absent"
    """A lookup shows that the gateway does not have the message at the moment."""
    DEVICE_GONE = "device gone"
    """The account has no such phone."""
    FATAL = "fatal"
    """No row could be sent: wrong credentials, URL or rights, or an exception of the program's own hooks."""


def judge(result: object, *, is_lookup: bool) -> Verdict:
    """Return the verdict on a result: a state of the message, or an exception.

    Args:
        result: of an attempt without retries, which looks the message up itself after an unclear response.
        is_lookup: whether it was a lookup by id.
    """
    if not isinstance(result, BaseException) or isinstance(result, ConflictError):
        return Verdict.ENQUEUED
    if isinstance(result, RateLimitError):
        return Verdict.RATE_LIMITED
    if isinstance(result, SendOutcomeUnknownError | ResponseError):
        return Verdict.UNCLEAR
    if isinstance(result, InvalidRequestError | EncryptionError):
        return Verdict.REFUSED
    if isinstance(result, NotFoundError) and is_lookup:
        return Verdict.ABSENT
    if is_temporary(result):
        full = isinstance(result, ServiceUnavailableError) and "queue limits exceeded" in result.message
        return Verdict.QUEUE_FULL if full else Verdict.NOT_STORED
    if isinstance(result, BadRequestError) and "failed to select device" in result.message:
        return Verdict.DEVICE_GONE
    if isinstance(result, APIError) and result.status_code in _REFUSALS and not is_lookup:
        return Verdict.REFUSED
    return Verdict.FATAL


def is_temporary(error: BaseException) -> bool:
    """Tell whether the same request may succeed later: no response, 408, 429 and 5xx except 501."""
    if isinstance(error, ServerError):
        return error.status_code != HTTPStatus.NOT_IMPLEMENTED
    if isinstance(error, APIError):
        return error.status_code in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
    return isinstance(error, TransportError)


def retry_after(error: object) -> float | None:
    """Return the seconds that a server asks to wait, or None."""
    while isinstance(error, BaseException):
        if isinstance(error, APIError) and error.retry_after is not None:
            return error.retry_after
        error = error.__cause__
    return None
