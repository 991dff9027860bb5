"""What a request is answered, without a framework."""

from __future__ import annotations

import time

import pytest

from smsgate import webhooks
from smsgate.errors import ConfigurationError
from smsgate.receiver import decide


def test_good_request_gives_its_event(phone):
    body = phone.envelope()

    decision = decide(body, phone.signed(body), signing_key="key-of-the-phone")

    assert (decision.status, decision.reason, decision.accepted) == (200, "accepted", True)
    assert isinstance(decision.event, webhooks.SmsReceived)


@pytest.mark.parametrize(
    ("body", "changes", "status", "reason"),
    [
        (None, {"X-Signature": None}, 401, "missing_header"),
        (None, {"X-Timestamp": None}, 401, "missing_header"),
        (None, {"X-Signature": "0" * 64}, 401, "signature_mismatch"),
        (None, {"X-Signature": "é"}, 401, "malformed_signature"),
        (b"no json", {}, 400, "invalid_json"),
        (b"[]", {}, 400, "invalid_payload"),
        (b'{"event":"","payload":{}}', {}, 400, "invalid_payload"),
    ],
)
def test_bad_request_is_refused_with_its_reason(phone, body, changes, status, reason):
    body = phone.envelope() if body is None else body
    headers = {name: value for name, value in {**phone.signed(body), **changes}.items() if value is not None}

    decision = decide(body, headers, signing_key="key-of-the-phone")

    assert (decision.status, decision.reason, decision.event) == (status, reason, None)
    assert decision.document == {"reason": reason, "detail": decision.detail}
    assert "key-of-the-phone" not in repr(decision)


def test_authentic_event_that_cannot_be_read_is_accepted_with_its_reason(phone):
    body = phone.envelope(payload={"sender": "+12025550100"})

    decision = decide(body, phone.signed(body), signing_key="key-of-the-phone")

    assert (decision.status, type(decision.event)) == (200, webhooks.UnknownEvent)
    assert decision.event.reason == "payload.message (missing)"


def test_old_request_is_refused(phone):
    body = phone.envelope()

    decision = decide(body, phone.signed(body, timestamp=int(time.time()) - 3600), signing_key="key-of-the-phone")

    assert (decision.status, decision.reason) == (401, "timestamp_too_old")


def test_wrong_key_is_no_refusal_but_an_error(phone):
    with pytest.raises(ConfigurationError):
        decide(phone.envelope(), {}, signing_key="")


def test_repr_of_a_decision_shows_no_text_of_people(phone):
    body = phone.envelope(message="secret words", sender="+12025550199")

    shown = repr(decide(body, phone.signed(body), signing_key="key-of-the-phone"))

    assert "secret" not in shown
    assert "+12025550199" not in shown
