"""Hints of errors."""

from __future__ import annotations

from smsgate._core.hints import ErrorContext, find_hint
from smsgate.runtime.types import Operation


def test_hints_name_what_helps():
    def hint(status, message="", name="get_message", base_url="https://a.test/3rdparty/v1", location=None):
        operation = Operation(name, "GET", "/", lambda *_: None)
        return find_hint(ErrorContext(operation, status, message, base_url, location=location))

    assert "JWT__SECRET" in hint(501, name="create_token")
    assert "phones' API" in hint(401, "Unauthorized", base_url="https://a.test/mobile/v1")
    assert "phones' API" in hint(404, "Not Found", base_url="https://a.test/api/mobile/v1")
    assert hint(401, "Unauthorized") is None
    assert "local server" in hint(404, "Not Found", name="download_attachment")
    assert "local server has no path" in hint(404, "Not Found", base_url="http://phone.test:8080/3rdparty/v1")
    assert "no such item" in hint(404, "Not Found", base_url="http://phone.test:8080")
    assert "+<country code>" in hint(400, "invalid phone number")
    assert "+<country code>" in hint(400, "failed to parse phone number: the phone number supplied is not a number")
    assert "device_active_within" in hint(400, "failed to select device: record not found")
    assert "bring it online" in hint(503, "failed to enqueue message: queue limits exceeded: too many failed messages")
    assert "local server" in hint(501, name="list_inbox")
    assert hint(501, name="health")
    assert "get_state" in hint(409, "failed to cancel message: message is not pending", name="cancel_message")
    assert "another id" in hint(409, "duplicate id", name="send_message")
    assert "messages:list" in hint(400, "unsupported scope provided", name="create_token")
    assert "redirects" in hint(302)
    assert "(https://b.test/v1)" in hint(302, location="https://user:secret@b.test/v1?token=x#y")
    assert "(//b.test)" in hint(302, location="//user:secret@b.test")
    assert "(/v1/a@b)" in hint(302, location="/v1/a@b")
    assert hint(400, "something") is None
    assert hint(404, "message not found") is None
    assert hint(503, "down") is None


def test_hints_about_the_gateway_are_for_its_own_operations():
    operation = Operation("list_orders", "GET", "/orders", lambda *_: None)

    for status, message in ((400, "invalid phone number"), (401, "Unauthorized"), (404, "Not Found"), (501, "")):
        context = ErrorContext(operation, status, message, "http://shop.test/mobile/v1", "Basic abc", is_own=False)
        assert find_hint(context) is None
