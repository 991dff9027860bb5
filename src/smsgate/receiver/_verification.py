"""Verification of requests: signature, age and content, and the response to send."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from smsgate import webhooks
from smsgate.errors import ConfigurationError, PayloadError, WebhookError
from smsgate.receiver._handlers import is_async
from smsgate.receiver._options import MAX_BODY, MAX_UNVERIFIED, TOLERANCE, check_whole
from smsgate.receiver._thread_pool import ThreadPool

if TYPE_CHECKING:
    from datetime import datetime, timedelta

AsyncSigningKey: TypeAlias = Callable[[str], Awaitable[str | Iterable[str] | None]]
"""Looks keys up by device id, None for an unknown device; only an event loop can call it."""

LARGE = 64 * 1024
"""Bytes of a body from which on parsing it would hold up the event loop."""
_log = logging.getLogger("smsgate.receiver")


@dataclass(frozen=True, slots=True)
class Decision:
    """The response to a request, and its event.

    Attributes:
        status: HTTP status: 200; 400 for a body that is no event; 401 for a missing, wrong or old signature; 413 for
            one that is too large; 503 when the phone shall try again.
        reason: one word for programs; a rejection has the reason of its `smsgate.WebhookError`.
        detail: one sentence for people, without secrets.
        event: the event to work on; None when there is nothing to do.
    """

    status: int
    reason: str
    detail: str
    event: webhooks.Event | None = field(default=None, repr=False)

    @property
    def document(self) -> dict[str, Any]:
        """The body of the response, for JSON; phones do not read it, people looking for a fault do."""
        return {"reason": self.reason, "detail": self.detail}

    @property
    def accepted(self) -> bool:
        """Whether the phone is done with this delivery; otherwise it tries again for two days."""
        return self.status < HTTPStatus.MULTIPLE_CHOICES

    def without_event(self, reason: str, detail: str) -> Decision:
        """Return an equally good decision with nothing to work on."""
        return replace(self, reason=reason, detail=detail, event=None)


INCOMPLETE = Decision(HTTPStatus.BAD_REQUEST.value, "incomplete", "the request ended before its body did")
NOT_STORED = Decision(
    HTTPStatus.SERVICE_UNAVAILABLE.value, "not_stored", "the event could not be stored; send it again later"
)
KEY_LOOKUP_FAILED = Decision(
    HTTPStatus.SERVICE_UNAVAILABLE.value,
    "key_lookup_failed",
    "the signing key could not be looked up; send it again later",
)
WRONG_METHOD = Decision(HTTPStatus.METHOD_NOT_ALLOWED.value, "method", "events are sent with POST")
WRONG_PATH = Decision(HTTPStatus.NOT_FOUND.value, "path", "events are received at another path")


def decide(
    body: webhooks.Body,
    headers: webhooks.Headers,
    *,
    signing_key: webhooks.SigningKey,
    tolerance: timedelta | None = TOLERANCE,
    encryptor: webhooks.Decryptor | None = None,
    now: datetime | float | None = None,
) -> Decision:
    """Verify a request and return the response to send; for programs without an event loop.

    Args:
        body: see `smsgate.webhooks.parse`.
        headers: see `smsgate.webhooks.parse`.
        signing_key: see `smsgate.webhooks.parse`.
        tolerance: see `smsgate.webhooks.parse`.
        encryptor: see `smsgate.webhooks.parse`.
        now: see `smsgate.webhooks.parse`.

    Returns:
        The decision, with the event of a good request.

    Raises:
        ConfigurationError: no key, an empty key, a wrong tolerance.
    """
    try:
        return _accept(
            webhooks.parse(body, headers, signing_key=signing_key, tolerance=tolerance, now=now, encryptor=encryptor)
        )
    except WebhookError as error:
        return _reject(error)


def _accept(event: webhooks.Event) -> Decision:
    return Decision(HTTPStatus.OK.value, "accepted", "the event is accepted", event)


def _reject(error: WebhookError) -> Decision:
    status = HTTPStatus.BAD_REQUEST if isinstance(error, PayloadError) else HTTPStatus.UNAUTHORIZED
    return Decision(status.value, error.reason, str(error))


class Verifier:
    """Verification of the requests of one receiver; keys may be looked up in a thread or by a coroutine.

    Args:
        signing_key: see `Receiver`.
        encryptor: see `Receiver`.
        tolerance: see `Receiver`.
        max_body: see `Receiver`.
        max_unverified: see `Receiver`.

    Raises:
        ConfigurationError: no key, an empty key, an encryptor that cannot decrypt, a wrong tolerance or limit.
    """

    def __init__(
        self,
        signing_key: webhooks.SigningKey | AsyncSigningKey,
        *,
        encryptor: webhooks.Decryptor | None = None,
        tolerance: timedelta | None = TOLERANCE,
        max_body: int = MAX_BODY,
        max_unverified: int = MAX_UNVERIFIED,
    ) -> None:
        webhooks.check_decryptor(encryptor)
        webhooks.check_tolerance(tolerance)
        self._key = webhooks.normalize_signing_key(cast("webhooks.SigningKey", signing_key))
        self._encryptor = encryptor
        self._tolerance = tolerance
        self._limit, self._limit_option = check_whole("max_body", max_body), "max_body"
        if check_whole("max_unverified", max_unverified) < max_body and callable(self._key):
            self._limit, self._limit_option = max_unverified, "max_unverified"
        self._threads = ThreadPool(max(2, os.cpu_count() or 1))

    def check_size(self, size: int) -> Decision | None:
        """Return the rejection of a body of this size; None when more may be read."""
        if size <= self._limit:
            return None
        detail = f"the body is larger than {self._limit} bytes ({self._limit_option})"
        return _log_rejection(Decision(HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value, "too_large", detail))

    async def verify(self, body: bytes, headers: webhooks.Headers) -> Decision:
        """Verify and parse a request; why it is rejected is logged, for no phone shows the response."""
        rejection = self.check_size(len(body))
        if rejection:
            return rejection
        try:
            return _accept(
                await self._parse(webhooks.SignedRequest(body, headers, tolerance=self._tolerance), len(body))
            )
        except _KeyLookupError as failure:
            _log.error("looking up a signing key failed", exc_info=failure.__cause__)
            return _log_rejection(KEY_LOOKUP_FAILED)
        except ConfigurationError:
            _log.exception("a signing key cannot be used")
            return _log_rejection(KEY_LOOKUP_FAILED)
        except WebhookError as error:
            return _log_rejection(_reject(error))

    async def _parse(self, request: webhooks.SignedRequest, size: int) -> webhooks.Event:
        key = self._key
        if callable(key):
            key = await self._look_up_keys(cast("AsyncSigningKey", key), request.find_device_ids())

        def parse() -> webhooks.Event:
            return request.parse(key, encryptor=self._encryptor)

        is_slow = self._encryptor is not None or size > LARGE
        return await self._threads.run(parse) if is_slow else parse()

    async def _look_up_keys(self, key: AsyncSigningKey, devices: list[str]) -> webhooks.SigningKey:
        found: dict[str, str | Iterable[str] | None] = {}
        try:
            for device in devices:
                result: Any = key(device) if is_async(key) else await self._threads.run(partial(key, device))
                found[device] = await result if inspect.isawaitable(result) else result
        except Exception as error:
            raise _KeyLookupError from error
        return found.get

    async def parse_stored(self, body: bytes) -> webhooks.Event:
        """Return the event of a body that was verified before it was stored."""
        return await self._threads.run(lambda: webhooks.parse_unverified(body, encryptor=self._encryptor))


class _KeyLookupError(Exception):
    """The function that looks keys up has failed."""


def _log_rejection(decision: Decision) -> Decision:
    _log.warning("refused: %s", decision.detail)
    return decision
