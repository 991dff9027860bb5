"""Webhooks that exist as long as a command runs: registered at its start, removed at its end, whatever ends it."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from smsgate import APIClient, APIError, RetryPolicy, SMSGateError, Timeout, TransportError, Webhook, WebhookEvent
from smsgate.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

_TIMEOUT = Timeout(connect=5, read=5, total=10)
_ONCE = RetryPolicy.none()  # an error that was not the first one would not tell what became of the first attempt
_AGAIN = RetryPolicy(max_retries=1)
_REFUSED, _TIMED_OUT, _BROKEN = 400, 408, 500


class Interrupted(BaseException):
    """A signal came while the gateway was being asked."""


@contextmanager
def registered(
    url: str, events: Iterable[str], *, device_id: str | None, account: Mapping[str, Any]
) -> Generator[None, None, None]:
    """Register a webhook for each event, and remove all of them at the end.

    Args:
        url: where phones deliver to.
        events: their names.
        device_id: only of this phone.
        account: arguments of `APIClient.from_env`.

    Raises:
        SMSGateError: the gateway cannot be asked; what may be left there was told.
    """
    ids: list[str] = []  # of all that may be registered
    try:
        with APIClient.from_env(timeout=_TIMEOUT, retry=_ONCE, **account) as client:
            for event in events:
                _register(client, ids, url, event, device_id)
        say(f"registered {len(ids)} webhooks; cloud phones take a moment to fetch them")
        yield
    finally:
        if ids:  # with a client of its own: the other one may have been interrupted anywhere
            with APIClient.from_env(timeout=_TIMEOUT, retry=_AGAIN, **account) as client:
                _unregister(client, ids)


def _register(client: APIClient, ids: list[str], url: str, event: str, device_id: str | None) -> None:
    hook = Webhook(id=f"listen-{secrets.token_hex(8)}", url=url, event=WebhookEvent(event), device_id=device_id)
    ids.append(f"{hook.id}")  # before the call: it may be stored without an answer
    try:
        client.create_webhook(hook)
    except SMSGateError as error:
        if not _may_have_happened(error):
            ids.pop()
        raise


def _may_have_happened(error: SMSGateError) -> bool:
    if isinstance(error, TransportError):
        return error.sent is not False
    if isinstance(error, APIError):
        return not _REFUSED <= (error.status_code or 0) < _BROKEN or error.status_code == _TIMED_OUT
    return not isinstance(error, ValueError)  # which was refused before anything was sent


def _unregister(client: APIClient, ids: list[str]) -> None:
    """Remove webhooks, all that can be removed, and tell which were not; raises the last error."""
    left = list(ids)
    failure: SMSGateError | None = None
    try:
        for hook in ids:
            error = _removal(client, hook)
            if error is None:
                left.remove(hook)
                continue
            failure = error
            if isinstance(error, TransportError):
                break  # nobody is there to answer for the others
    finally:
        for hook in left:
            say(f"webhook {hook} may still be registered")
    if failure:
        raise failure


def _removal(client: APIClient, hook: str) -> SMSGateError | None:
    try:
        client.delete_webhook(hook)
    except SMSGateError as error:
        return error
    return None
