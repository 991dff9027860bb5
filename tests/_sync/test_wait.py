# Written by scripts/unasync.py from tests/_async/test_wait.py; change that file instead.
"""Waiting for a message: stop conditions, temporary failures and timeouts."""

from __future__ import annotations

import json
import socket
import time

import pytest

from smsgate import (
    APIClient,
    ConnectError,
    ForbiddenError,
    JWTAuth,
    NotFoundError,
    NotImplementedByServerError,
    ProcessState,
    RequestTimeoutError,
    ResponseError,
    RetryPolicy,
    TransportError,
    UnauthorizedError,
    WaitTimeoutError,
)
from smsgate._sync import io
from smsgate.emulator import Faults, Gateway
from smsgate.http import Response

STATE = {
    "id": "m1",
    "deviceId": "d1",
    "state": "Delivered",
    "isHashed": False,
    "isEncrypted": False,
    "recipients": [{"phoneNumber": "+79990001234", "state": "Delivered"}],
    "states": {},
}
DELIVERED = (200, json.dumps(STATE).encode())
PENDING = (200, json.dumps(STATE).replace("Delivered", "Pending").encode())
HEALTH = {"status": "fail", "version": "1", "releaseId": 1, "checks": {}}
LONG = 60.0


class Silent:
    """A backend that keeps every request as long as the request's own limit allows."""

    def __init__(self, answers=()):
        self.answers = list(answers)
        self.limits = []

    def send(self, request):
        if self.answers:
            return Response(self.answers[0][0], {}, self.answers.pop(0)[1])
        self.limits.append(request.timeout)
        io.sleep(request.timeout.total)
        raise RequestTimeoutError("silence")

    def stream(self, request):
        raise NotImplementedError

    def close(self):
        pass


@pytest.mark.parametrize(
    "failure",
    [
        ConnectError("refused"),
        RequestTimeoutError("slow"),
        TransportError("broken"),
        *((status, b"") for status in (408, 429, 500, 502, 503, 504, 520)),
        Response(503, {"Retry-After": "3600"}, b""),
    ],
)
def test_polls_that_fail_in_passing_do_not_end_the_wait(answered, failure):
    client, backend = answered(PENDING, *[failure] * 6, DELIVERED)

    state = client.wait("m1", timeout=LONG, interval=0.001)

    assert state.state == ProcessState.Delivered
    assert len(backend.requests) == 8


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ((401, b""), UnauthorizedError),
        ((403, b""), ForbiddenError),
        ((404, b""), NotFoundError),
        ((501, b""), NotImplementedByServerError),
        ((200, b"<html>a page</html>"), ResponseError),
    ],
)
def test_failure_that_does_not_pass_ends_the_wait_at_once(answered, failure, kind):
    client, _ = answered(PENDING, failure)

    with pytest.raises(kind):
        client.wait("m1", timeout=LONG, interval=0.001)


def test_refusal_while_the_server_is_not_ready_does_not_end_the_wait(answered):
    client, _ = answered((401, b""), (503, json.dumps(HEALTH).encode()), DELIVERED)

    assert (client.wait("m1", timeout=LONG, interval=0.001)).state == ProcessState.Delivered


@pytest.mark.parametrize("kind", ["refuse", 500, "outage"])
def test_wait_goes_on_when_an_outage_ends(client_of, kind):
    gateway = Gateway()
    client = client_of(gateway, retry=RetryPolicy.none())
    sent = client.send("Hello", to="+79990001234")
    gateway.faults = Faults.script([kind] * 5)

    assert (client.wait(sent.id, timeout=LONG, interval=0.05)).state == ProcessState.Delivered


def test_wait_in_vain_carries_the_last_state_and_the_failure(answered):
    client, _ = answered(PENDING, (503, b"down"))

    with pytest.raises(WaitTimeoutError, match="still Pending") as caught:
        client.wait("m1", timeout=1, interval=0.01)

    assert caught.value.state.id == "m1"
    assert caught.value.__cause__.status_code == 503


def test_wait_that_saw_nothing_says_so(answered):
    client, _ = answered(ConnectError("refused"))

    with pytest.raises(WaitTimeoutError, match="could not be looked up") as caught:
        client.wait("m1", timeout=0.5, interval=0.01)

    assert caught.value.state is None
    assert isinstance(caught.value.__cause__, ConnectError)


@pytest.mark.parametrize("answers", [[], [PENDING], [(401, b"")]])
@pytest.mark.parametrize("auth", [None, JWTAuth("demo", "demo-password", ["messages:read"])])
def test_polls_retries_health_and_tokens_get_only_the_time_that_is_left(answers, auth):
    backend = Silent(answers)
    login = (None, None) if auth else ("demo", "demo-password")
    at_once = RetryPolicy(base_delay=0.0, max_delay=0.0)  # or the wait for a retry may be longer than what is left
    client = APIClient(*login, auth=auth, base_url="http://gateway.test", http=backend, timeout=LONG, retry=at_once)
    for timeout in (0.5, 5.0):  # on a busy machine, the responses before the silence can take the first one
        begun = time.monotonic()

        with pytest.raises(WaitTimeoutError):
            client.wait("m1", timeout=timeout, interval=0.01)

        assert time.monotonic() - begun < LONG / 2
        assert all(max(limit.connect, limit.read, limit.total) <= timeout for limit in backend.limits)
        if backend.limits:
            break
    assert backend.limits


def test_wait_holds_its_limit_against_a_server_that_says_nothing():
    begun = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with APIClient("demo", "demo-password", base_url=url, timeout=LONG) as client:
            with pytest.raises(WaitTimeoutError):
                client.wait("m1", timeout=0.5)

    assert time.monotonic() - begun < LONG / 2


def test_without_time_there_is_one_look(answered):
    client, backend = answered(PENDING)

    with pytest.raises(WaitTimeoutError):
        client.wait("m1", timeout=0)

    assert len(backend.requests) == 1
