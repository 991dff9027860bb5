"""Events from the bodies of webhook requests."""

from __future__ import annotations

import pytest

from smsgate import UnknownEvent
from smsgate._core.webhook_events import load_document, read_event
from smsgate.errors import PayloadError

ENVELOPE = {"id": "e1", "webhookId": "w1", "deviceId": "d1"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": 1} x', b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff", b"[" * 100_000]
)
def test_body_that_is_no_strict_json_is_rejected(body):
    with pytest.raises(PayloadError) as caught:
        load_document(body)
    assert caught.value.reason == "invalid_json"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"'])
def test_body_that_is_no_object_is_rejected(body):
    with pytest.raises(PayloadError) as caught:
        load_document(body)
    assert caught.value.reason == "invalid_payload"


def test_event_of_an_unknown_name_keeps_its_payload():
    event = read_event({**ENVELOPE, "event": "sms:new", "payload": [1]}, None)

    assert isinstance(event, UnknownEvent)
    assert (event.id, event.payload, event.raw_payload, event.reason) == ("e1", {}, [1], None)


def test_event_of_a_known_name_without_its_payload_says_why():
    event = read_event({"event": "sms:received", "payload": {"message": 5}}, None)

    assert isinstance(event, UnknownEvent)
    assert event.reason
    assert (event.id, event.payload) == ("", {"message": 5})


def test_body_without_the_name_of_an_event_is_rejected():
    for name in (None, "", 5):
        with pytest.raises(PayloadError, match="names no event"):
            read_event({**ENVELOPE, "event": name}, None)
