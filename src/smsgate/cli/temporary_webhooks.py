"""Temporary webhooks: registered when a command starts, removed when it ends."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from smsgate import APIError, RetryPolicy, SMSGateError, Timeout, TransportError, Webhook, WebhookEvent
from smsgate.cli.output import print_error

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from smsgate import APIClient

_TIMEOUT = Timeout(connect=5, read=5, total=10)
_REGISTER_POLICY = RetryPolicy.none()  # the error of a retry would not tell whether the first attempt arrived
_REMOVE_POLICY = RetryPolicy(max_retries=1)


class Interrupted(BaseException):
    """A signal arrived during a call to the gateway."""


@contextmanager
def temporary_webhooks(
    url: str, events: Iterable[str], *, device_id: str | None, open_client: Callable[..., APIClient]
) -> Generator[None, None, None]:
    """Register a webhook for each event, and remove all of them at the end.

    Args:
        url: where phones deliver events.
        events: names of events.
        device_id: the only phone to deliver; None for all phones of the account.
        open_client: returns a client; takes ``timeout`` and ``retry``.

    Raises:
        SMSGateError: a call failed; the ids of webhooks that may be left are printed.
    """
    ids: list[str] = []  # of all webhooks that may exist
    try:
        with open_client(timeout=_TIMEOUT, retry=_REGISTER_POLICY) as client:
            for event in events:
                _register(client, ids, url, event, device_id)
        print_error(f"registered {len(ids)} webhooks; cloud phones take a moment to fetch them")
        yield
    finally:
        if ids:  # with a new client: a signal may have interrupted the other one anywhere
            with open_client(timeout=_TIMEOUT, retry=_REMOVE_POLICY) as client:
                _unregister(client, ids)


def _register(client: APIClient, ids: list[str], url: str, event: str, device_id: str | None) -> None:
    hook = Webhook(id=f"listen-{secrets.token_hex(8)}", url=url, event=WebhookEvent(event), device_id=device_id)
    ids.append(f"{hook.id}")  # before the call: it may be stored although no response comes
    try:
        client.create_webhook(hook)
    except SMSGateError as error:
        if not _may_be_stored(error):
            ids.pop()
        raise


def _may_be_stored(error: SMSGateError) -> bool:
    if isinstance(error, TransportError):
        return error.sent is not False
    if isinstance(error, APIError):
        status = error.status_code or 0
        is_rejected = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        return not is_rejected or status == HTTPStatus.REQUEST_TIMEOUT
    return not isinstance(error, ValueError)  # a ValueError was raised before anything was sent


def _unregister(client: APIClient, ids: list[str]) -> None:
    """Remove all webhooks that can be removed, and print the ids of the others; raises the last error."""
    left = list(ids)
    failure: SMSGateError | None = None
    try:
        for hook in ids:
            error = _remove(client, hook)
            if error is None:
                left.remove(hook)
                continue
            failure = error
            if isinstance(error, TransportError):
                break  # the other calls would fail, too
    finally:
        for hook in left:
            print_error(f"webhook {hook} may still be registered")
    if failure:
        raise failure


def _remove(client: APIClient, hook: str) -> SMSGateError | None:
    try:
        client.delete_webhook(hook)
    except SMSGateError as error:
        return error
    return None
