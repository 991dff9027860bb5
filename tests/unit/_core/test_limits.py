"""Numbers that could never work: refused where they come in, with an error of ours."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from smsgate import (
    APIClient,
    AsyncAPIClient,
    ConfigurationError,
    InvalidRequestError,
    JWTAuth,
    RetryPolicy,
    SMSGateError,
    Timeout,
    webhooks,
)
from smsgate.emulator import Gateway
from smsgate.http import HttpxHttpClient, Response
from smsgate.receiver import Receiver

SILLY = [math.nan, math.inf, -math.inf, -1, -0.5, True, 1e10 * 1e10, 10**400, 10**5000, "5", None, [1], 1j]
BASE_URL = "http://gateway.test/3rdparty/v1"


def named(value):
    return f"{type(value).__name__} {str(value)[:10] if not isinstance(value, int) or value < 10**9 else 'huge'}"


silly = pytest.mark.parametrize("value", SILLY, ids=named)


@silly
@pytest.mark.parametrize("client", [APIClient, AsyncAPIClient])
def test_timeouts(client, value):
    with pytest.raises(ConfigurationError, match="timeout"):
        client("a", "b", timeout=value)
    if value is not None:
        for part in ("connect", "read", "total"):
            with pytest.raises(ConfigurationError, match=f"timeout.{part}"):
                client("a", "b", timeout=Timeout(**{part: value}))


@pytest.mark.parametrize("value", [1e10, 1_000_001, 0, 0.0])
def test_timeouts_that_no_socket_takes_are_refused_with_the_limit(value):
    with pytest.raises(ConfigurationError, match="1,000,000"):
        APIClient("a", "b", timeout=value)


@silly
def test_retry_policies(value):
    for name in ("max_retries", "base_delay", "max_delay", "max_elapsed", "max_retry_after"):
        if value == math.inf and name in {"max_elapsed", "max_retry_after"}:  # no limit
            assert getattr(RetryPolicy(**{name: value}), name) == math.inf
            continue
        with pytest.raises(ConfigurationError, match=name):
            RetryPolicy(**{name: value})


@silly
def test_token_options(value):
    if value is not None:
        with pytest.raises(ConfigurationError, match="ttl"):
            JWTAuth("a", "b", ["messages:send"], ttl=value)
    with pytest.raises(ConfigurationError, match="leeway"):
        JWTAuth("a", "b", ["messages:send"], leeway=value)


@silly
def test_arguments_of_calls(value):
    client = APIClient("demo", "demo-password", http=Gateway().http())
    calls = [
        lambda: client.wait("m1", interval=value),
        lambda: client.wait("m1", timeout=value),
        lambda: client.get_messages(limit=value),
        lambda: client.get_messages(offset=value),
        lambda: next(client.iter_messages(page_size=value)),
        lambda: client.list_inbox_messages(limit=value),
        lambda: next(client.iter_inbox(page_size=value)),
        lambda: client.send("Hi", to="+12025550101", device_active_within=value),
        lambda: list(client.send_many([], concurrency=value)),
    ]
    for call in calls:
        with pytest.raises((SMSGateError, StopIteration, ValueError)) if value is not None else nothing():
            call()


class nothing:  # noqa: N801 - a context manager
    """Lets errors of ours pass: None means "as usual" to most arguments."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        return kind is not None and issubclass(kind, (SMSGateError, StopIteration))


@silly
def test_receivers(value):
    for name in ("max_body", "max_unverified", "max_attempts", "concurrency"):
        with pytest.raises(ConfigurationError, match=name):
            Receiver(signing_key="k", **{name: value})
    with pytest.raises(ConfigurationError):
        Receiver(signing_key="k", window=value)
    if value is not None:
        with pytest.raises(ConfigurationError):
            Receiver(signing_key="k", tolerance=value)


@pytest.mark.parametrize("now", [math.nan, math.inf, -1, 10**400, True, "now"], ids=named)
def test_clocks_of_webhooks(now):
    headers = {"X-Timestamp": "999999999999", "X-Signature": webhooks.sign(b"{}", 999999999999, "k")}

    with pytest.raises(ConfigurationError, match="now"):
        webhooks.verify(b"{}", headers, signing_key="k", now=now, tolerance=timedelta.max)


@silly
def test_connections(value):
    with pytest.raises(ConfigurationError, match="max_connections"):
        HttpxHttpClient(max_connections=value)


class Canned:
    """A backend that gives one answer."""

    def __init__(self, status, body, headers):
        self.answer = Response(status, headers, body)

    def send(self, _request):
        return self.answer

    def stream(self, _request):
        raise NotImplementedError

    def close(self):
        pass


@pytest.mark.parametrize("number", ["9" * 310, "9" * 5000, "-1", "1e5", "nan", "inf", "", " ", "\u0665", "0x10", "1_0"])
def test_numbers_of_servers(number):
    headers = {"X-Total-Count": number, "Retry-After": number}

    def client(status, body):
        return APIClient("a", "b", base_url=BASE_URL, http=Canned(status, body, headers), retry=RetryPolicy.none())

    assert client(200, b"[]").get_messages().total is None
    for status in (429, 503):
        with pytest.raises(SMSGateError) as caught:
            client(status, b"").get_messages()
        wait = caught.value.retry_after
        assert wait is None or 0 <= wait < 1e10
    with pytest.raises(InvalidRequestError):
        client(200, b"[]").get_messages(limit=0)
