"""From a request to the answer it deserves: a pure function, good for every framework."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from smsgate import webhooks
from smsgate.errors import PayloadError, WebhookError

if TYPE_CHECKING:
    from datetime import datetime

MAX_BODY = 20 * 1024 * 1024
"""Bytes; an MMS comes with its attachments inside."""

MAX_UNVERIFIED = 1024 * 1024
"""Bytes of a body that a function is asked about, which looks keys up, while anybody may have sent it."""

TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to answer, and why.

    Attributes:
        status: HTTP status: 200; 400 for a body that is no event; 401 for a missing, wrong or old signature; 413 for
            one that is too large.
        reason: one word for programs; a refusal has the reason of its `smsgate.WebhookError`.
        detail: one sentence for people, without secrets.
        event: the event to work on; None when there is nothing to do.
    """

    status: int
    reason: str
    detail: str
    event: webhooks.Event | None = field(default=None, repr=False)

    @property
    def document(self) -> dict[str, Any]:
        """The body of the answer, for JSON; phones do not read it, people looking for a fault do."""
        return {"reason": self.reason, "detail": self.detail}

    @property
    def accepted(self) -> bool:
        """Whether the phone is done with this delivery; otherwise it tries again for two days."""
        return self.status < 300  # noqa: PLR2004 - what the phone takes for success

    def without_event(self, reason: str, detail: str, *, status: int = 200) -> Decision:
        """Return another decision, with nothing to work on."""
        return replace(self, status=status, reason=reason, detail=detail, event=None)


UNREADABLE = Decision(400, "incomplete", "the request ended before its body did")
NOT_STORED = Decision(503, "not_stored", "the event could not be stored; send it again later")
NO_KEY = Decision(503, "key_lookup_failed", "the signing key could not be looked up; send it again later")
WRONG_METHOD = Decision(405, "method", "events are sent with POST")
WRONG_PATH = Decision(404, "path", "events are received at another path")


def too_large(limit: int, option: str) -> Decision:
    """Refuse a body, naming the option that limits it."""
    return Decision(413, "too_large", f"the body is larger than {limit} bytes ({option})")


def decide(
    body: webhooks.Body,
    headers: webhooks.Headers,
    *,
    signing_key: webhooks.SigningKey,
    tolerance: timedelta | None = TOLERANCE,
    encryptor: webhooks.Decryptor | None = None,
    now: datetime | float | None = None,
) -> Decision:
    """Check a request and say what to answer; arguments are those of `smsgate.webhooks.parse`.

    Raises:
        ConfigurationError: no key, an empty key, a wrong tolerance.
    """
    try:
        event = webhooks.parse(
            body, headers, signing_key=signing_key, tolerance=tolerance, now=now, encryptor=encryptor
        )
    except PayloadError as error:
        return Decision(400, error.reason, str(error))
    except WebhookError as error:
        return Decision(401, error.reason, str(error))
    return Decision(200, "accepted", "the event is accepted", event)
