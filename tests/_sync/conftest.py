"""Backends and clients of the synchronous tests; `tests/_async/conftest.py` is the hand-written counterpart."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from smsgate import APIClient, RetryPolicy
from smsgate.emulator import Gateway
from smsgate.http import Response, StreamedResponse

BASE_URL = "http://gateway.test/3rdparty/v1"


class Recorder:
    """A backend that notes every request before another backend answers it."""

    def __init__(self, inner):
        self.inner = inner
        self.requests = []

    def send(self, request):
        self.requests.append(request)
        return self.inner.send(request)

    def stream(self, request):
        self.requests.append(request)
        return self.inner.stream(request)

    def close(self):
        self.inner.close()


class Canned:
    """A backend that gives prepared answers or raises prepared errors, one a request; the last one is repeated."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.requests = []
        self.closed = 0

    def send(self, request):
        self.requests.append(request)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @contextmanager
    def stream(self, request):
        answer = self.send(request)

        def chunks():
            yield answer.content

        yield StreamedResponse(answer.status, answer.headers, chunks())

    def close(self):
        self.closed += 1


@pytest.fixture
def gateway():
    """A cloud gateway with one phone that acts by itself."""
    return Gateway()


@pytest.fixture
def http(gateway):
    return Recorder(gateway.http())


@pytest.fixture
def client(http):
    return APIClient("demo", "demo-password", base_url=BASE_URL, http=http)


@pytest.fixture
def client_of():
    """Make a client of some gateway."""

    def make(gateway, **options):
        options.setdefault("base_url", BASE_URL)
        return APIClient("demo", "demo-password", http=gateway.http(), **options)

    return make


@pytest.fixture
def answered():
    """Make a client that gets prepared outcomes: `Response`, (status, body) or exceptions."""

    def make(*outcomes, **options):
        responses = [Response(o[0], {}, o[1]) if isinstance(o, tuple) else o for o in outcomes]
        options.setdefault("base_url", BASE_URL)
        options.setdefault("retry", RetryPolicy.none())
        backend = Canned(*responses)
        return APIClient("demo", "demo-password", http=backend, **options), backend

    return make
