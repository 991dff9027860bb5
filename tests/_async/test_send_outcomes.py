"""Resolution of unknown outcomes: lookups, generated ids, and the phone of a message."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from smsgate import (
    AsyncAPIClient,
    BadRequestError,
    BasicAuth,
    ConflictError,
    InvalidRequestError,
    Message,
    ProcessState,
    RetryPolicy,
    SendOutcomeUnknownError,
    TextMessage,
    Timeout,
    TransportError,
    new_id,
)
from smsgate.ahttp import Response
from smsgate.emulator import Faults, Gateway
from smsgate.http import Request

BASE_URL = "http://gateway.test/3rdparty/v1"
FAST = RetryPolicy(base_delay=0.0, max_delay=0.0)
POST, LOOK, LIST = "POST /messages", "GET /messages/*", "GET /devices"
TAKEN = Response(409, {}, b'{"message":"message with the same ID already exists"}')


def text(body="Hello", **fields):
    return Message(phone_numbers=["+79990001234"], text_message=TextMessage(text=body), **fields)


def stored(gateway):
    return [message.id for message in gateway.messages]


def remove(gateway, device_id):
    who = BasicAuth(gateway.login, gateway.password).authorization()
    request = Request("DELETE", f"{BASE_URL}/devices/{device_id}", {"Authorization": who}, None, Timeout())
    assert gateway.handle(request).status == 204


# -- look-ups ------------------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("fault", [500, 502, 503, 504, 408, 429, "reset", "lost", "refuse", "garbage"])
@pytest.mark.parametrize("devices", [1, 2])
async def test_look_ups_that_fail_in_passing_do_not_end_a_send(client_of, fault, devices):
    faults = Faults.script([500, *[fault] * 6], only=[POST, LOOK, LIST])
    gateway = Gateway(devices=devices, phone=False, faults=faults)

    state = await client_of(gateway, retry=RetryPolicy(max_retries=9, base_delay=0.0)).send(text())

    assert stored(gateway) == [state.id]


@pytest.mark.anyio
async def test_send_rides_out_an_outage_of_the_database(client_of):
    gateway = Gateway(devices=2, phone=False)
    seen = []

    def note(event):
        seen.append(event)
        if len(seen) == 6:
            gateway.outage(False)

    client = client_of(gateway, retry=RetryPolicy(max_retries=9, base_delay=0.0, on_retry=note))
    await client.send(text())
    gateway.outage(True)

    state = await client.send(text())

    assert stored(gateway)[1:] == [state.id]


@pytest.mark.anyio
async def test_look_ups_that_fail_to_the_end_leave_the_outcome_unknown_with_the_last_error(client_of):
    gateway = Gateway(devices=2, phone=False, faults=Faults.script(["lost", *[503] * 99], only=[POST, LOOK, LIST]))

    with pytest.raises(SendOutcomeUnknownError) as caught:
        await client_of(gateway, retry=FAST).send(text())

    assert caught.value.__cause__.status_code == 503
    assert stored(gateway) == [caught.value.message_id]


# -- ids that were generated ---------------------------------------------------------------------------------------


class Repeating:
    """A backend below which something repeats each POST, as ingresses and sessions with a retry adapter do."""

    def __init__(self, inner, look=None):
        self.inner, self.look = inner, look

    async def send(self, request):
        if request.method == "POST":
            await self.inner.send(request)
        answer = await self.inner.send(request)
        return self.look(answer) if self.look and "/messages/" in request.url else answer

    def stream(self, request):
        return self.inner.stream(request)

    async def aclose(self):
        await self.inner.aclose()


def changed(answer):
    """Show the text as a database does that cannot store emoji."""
    document = json.loads(answer.content)
    return Response(200, {}, json.dumps({**document, "textMessage": {"text": "Hello ?"}}).encode())


def failing(_answer):
    return Response(503, {}, b"{}")


@pytest.mark.anyio
@pytest.mark.parametrize("look", [None, changed, failing])
@pytest.mark.parametrize("pin", [True, False])
@pytest.mark.parametrize("many", [True, False])
async def test_conflict_over_a_generated_id_is_an_arrival(look, pin, many):
    gateway = Gateway(devices=1, phone=False)
    http = Repeating(gateway.async_http(), look)
    client = AsyncAPIClient("demo", "demo-password", base_url=BASE_URL, http=http, retry=FAST, pin_device=pin)

    if many:
        states = [result.unwrap() async for result in client.send_many([text("Hello \U0001f600")])]
    else:
        states = [await client.send(text("Hello \U0001f600"))]

    assert [state.id for state in states] == stored(gateway)
    assert states[0].state == ProcessState.Pending


@pytest.mark.anyio
async def test_conflict_on_the_first_attempt_with_an_id_of_the_caller_is_a_conflict():
    gateway = Gateway(phone=False)
    http = Repeating(gateway.async_http())
    client = AsyncAPIClient("demo", "demo-password", base_url=BASE_URL, http=http, retry=FAST)

    with pytest.raises(ConflictError):
        await client.send(text(id=new_id()))


@pytest.mark.anyio
async def test_conflict_over_a_generated_id_that_the_gateway_does_not_have_is_unknown(answered):
    client, _ = answered(TAKEN, Response(404, {}, b'{"message":"message not found"}'))

    with pytest.raises(SendOutcomeUnknownError) as caught:
        await client.send(text())

    assert isinstance(caught.value.__cause__, ConflictError)


# -- the phone of a message ----------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_account_s_only_phone_makes_repeating_safe(http, gateway, client):
    gateway.faults = Faults.script(["lost"], only=[POST])

    state = await client.send(text())

    assert stored(gateway) == [state.id]
    posts = [json.loads(request.content) for request in http.requests if request.method == "POST"]
    assert [post.get("deviceId") for post in posts] == [None, gateway.devices[0].id]
    assert len([request for request in http.requests if request.url.endswith("/devices")]) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("fault", ["lost", 500, "reset", "504-handled"])
@pytest.mark.parametrize("mode", ["cloud", "local"])
async def test_only_phone_settles_a_send_though_no_look_up_succeeds(fault, mode):
    gateway = Gateway(devices=1, phone=False, mode=mode)
    inner = gateway.async_http()

    class Blind:
        posts = 0

        async def send(self, request):
            if request.method == "GET" and "/messages/" in request.url:
                return Response(503, {}, b"{}")
            if request.method == "POST":
                self.posts += 1
                if self.posts == 1:
                    answer = None if fault in {500, "reset"} else await inner.send(request)
                    if fault in {"lost", "reset"}:
                        raise TransportError("the response was lost")
                    assert answer is None or answer.status == 202
                    return Response(500 if fault == 500 else 504, {}, b"{}")
            return await inner.send(request)

        def stream(self, request):
            return inner.stream(request)

        async def aclose(self):
            await inner.aclose()

    url = BASE_URL if mode == "cloud" else "http://phone.test:8080"
    client = AsyncAPIClient(gateway.login, gateway.password, base_url=url, http=Blind(), retry=FAST)

    state = await client.send(text())

    assert stored(gateway) == [state.id]


@pytest.mark.anyio
async def test_own_id_goes_to_the_same_phone_in_every_process(client_of):
    gateway = Gateway(devices=3, phone=False)

    for number in range(20):
        for _life in range(3):
            client = client_of(gateway, pin_device=True)
            chosen = await client.choose_device(f"order-{number}")
            try:
                state = await client.send(text(id=f"order-{number}"))
            except ConflictError:
                continue
            assert state.device_id == chosen

    assert sorted(stored(gateway)) == sorted(f"order-{number}" for number in range(20))
    assert len({message.device_id for message in gateway.messages}) == 3


@pytest.mark.anyio
async def test_choosing_a_device_takes_an_id_and_hours(client_of):
    client = client_of(Gateway(devices=2, phone=False))

    for id, hours in (("", 0), ("m1", -1), ("m1", True)):
        with pytest.raises(InvalidRequestError):
            await client.choose_device(id, active_within=hours)
    assert await client_of(Gateway(devices=0)).choose_device("m1") is None


@pytest.mark.anyio
@pytest.mark.parametrize("own", [True, False])
async def test_message_whose_phone_was_removed_goes_to_another_one(client_of, own):
    gateway = Gateway(devices=2, phone=False)
    client = client_of(gateway, pin_device=True, retry=RetryPolicy.none())
    await client.send(text())
    gone = gateway.devices[0].id
    remove(gateway, gone)
    before = set(stored(gateway))

    results = [result async for result in client.send_many(text(id=f"own-{n}" if own else None) for n in range(12))]

    assert [result.unwrap().id for result in results] == [result.message.id for result in results]
    assert {result.message.device_id for result in results} == {gateway.devices[-1].id}
    assert set(stored(gateway)) - before == {result.message.id for result in results}


@pytest.mark.anyio
async def test_own_id_is_looked_for_before_another_phone_gets_it(client_of):
    gateway = Gateway(devices=2, phone=False)
    client = client_of(gateway, pin_device=True)
    gone = gateway.devices[0].id
    ids = [id for id in (f"order-{n}" for n in range(40)) if await client.choose_device(id) == gone]
    remove(gateway, gone)
    for id in ids:  # an earlier run has found the phone gone
        await client_of(gateway).send(text(id=id))

    assert (await client.send(text(id=ids[0]))).id == ids[0]
    with pytest.raises(ConflictError):
        await client_of(gateway, pin_device=True).send(text("other", id=ids[1]))
    assert sorted(stored(gateway)) == sorted(ids)


@pytest.mark.anyio
@pytest.mark.parametrize("fault", ["reset", 500, "lost"])
async def test_phone_that_is_removed_after_an_unclear_attempt_leaves_the_outcome_unknown(client_of, fault):
    gateway = Gateway(devices=2, phone=False, faults=Faults.script([fault], only=[POST]))
    device_id = gateway.devices[0].id
    client = client_of(gateway, retry=RetryPolicy(base_delay=0.0, on_retry=lambda _: remove(gateway, device_id)))

    if fault == "lost":  # the server still remembers it
        assert (await client.send(text(id="order-1", device_id=device_id))).id == "order-1"
    else:
        with pytest.raises(SendOutcomeUnknownError) as caught:
            await client.send(text(id="order-1", device_id=device_id))
        assert caught.value.message_id == "order-1"
        assert isinstance(caught.value.__cause__, BadRequestError)
    assert stored(gateway) == []


# -- what a send refuses -------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_new_message_that_has_expired_is_refused(http, client):
    now = datetime.now(timezone.utc)

    for late in (timedelta(minutes=6), timedelta(days=400)):
        with pytest.raises(InvalidRequestError, match="valid_until is in the past"):
            await client.send("Hello", "+12025550101", valid_until=now - late)
        results = [result async for result in client.send_many([text(valid_until=now - late)])]
        assert isinstance(results[0].error, InvalidRequestError)
    assert http.requests == []

    await client.send("Hello", "+12025550101", valid_until=now - timedelta(minutes=4))  # clocks differ
    await client.send(text(id="order-1", valid_until=now - timedelta(days=1)))  # it may have been sent in time
    assert [request.method for request in http.requests].count("POST") == 2


@pytest.mark.anyio
async def test_recipients_may_follow_the_text(http, client):
    await client.send("Hello", "+12025550101")
    await client.send("Hello", ["+12025550101", "+12025550102"])

    assert [len(json.loads(request.content)["phoneNumbers"]) for request in http.requests] == [1, 2]
