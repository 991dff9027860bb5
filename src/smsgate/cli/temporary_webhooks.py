"""Temporary webhooks: registered when a command starts, removed when it ends."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from smsgate import RetryPolicy, SMSGateError, TransportError, Webhook, WebhookEvent
from smsgate.cli.output import print_error
from smsgate.cli.webhook_outcome import may_be_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from smsgate import APIClient

_REGISTER_POLICY = RetryPolicy.none()  # the error of a retry would not tell whether the first attempt arrived
_REMOVE_POLICY = RetryPolicy(max_retries=1)


@contextmanager
def temporary_webhooks(
    url: str, events: Iterable[str], *, device_id: str | None, open_client: Callable[..., APIClient]
) -> Generator[None, None, None]:
    """Register a webhook for each event, and remove all of them at the end.

    Args:
        url: where phones deliver events.
        events: names of events.
        device_id: the only phone to deliver; None for all phones of the account.
        open_client: returns a client; takes ``retry``.

    Raises:
        SMSGateError: a call failed; the ids of webhooks that may be left are printed.
    """
    ids: list[str] = []  # of all webhooks that may exist
    try:
        with open_client(retry=_REGISTER_POLICY) as client:
            for event in events:
                _register(client, ids, url, event, device_id)
        print_error(f"registered {len(ids)} webhooks; cloud phones take a moment to fetch them")
        yield
    finally:
        if ids:  # with a new client: a signal may have interrupted the other one anywhere
            with open_client(retry=_REMOVE_POLICY) as client:
                _unregister(client, ids)


def _register(client: APIClient, ids: list[str], url: str, event: str, device_id: str | None) -> None:
    hook = Webhook(id=f"listen-{secrets.token_hex(8)}", url=url, event=WebhookEvent(event), device_id=device_id)
    ids.append(f"{hook.id}")  # before the call: it may be stored although no response comes
    try:
        client.create_webhook(hook)
    except SMSGateError as error:
        if not may_be_stored(error):
            ids.pop()
        raise


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
