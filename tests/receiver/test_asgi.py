"""The ASGI application: paths, methods, sizes, and bodies that nobody should send."""

from __future__ import annotations

import json

import anyio
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from smsgate import webhooks
from smsgate.errors import ConfigurationError
from smsgate.receiver import WebhookApp

KEY = "key-of-the-phone"
pytestmark = pytest.mark.anyio


@pytest.fixture
def app():
    hooks = WebhookApp("/sms", signing_key=KEY, max_body=100_000)
    hooks.seen = []
    hooks.on()(hooks.seen.append)
    return hooks


async def test_event_is_answered_and_handled(app, phone):
    answer = await phone.post(app, phone.envelope(message="hi"))

    assert (answer.status_code, answer.json()["reason"]) == (200, "accepted")
    assert answer.headers["content-type"] == "application/json"
    assert [event.payload.message for event in app.seen] == ["hi"]
    await app.drain()


async def test_only_posts_at_the_very_path_are_taken(app, phone):
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        answer = await phone.request(app, method)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    for path in ("/", "/sms/", "/sms/x", "/SMS"):
        assert (await phone.post(app, phone.envelope(), path=path)).status_code == 404
    assert app.seen == []


async def test_refusals_have_a_reason_and_no_secret(app, phone):
    body = phone.envelope()

    unsigned = await phone.post(app, body, headers={})
    stale = await phone.post(app, body, headers=phone.signed(body, timestamp=1_000_000_000))
    unreadable = await phone.post(app, b"[]")

    assert [answer.status_code for answer in (unsigned, stale, unreadable)] == [401, 401, 400]
    assert [answer.json()["reason"] for answer in (unsigned, stale, unreadable)] == [
        "missing_header",
        "timestamp_too_old",
        "invalid_payload",
    ]
    assert KEY not in unsigned.text + stale.text + unreadable.text


async def test_large_body_is_refused_before_it_is_read_to_its_end(app):
    sent = []

    async def receive():
        sent.append(1)
        return {"type": "http.request", "body": b"x" * 30_000, "more_body": True}

    answers = []

    async def send(message):
        answers.append(message)

    await app({"type": "http", "method": "POST", "path": "/sms", "headers": []}, receive, send)

    assert (answers[0]["status"], len(sent)) == (413, 4)
    assert (b"connection", b"close") in answers[0]["headers"]
    assert await call(app, b"x" * 100_001, []) == 413


async def test_body_that_a_function_is_asked_about_is_refused_before_it_is_read_to_its_end():
    app = WebhookApp("/sms", signing_key={"phone-1": KEY}.get, max_unverified=1000)

    assert await call(app, b"x" * 1001, []) == 413


async def test_client_that_leaves_early_does_no_harm(app):
    answers = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        answers.append(message)

    await app({"type": "http", "method": "POST", "path": "/sms", "headers": []}, receive, send)

    assert answers[0]["status"] == 400


async def test_websocket_is_closed(app):
    answers = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        answers.append(message)

    await app({"type": "websocket", "path": "/sms", "headers": []}, receive, send)

    assert answers == [{"type": "websocket.close", "code": 1000}]


async def test_frameworks_route_to_it(phone):
    seen = []
    hooks, mounted = WebhookApp(signing_key=KEY), WebhookApp("/sms", signing_key=KEY)
    hooks.on()(lambda event: seen.append(event.id))
    mounted.on()(lambda event: seen.append(event.id))
    app = Starlette(routes=[Route("/events", hooks, methods=["POST"]), Mount("/api", mounted)])

    first = await phone.post(app, phone.envelope(), path="/events")
    second = await phone.post(app, phone.envelope(), path="/api/sms")

    assert (first.status_code, second.status_code, len(seen)) == (200, 200, 2)
    await hooks.drain()
    await mounted.drain()


async def test_lifespan_finishes_what_is_in_hand(app, phone):
    to_app, from_app = anyio.create_memory_object_stream(5), anyio.create_memory_object_stream(5)
    done = []

    @app.on()
    async def slow(event):
        await anyio.sleep(0.3)
        done.append(event.id)

    async with to_app[0], to_app[1], from_app[0], from_app[1], anyio.create_task_group() as tasks:
        tasks.start_soon(app, {"type": "lifespan"}, to_app[1].receive, from_app[0].send)
        await to_app[0].send({"type": "lifespan.startup"})
        assert (await from_app[1].receive())["type"] == "lifespan.startup.complete"
        body = phone.envelope()
        await app.receive(body, phone.signed(body))
        await to_app[0].send({"type": "lifespan.shutdown"})
        assert (await from_app[1].receive())["type"] == "lifespan.shutdown.complete"

    assert len(done) == 1


async def call(app, body, headers):
    """Send one request straight to the application; return its status."""
    statuses = []

    async def receive():
        return {"type": "http.request", "body": body}

    async def send(message):
        statuses.append(message.get("status"))

    await app({"type": "http", "method": "POST", "path": "/sms", "headers": headers}, receive, send)
    return statuses[0]


def raw(headers):
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["event", "id", "deviceId", "webhookId", "payload", "messageId", "message"]), inner, max_size=5
    ),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
async def test_made_up_bodies_are_answered_2xx_or_4xx(app, phone, body):
    assert 200 <= await call(app, body, raw(phone.signed(body))) < 500


async def test_every_recorded_event_is_accepted(app, phone, vectors):
    for event in vectors("webhook-events")["events"]:
        body = event["wire"].encode()
        assert (await phone.post(app, body)).json()["reason"] in {"accepted", "repeated"}
    await app.drain()

    assert any(isinstance(event, webhooks.UnknownEvent) for event in app.seen)


@pytest.mark.parametrize("drain", [-1, "10", float("nan"), None])
def test_wrong_drain_is_refused_at_once(drain):
    with pytest.raises(ConfigurationError, match="drain"):
        WebhookApp("/sms", signing_key="key", drain=drain)
