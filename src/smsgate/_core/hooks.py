"""Hooks and log records of each attempt, without personal data."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import TypeAlias, TypeVar

from smsgate.errors import ConfigurationError

H = TypeVar("H")

logger = logging.getLogger("smsgate")


@dataclass(slots=True)
class RequestEvent:
    """An attempt before its request is sent.

    Attributes:
        operation: name of the operation, such as ``send_message``.
        method: HTTP method.
        path: path below the base URL, without query; may hold ids, never phone numbers or texts.
        attempt: number of the attempt within its call, from 1; a token request has the number of the attempt that
            needs the token.
        headers: additional headers, such as ``traceparent``; empty until a hook adds some.
        message_id: id of the message that is sent, for ``get_state``; None for other operations.
    """

    operation: str
    method: str
    path: str
    attempt: int
    headers: dict[str, str] = field(default_factory=dict[str, str])
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseEvent:
    """An attempt after its end.

    Attributes:
        request: the attempt's `RequestEvent`, the same object that ``on_request`` got.
        status: HTTP status, None without a response.
        error: the error of an attempt without response; also a cancellation.
        seconds: duration of the attempt.
    """

    request: RequestEvent
    status: int | None
    error: BaseException | None
    seconds: float


OnRequest: TypeAlias = Callable[[RequestEvent], object]
OnResponse: TypeAlias = Callable[[ResponseEvent], object]


def check_hook(name: str, hook: H) -> H:
    """Return a hook, or None.

    Raises:
        ConfigurationError: when it cannot be called, or is a coroutine function, which nobody would await.
    """
    if hook is not None and (not callable(hook) or iscoroutinefunction(hook)):
        raise ConfigurationError(f"{name} takes a plain function, also on the asynchronous client")
    return hook


def log_send(event: RequestEvent) -> None:
    """Log the message's id at DEBUG before an attempt to send, so that it is known after a crash."""
    if event.message_id is not None:
        logger.debug("%s %s: sending message %s", event.method, event.path, event.message_id)


def log_end(event: ResponseEvent) -> None:
    """Log the end of an attempt at DEBUG."""
    request = event.request
    result = event.status if event.error is None else type(event.error).__name__
    message = "" if request.message_id is None else f", message {request.message_id}"
    logger.debug(
        "%s %s: %s, attempt %d, %.1f ms%s",
        request.method,
        request.path,
        result,
        request.attempt,
        event.seconds * 1000,
        message,
    )
