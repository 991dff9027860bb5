"""The httpx backends over mocks: respx routes, and clients of the user with a transport of theirs."""

from __future__ import annotations

import httpx
import pytest
import respx

from smsgate import APIClient, AsyncAPIClient, RetryPolicy
from smsgate.ahttp import HttpxAsyncHttpClient
from smsgate.errors import ConnectError, RequestTimeoutError, TransportError
from smsgate.http import HttpxHttpClient, Request, Timeout

URL = "https://gateway.test/3rdparty/v1"
STATE = {
    "id": "made-up-id",
    "deviceId": "device",
    "state": "Pending",
    "isHashed": False,
    "isEncrypted": False,
    "recipients": [{"phoneNumber": "+15550100", "state": "Pending"}],
    "states": {},
}


def request(method="GET", content=None):
    return Request(method, f"{URL}/messages?limit=1", {"Accept": "application/json"}, content, Timeout())


@pytest.fixture
def anyio_backend():
    """respx needs one event loop only."""
    return "asyncio"


@respx.mock
def test_routes_of_respx_answer_the_synchronous_client():
    route = respx.post(f"{URL}/messages").mock(return_value=httpx.Response(202, json=STATE))

    with APIClient("login", "password", base_url=URL, http="httpx") as client:
        state = client.send("Hello", to="+15550100")

    assert state.id == "made-up-id"
    sent = route.calls.last.request
    assert sent.headers["Content-Type"] == "application/json"
    assert b'"Hello"' in sent.content
    assert [value for name, value in sent.headers.raw if name.lower() == b"host"] == [b"gateway.test"]


@respx.mock
@pytest.mark.anyio
async def test_routes_of_respx_answer_the_asynchronous_client():
    respx.post(f"{URL}/messages").mock(return_value=httpx.Response(202, json=STATE))

    async with AsyncAPIClient("login", "password", base_url=URL, http="httpx") as client:
        assert (await client.send("Hello", to="+15550100")).id == "made-up-id"


@respx.mock
@pytest.mark.anyio
@pytest.mark.parametrize(
    ("raised", "expected", "sent"),
    [
        (httpx.ConnectError("canary"), ConnectError, False),
        (httpx.ConnectTimeout("canary"), RequestTimeoutError, False),
        (httpx.PoolTimeout("canary"), RequestTimeoutError, False),
        (httpx.ProxyError("canary"), ConnectError, False),
        (httpx.UnsupportedProtocol("canary"), ConnectError, False),
        (httpx.LocalProtocolError("canary"), TransportError, False),
        (httpx.ReadTimeout("canary"), RequestTimeoutError, None),
        (httpx.WriteTimeout("canary"), RequestTimeoutError, None),
        (httpx.ReadError("canary"), TransportError, None),
        (httpx.WriteError("canary"), TransportError, None),
        (httpx.RemoteProtocolError("canary"), TransportError, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_every_error_of_httpx_is_one_of_ours(raised, expected, sent):
    respx.get(f"{URL}/messages").mock(side_effect=raised)

    with pytest.raises(expected) as synchronous:
        HttpxHttpClient().send(request())
    with pytest.raises(expected) as asynchronous:
        await HttpxAsyncHttpClient().send(request())

    for caught in (synchronous.value, asynchronous.value):
        assert type(caught) is expected
        assert caught.sent is sent
        assert caught.__cause__ is (None if isinstance(raised, httpx.ProtocolError | httpx.ProxyError) else raised)
        assert "canary" not in str(caught)


def test_client_with_a_transport_of_the_user_is_used():
    asked = []

    def answer(sent):
        asked.append(sent)
        return httpx.Response(200, headers={"X-Total-Count": "1"}, json=[STATE])

    with httpx.Client(transport=httpx.MockTransport(answer), headers={"X-Mine": "1"}, auth=("a", "b")) as own:
        response = HttpxHttpClient(own).send(request())
        with HttpxHttpClient(own).stream(request()) as streamed:
            body = b"".join(streamed.chunks)

    assert response.headers["x-total-count"] == "1"
    assert response.content == body
    assert "authorization" not in asked[0].headers


@pytest.mark.anyio
async def test_asynchronous_client_with_a_transport_of_the_user_is_used():
    def answer(_):
        return httpx.Response(302, headers={"Location": "/elsewhere"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), follow_redirects=True) as own:
        response = await HttpxAsyncHttpClient(own).send(request("POST", b"{}"))
        async with HttpxAsyncHttpClient(own).stream(request()) as streamed:
            body = b"".join([chunk async for chunk in streamed.chunks])

    assert (response.status, body) == (302, b"")


@respx.mock
def test_failed_read_is_repeated_over_the_backend():
    route = respx.get(f"{URL}/webhooks")
    route.side_effect = [httpx.ConnectError("down"), httpx.Response(200, json=[])]
    retry = RetryPolicy(max_retries=1, base_delay=0.001)

    with APIClient("login", "password", base_url=URL, http="httpx", retry=retry) as client:
        assert client.get_webhooks() == []

    assert route.call_count == 2
