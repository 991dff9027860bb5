"""Hooks and log records of each attempt."""

from __future__ import annotations

import logging

import pytest

from smsgate import ConfigurationError, RequestEvent, ResponseEvent
from smsgate._core.hooks import check_hook, log_end, log_send


def test_hooks_are_plain_functions():
    async def later(event): ...

    assert check_hook("on_request", print) is print
    assert check_hook("on_request", None) is None
    for wrong in (later, "print", 5):
        with pytest.raises(ConfigurationError, match="on_request takes a plain function"):
            check_hook("on_request", wrong)


def test_log_names_message_status_and_attempt(caplog):
    request = RequestEvent("send_message", "POST", "/messages", 2, message_id="m1")
    with caplog.at_level(logging.DEBUG, "smsgate"):
        log_send(request)
        log_end(ResponseEvent(request, 202, None, 0.25))
        log_end(ResponseEvent(RequestEvent("health", "GET", "/health", 1), None, OSError("secret"), 0.001))

    assert caplog.messages == [
        "POST /messages: sending message m1",
        "POST /messages: 202, attempt 2, 250.0 ms, message m1",
        "GET /health: OSError, attempt 1, 1.0 ms",
    ]
