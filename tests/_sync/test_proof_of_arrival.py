# Written by scripts/unasync.py from tests/_async/test_proof_of_arrival.py; change that file instead.
"""Proof that a message has arrived, and cases without proof."""

from __future__ import annotations

import json
import time

import pytest

from smsgate import (
    APIClient,
    BasicAuth,
    ConflictError,
    DataMessage,
    InternalServerError,
    JWTAuth,
    Message,
    ProcessState,
    RequestTimeoutError,
    ResponseError,
    RetryPolicy,
    SendOutcomeUnknownError,
    TextMessage,
    TransportError,
)
from smsgate._sync import io
from smsgate.emulator import FAULTS, Gateway
from smsgate.http import Headers, Response

BASE_URL = "http://gateway.test/3rdparty/v1"
FAST = RetryPolicy(base_delay=0.0, max_delay=0.0)
CATALOG = '</.well-known/api-catalog>; rel="api-catalog"'
TAKEN = Response(409, {}, b'{"message":"message with the same ID already exists"}')


def text(body="Hello", *numbers, **fields):
    return Message(phone_numbers=numbers or ["+79990001234"], text_message=TextMessage(text=body), **fields)


def scripted(*steps):
    """Let exchanges about messages fail as scripted; an answer takes the place of the gateway's own."""
    remaining = iter(steps)

    def choose(request):
        step = next(remaining, None) if "/messages" in request.url else None
        return FAULTS[str(step)] if isinstance(step, str | int) else step

    return choose


@pytest.fixture
def pinning(client_of):
    """Make a gateway with one silent phone, and a client that pins messages to it."""

    def make(*steps, devices=1, **options):
        gateway = Gateway(devices=devices, phone=False)
        gateway.faults = scripted(*steps)
        return gateway, client_of(gateway, **{"retry": FAST, "pin_device": True, **options})

    return make


def stored(gateway):
    return [message.id for message in gateway.messages]


@pytest.mark.parametrize("id", ["order-7", "ORDER-7"])
def test_used_id_of_the_caller_is_no_arrival_when_the_gateway_cannot_be_asked(pinning, id):
    gateway, client = pinning()
    client.send(text("old text", id="order-7"))
    gateway.faults = scripted("reset", None, *["lost"] * 9)

    with pytest.raises(SendOutcomeUnknownError) as caught:
        client.send(text("new text", id=id))

    assert caught.value.message_id == id
    assert len(gateway.messages) == 1


def test_conflict_over_a_message_that_the_gateway_does_not_have_is_no_arrival(pinning):
    gateway, client = pinning(502, TAKEN)

    with pytest.raises(SendOutcomeUnknownError):
        client.send(text())

    assert stored(gateway) == []


def test_conflict_over_a_message_on_another_phone_is_no_arrival(pinning):
    gateway, client = pinning(devices=2)
    client.send(text(id="order-7", device_id=gateway.devices[0].id))
    gateway.faults = scripted("reset", TAKEN)

    with pytest.raises(SendOutcomeUnknownError):
        client.send(text(id="order-7", device_id=gateway.devices[1].id))


def test_conflict_that_an_old_server_means_for_a_number_in_two_spellings_is_no_arrival(pinning):
    gateway, client = pinning("reset", TAKEN, *["lost"] * 9)

    with pytest.raises(SendOutcomeUnknownError):
        client.send(text("Hello", "+12025550123", "+1 202 555 0123"))

    assert stored(gateway) == []


def test_conflict_over_a_fresh_id_is_an_arrival_even_if_the_gateway_cannot_be_asked(pinning):
    gateway, client = pinning("lost", None, *["lost"] * 9)

    state = client.send(text("Hello", "+12025550123", "+12025550124"))

    assert stored(gateway) == [state.id]
    assert state.state == ProcessState.Pending


class Edited:
    """A backend that changes answers; posts to send get lost in so many cases."""

    def __init__(self, inner, edit, *, lose=0):
        self.inner, self.edit, self.lose = inner, edit, lose

    def send(self, request):
        answer = self.inner.send(request)
        path = request.url.split("/3rdparty/v1")[-1].split("?")[0]
        if request.method == "POST" and path == "/messages" and self.lose:
            self.lose -= 1
            raise TransportError("the answer was lost")
        if not path.startswith("/messages") or not answer.content:
            return answer
        document = self.edit(request.method, json.loads(answer.content))
        return Response(answer.status, answer.headers, json.dumps(document).encode())

    def stream(self, request):
        return self.inner.stream(request)

    def close(self):
        self.inner.close()


def edited(gateway, edit, **options):
    http = Edited(gateway.http(), edit, lose=options.pop("lose", 0))
    return APIClient("demo", "demo-password", base_url=BASE_URL, http=http, retry=FAST, **options)


@pytest.mark.parametrize("pin", [True, False])
def test_stored_data_message_is_found_whatever_fields_servers_add(pin):
    def edit(method, document):
        return {**document, "dataMessage": {**document["dataMessage"], "flash": False}} if method == "GET" else document

    gateway = Gateway(phone=False)
    data = Message(phone_numbers=["+12025550123"], data_message=DataMessage.with_bytes(b"abcd", 5))

    state = edited(gateway, edit, lose=1, pin_device=pin).send(data)

    assert stored(gateway) == [state.id]


@pytest.mark.parametrize("id", ["order-7", None])
def test_first_response_is_believed_whatever_id_it_names_with_one_warning(id, caplog):
    gateway = Gateway(phone=False)
    client = edited(gateway, lambda _, document: {**document, "id": "another"})

    states = [client.send(text(id=id)) for id in (id, None)]

    assert [state.id for state in states] == ["another", "another"]
    assert len(gateway.messages) == 2
    assert len([record for record in caplog.records if "another id" in record.getMessage()]) == 1


@pytest.mark.parametrize("headers", [{}, {"Location": "/api/3rdparty/v1/messages/made-up"}])
def test_canned_response_is_believed_whatever_recipients_and_text_it_shows(answered, headers):
    state = {
        "id": "made-up",
        "deviceId": "d1",
        "state": "Pending",
        "isHashed": False,
        "isEncrypted": False,
        "recipients": [{"phoneNumber": "+12025550199", "state": "Pending"}],
        "textMessage": {"text": "Bye"},
    }
    client, backend = answered(Response(202, Headers(headers), json.dumps(state).encode()))

    assert (client.send(text())).id == "made-up"
    assert len(backend.requests) == 1
    assert (client.send(text(id="made-up"))).id == "made-up"
    with pytest.raises(ResponseError, match="nothing was sent"):
        client.with_options(pin_device=True).send(text(id="made-up"))


@pytest.mark.parametrize("pin", [True, False])
@pytest.mark.parametrize("id", ["order-7", None])
def test_after_an_unclear_attempt_only_a_response_with_the_own_id_settles(id, pin):
    gateway = Gateway(devices=2, phone=False)
    client = edited(gateway, lambda _, document: {**document, "id": "another"}, lose=1, pin_device=pin)

    try:
        known = (client.send(text(id=id))).id
    except SendOutcomeUnknownError as error:
        known = error.message_id

    assert stored(gateway) == [known]
    assert id in {known, None}


def test_response_about_another_message_after_an_unclear_attempt_is_followed_by_a_look_up(pinning):
    foreign = {"id": "another", "deviceId": "d1", "state": "Pending", "recipients": [], "isHashed": False}
    gateway, client = pinning(502, Response(202, Headers({}), json.dumps({**foreign, "isEncrypted": False}).encode()))

    state = client.send(text())

    assert stored(gateway) == [state.id]


def test_older_message_with_the_id_does_not_make_up_for_an_unreadable_answer(pinning):
    gateway, client = pinning()
    client.send(text("old text", id="order-7"))
    gateway.faults = scripted("garbage")

    with pytest.raises(ResponseError) as caught:
        client.send(text("new text", id="order-7"))

    assert caught.value.message_id == "order-7"


def test_conflict_after_a_doubtful_attempt_with_another_message_is_told_apart(pinning):
    gateway, client = pinning()
    client.send(text("old text", id="order-7"))
    gateway.faults = scripted("reset")

    with pytest.raises(ConflictError):
        client.send(text("new text", id="order-7"))


class Slow:
    """A backend whose exchanges take a while: posts and deletes get lost, and every third look is answered.

    Time passes in its exchanges only.
    """

    def __init__(self, inner, seconds):
        self.inner, self.seconds = inner, seconds
        self.time, self.looks = 0.0, 0
        self.starts = []

    def now(self):
        return self.time

    def send(self, request):
        self.starts.append((request.method, self.time))
        self.looks += request.method == "GET"
        if request.method == "GET" and self.looks % 3 == 0:
            return self.inner.send(request)
        self.time += self.seconds
        raise TransportError("no answer in time")

    def stream(self, request):
        return self.inner.stream(request)

    def close(self):
        self.inner.close()


@pytest.mark.parametrize("cancel", [True, False])
def test_time_that_a_policy_gives_a_call_bounds_its_looks_and_attempts_together(monkeypatch, cancel):
    gateway = Gateway(devices=2, phone=False)
    http = Slow(gateway.http(), 10.0)
    monkeypatch.setattr(io, "now", http.now)
    retry = RetryPolicy(base_delay=0.0, max_elapsed=25.0)
    client = APIClient("demo", "demo-password", base_url=BASE_URL, http=http, retry=retry)

    with pytest.raises((SendOutcomeUnknownError, TransportError)):
        (client.cancel_message("m1") if cancel else client.send(text()))

    late = [start for start in http.starts if start[1] > 25.0]
    assert len(late) <= 1
    assert all(method == "GET" for method, _ in late)


def test_send_that_is_late_after_a_look_is_not_tried_again(client_of):
    gateway = Gateway(devices=2, phone=False)
    gateway.faults = scripted(500)
    late = RetryPolicy(base_delay=0.0, max_elapsed=0.05, on_retry=lambda _: time.sleep(0.1))

    with pytest.raises(InternalServerError):
        client_of(gateway, retry=late).send(text())

    assert stored(gateway) == []


@pytest.mark.parametrize("status", [500, 503])
def test_failure_that_a_proxy_reports_as_json_is_not_the_server_s_own_word(client_of, status):
    gateway = Gateway(devices=2, phone=False)
    gateway.faults = scripted(
        Response(status, {"content-type": "application/json"}, b'{"message":"Service Unavailable"}')
    )

    with pytest.raises(SendOutcomeUnknownError):
        client_of(gateway, retry=RetryPolicy.none()).send(text())


@pytest.mark.parametrize(
    ("headers", "body"),
    [({}, b'{"message":"failed to handle request"}'), ({"Link": CATALOG}, b'{"message":"anything"}')],
)
def test_failure_that_only_the_server_reports_so_is_certain(client_of, headers, body):
    gateway = Gateway(devices=2, phone=False)
    gateway.faults = scripted(Response(500, Headers(headers), body))

    with pytest.raises(InternalServerError):
        client_of(gateway, retry=RetryPolicy.none()).send(text())


class OwnError(TransportError):
    """What a backend of the user's own raises."""

    def __init__(self):
        super().__init__("mine", sent=None)


class OwnTimeoutError(RequestTimeoutError):
    def __init__(self, *, after):
        super().__init__(f"nothing after {after} s", sent=None)


@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize(
    ("raised", "kind"), [(OwnError(), TransportError), (OwnTimeoutError(after=1), RequestTimeoutError)]
)
def test_transport_errors_of_other_make_are_told_as_the_nearest_of_ours(answered, tokens, raised, kind):
    _, backend = answered(raised)
    auth = JWTAuth("demo", "pw", ["all:any"]) if tokens else BasicAuth("demo", "pw")
    client = APIClient(auth=auth, base_url=BASE_URL, http=backend, retry=RetryPolicy.none(), pin_device=True)

    with pytest.raises(kind, match=r"no token|nothing was sent") as caught:
        client.send(text())

    assert type(caught.value) is kind
    assert caught.value.sent is False
