# Written by scripts/unasync.py from tests/_async/test_hooks.py; change that file instead.
"""Hooks, log records and retries of a call, without personal data."""

from __future__ import annotations

import asyncio
import logging

import pytest
from pydantic import ValidationError

from smsgate import (
    APIClient,
    ConfigurationError,
    ConnectError,
    Encryptor,
    JWTAuth,
    NotFoundError,
    RetryPolicy,
    Scope,
    domain,
)
from smsgate.emulator import Faults, Gateway
from smsgate.http import Response

BASE_URL = "http://gateway.test/3rdparty/v1"
NUMBER, TEXT, PASSWORD = "+79990001234", "canary text", "canary-password"


def test_hooks_see_every_attempt_and_may_add_headers(http):
    seen = []

    def before(event):
        event.headers["traceparent"] = "00-trace"
        seen.append(("before", event.operation, event.method, event.path, event.attempt))

    def after(event):
        seen.append(("after", event.request.operation, event.status, event.error, event.seconds >= 0))

    client = APIClient("demo", "demo-password", base_url=BASE_URL, http=http, on_request=before, on_response=after)

    with pytest.raises(NotFoundError):
        client.get_state("nobody")

    assert seen == [
        ("before", "get_message", "GET", "/messages/nobody", 1),
        ("after", "get_message", 404, None, True),
    ]
    assert http.requests[0].headers["traceparent"] == "00-trace"


def test_hook_headers_cannot_replace_the_credentials(http):
    def before(event):
        event.headers["Authorization"] = "Basic none"

    client = APIClient("demo", "demo-password", base_url=BASE_URL, http=http, on_request=before)

    assert client.get_messages() == []


def test_hooks_see_that_no_backend_can_be_had(monkeypatch):
    monkeypatch.setenv("SMSGATE_HTTP", "nonsense")
    begun, ended = [], []
    client = APIClient("demo", "password", base_url=BASE_URL, on_request=begun.append, on_response=ended.append)

    with pytest.raises(ConfigurationError):
        client.get_state("m1")

    assert [event.request for event in ended] == begun
    assert isinstance(ended[0].error, ConfigurationError)


def test_hook_sees_failures_too(answered):
    ended = []
    client, _ = answered(ConnectError("refused"), on_response=ended.append)

    with pytest.raises(ConnectError):
        client.get_state("m1")

    assert isinstance(ended[0].error, ConnectError)
    assert ended[0].status is None


def test_retries_are_announced_with_their_reason(client_of):
    retried = []
    gateway = Gateway(faults=Faults.script([503, "refuse"]))
    client = client_of(gateway, retry=RetryPolicy(base_delay=0.0, max_delay=0.0, on_retry=retried.append))

    client.get_messages()

    assert [(event.operation, event.attempt, type(event.error).__name__) for event in retried] == [
        ("list_messages", 1, "ServiceUnavailableError"),
        ("list_messages", 2, "ConnectError"),
    ]


@pytest.mark.filterwarnings("ignore:encryption with")
def test_log_has_a_line_per_attempt_and_nothing_personal(caplog):
    pytest.importorskip("cryptography", reason="encryption needs the extra smsgate[encryption]")
    gateway = Gateway(password=PASSWORD, faults=Faults.script([None, "lost"]))
    auth = JWTAuth("demo", PASSWORD, [Scope.MESSAGES_SEND, Scope.MESSAGES_READ])
    client = APIClient(
        auth=auth,
        base_url=BASE_URL,
        http=gateway.http(),
        encryptor=Encryptor("canary-passphrase", iterations=5),
        retry=RetryPolicy(base_delay=0.0, max_delay=0.0),
    )

    with caplog.at_level(logging.DEBUG, logger="smsgate"):
        state = client.send(TEXT, to=NUMBER)

    lines = [record.getMessage() for record in caplog.records if record.name == "smsgate"]
    assert any(line.startswith("POST /auth/token: 201, attempt 1, ") for line in lines)
    assert any("attempt 1 failed (TransportError)" in line for line in lines)
    assert any(line.startswith(f"GET /messages/{state.id}: 200") for line in lines)
    for canary in (NUMBER, "canary", "eyJ"):
        assert canary not in "\n".join(lines) + repr(client) + repr(state) + repr(gateway.messages)


@pytest.mark.parametrize("encryptor", [None, Encryptor("a passphrase")])
def test_what_a_hook_raises_after_a_send_is_not_taken_for_a_refused_message(http, encryptor):
    def after(_event):
        domain.TextMessage()

    client = APIClient("demo", "demo-password", base_url=BASE_URL, http=http, on_response=after, encryptor=encryptor)

    with pytest.raises(ValidationError):
        client.send(TEXT, to=NUMBER)

    assert len(http.requests) == 1


@pytest.mark.parametrize("option", ["on_request", "on_response"])
@pytest.mark.parametrize("hook", [5, "print", asyncio.sleep, object()])
def test_hook_that_would_not_run_is_refused(option, hook):
    with pytest.raises(ConfigurationError, match=f"{option} takes a plain function"):
        APIClient("demo", "password", base_url=BASE_URL, **{option: hook})


def test_compressed_responses_are_not_asked_for():
    seen = []

    class Http:
        def send(self, request):
            seen.append(dict(request.headers))
            return Response(200, {}, b"[]")

        def stream(self, request):
            raise NotImplementedError

        def close(self):
            pass

    with APIClient("login", "password", http=Http()) as client:
        client.list_devices()

    assert seen[0]["Accept-Encoding"] == "identity"
