"""What can be seen of each exchange: log records and two hooks, neither with anything personal in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["OnRequest", "OnResponse", "RequestEvent", "ResponseEvent", "logger"]

logger = logging.getLogger("smsgate")


@dataclass(slots=True)
class RequestEvent:
    """An attempt that is about to leave.

    Attributes:
        operation: name of the operation, such as ``send_message``.
        method: HTTP method.
        path: below the base URL, without query; may hold ids, never phone numbers or texts.
        attempt: number of the attempt within its call, from 1; token requests have the number of the attempt that
            they are made for.
        headers: further headers to send, such as ``traceparent``; empty, to be filled by a hook.
        message_id: id of the message that is sent, good for ``get_state``; None for other operations.
    """

    operation: str
    method: str
    path: str
    attempt: int
    headers: dict[str, str] = field(default_factory=dict[str, str])
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseEvent:
    """An attempt that has ended.

    Attributes:
        request: the event of its beginning, the very object that ``on_request`` got.
        status: HTTP status, None when no answer came.
        error: why none came; also a cancellation.
        seconds: how long it took.
    """

    request: RequestEvent
    status: int | None
    error: BaseException | None
    seconds: float


OnRequest: TypeAlias = Callable[[RequestEvent], object]
OnResponse: TypeAlias = Callable[[ResponseEvent], object]


def log_send(event: RequestEvent) -> None:
    """Write one DEBUG record before an attempt to send: a program that dies meanwhile leaves the message's id."""
    if event.message_id is not None:
        logger.debug("%s %s: sending message %s", event.method, event.path, event.message_id)


def log_end(event: ResponseEvent) -> None:
    """Write one DEBUG record about an attempt."""
    request = event.request
    outcome = event.status if event.error is None else type(event.error).__name__
    message = "" if request.message_id is None else f", message {request.message_id}"
    logger.debug(
        "%s %s: %s, attempt %d, %.1f ms%s",
        request.method,
        request.path,
        outcome,
        request.attempt,
        event.seconds * 1000,
        message,
    )
