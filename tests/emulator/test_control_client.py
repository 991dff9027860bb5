"""Control and AsyncControl against a served emulator."""

from __future__ import annotations

import inspect
import json
import re
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from eventually import eventually
from smsgate import (
    APIClient,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ConnectError,
    NotFoundError,
    ResponseError,
    RetryPolicy,
    SMSGateError,
    Webhook,
    testing,
)
from smsgate.emulator import AsyncControl, Attachment, Control, Fault, Gateway
from smsgate.errors import InvalidRequestError

ALICE = "+12025550100"


@pytest.fixture
def served():
    with testing.serve(testing.make_gateway({"devices": 2})) as server:
        yield server


@pytest.fixture
def control(served):
    with Control(served.url) as control:
        yield control


@pytest.fixture
def client(served):
    with APIClient(served.login, served.password, base_url=served.url, retry=RetryPolicy.none()) as client:
        yield client


def test_outbox_has_plain_attributes(control, client):
    sent = client.send("Hello", to=[ALICE, "+12025550101"])

    found = control.wait_for(text="Hello", state="Delivered")

    assert (found.id, found.text, found.recipients, found.state) == (
        sent.id,
        "Hello",
        (ALICE, "+12025550101"),
        "Delivered",
    )
    assert control.outbox(to=ALICE) == [found]
    assert control.outbox(to="+12025550102") == []
    assert control.outbox(text=re.compile("^hel", re.IGNORECASE)) == [found]
    assert control.outbox(text=re.compile("(?i)^hel")) == [found]
    assert control.assert_sent(to=[ALICE], text="Hello", count=1) == [found]


def test_missing_message_is_an_assertion_with_a_diff(control, client):
    client.send("Helo", to=ALICE)

    with pytest.raises(AssertionError, match="closest text"):
        control.wait_for(text="Hello", timeout=0)
    with pytest.raises(AssertionError, match="closest text"):
        control.assert_sent(text="Hello")
    with pytest.raises(AssertionError, match="expected 2 messages, found 1"):
        control.assert_sent(count=2)


def test_messages_come_in(control, served):
    at = datetime(2026, 1, 1, tzinfo=timezone.utc)

    text = control.receive(ALICE, "STOP", sim_number=1, received_at=at)
    data = control.receive(ALICE, data=b"\x00\x01")
    picture = control.receive(ALICE, "Look", attachments=[Attachment(1, "a.png", "image/png", b"PNG")], subject="Hi")
    missed = control.receive(ALICE, "later", missed=True)

    assert (text.text, text.sim_number, text.received_at) == ("STOP", 1, at)
    assert (data.type, data.data) == ("DATA_SMS", "AAE=")
    assert (picture.type, picture.attachments[0].size, picture.subject) == ("MMS_DOWNLOADED", 3, "Hi")
    assert missed.missed


def test_time_goes_forward(control, client):
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    client.send("Later", to=ALICE, schedule_at=later)

    now = control.advance(3700)

    assert now > later
    assert control.outbox()[0].state == "Delivered"


def test_faults_are_injected_and_cleared(control, client):
    rule = control.fault("lost", 503, Fault("status", status=418), times=3)
    for _ in range(3):
        with pytest.raises(SMSGateError):
            client.list_devices()
    assert client.list_devices()
    assert rule.faults == ["lost", "503", "418"]

    always = control.fault(500, always=True, only=["GET /devices"])
    with pytest.raises(SMSGateError):
        client.list_devices()
    control.clear_faults(always.id)
    control.fault("500", always=True)
    control.clear_faults()
    assert client.list_devices()


def test_outage(control, client):
    control.outage(seconds=60)
    with pytest.raises(SMSGateError):
        client.list_devices()
    assert control.state().outage.active
    control.outage(False)

    assert client.list_devices()


def test_devices_are_switched(control, client):
    first = control.devices()[0]

    changed = control.switch(first.id, connected=False, failure_rate=1, failure_reason="no credit")
    assert (changed.online, changed.failure_rate) == (False, 1)
    control.switch(first.id, connected=True)
    client.send("Hello", to=ALICE, device_id=first.id)

    assert control.wait_for(state="Failed").device_id == first.id


def test_every_switch_of_a_gateway_is_a_switch_of_its_control(control, client, served):
    """What `Gateway.switch` can do, another process can do, too."""
    names = set(inspect.signature(Gateway.switch).parameters)
    assert set(inspect.signature(Control.switch).parameters) == names | {"name"}
    first = control.devices()[0]

    changed = control.switch(
        first.id,
        name="Kitchen",
        failing_numbers={"0100": "no such number"},
        passphrase="secret",
        processing_order="FIFO",
        confirms_waiting=True,
        sims=2,
    )

    assert (changed.name, changed.failing_numbers, changed.processing_order) == (
        "Kitchen",
        {"0100": "no such number"},
        "FIFO",
    )
    assert (changed.passphrase, changed.confirms_waiting, len(changed.sim_cards)) == ("secret", True, 2)
    client.send("Hello", to=ALICE, device_id=first.id)
    assert control.wait_for(state="Failed", timeout=60).device_id == first.id
    assert control.switch(first.id, failing_numbers={}).failing_numbers == {}
    with pytest.raises(BadRequestError, match="processingOrder"):
        control.switch(first.id, processing_order="random")


def test_device_is_added(control, client):
    assert control.add_device().name == "Phone 3"
    assert control.add_device("Kitchen").name == "Kitchen"
    assert len(client.list_devices()) == 4


def test_device_is_removed(control, client):
    first, second = control.devices()

    control.remove_device(first.id)

    assert [device.id for device in client.list_devices()] == [second.id]
    with pytest.raises(NotFoundError, match="device"):
        control.remove_device(first.id)
    control.reset()
    assert len(control.devices()) == 2


def test_timings_are_set_and_read(control, served):
    assert control.timings(sent=7).sent == 7
    assert control.timings().sent == served.gateway.timings.sent == 7


def test_report(control, client):
    sent = client.send("Hello", to=ALICE)

    assert control.report(sent.id, "Failed", error="lost").recipient_states[0].error == "lost"
    with pytest.raises(NotFoundError):
        control.report("unknown", "Failed")


def test_deliveries(control, served):
    served.gateway._state.webhooks["a"] = {"id": "a", "url": "https://receiver.example/", "event": "sms:received"}
    received = control.receive(ALICE, "Hello")

    found = control.deliveries(state="waiting", event="sms:received")

    assert len(found) == 1
    assert control.redeliver(found[0].id).id == found[0].id
    assert received.id.startswith("text:")


def test_requests(control, client):
    client.list_devices()

    found = eventually(lambda: control.requests(search="/devices"))[0]
    assert found.status == 200
    assert control.requests(search="/devices", method="POST") == []
    assert control.requests(method="GET", status=200) == [found]
    assert control.requests(status=500) == []


def test_request_is_shown_with_its_bodies(control, client):
    client.send("Hello", to=ALICE)
    listed = eventually(lambda: control.requests(method="POST"))[0]
    assert listed.request_body is None

    found = control.request(listed.id)

    assert json.loads(found.request_body)["textMessage"] == {"text": "Hello"}
    assert json.loads(found.response_body)["state"] == "Pending"
    assert dict(found.request_headers)["authorization"] == "Basic …"
    control.clear_requests()
    assert control.requests() == []
    with pytest.raises(NotFoundError):
        control.request(listed.id)


def test_webhooks_and_bodies_of_deliveries(control, client):
    hook = client.create_webhook(Webhook(url="https://receiver.example/", event="sms:received"))
    control.receive(ALICE, "Hello")

    assert [(one.id, one.url) for one in control.webhooks()] == [(hook.id, "https://receiver.example/")]
    listed = control.deliveries()[0]
    assert listed.body is None
    assert control.delivery(listed.id).body["payload"]["message"] == "Hello"
    with pytest.raises(NotFoundError):
        control.delivery("unknown")


def test_reset(control, client):
    client.send("Hello", to=ALICE)

    control.reset()

    assert control.outbox() == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda control: control.advance(-1), "seconds"),
        (lambda control: control.fault("nonsense"), "name"),
        (lambda control: control.receive(""), "sender"),
        (lambda control: control.receive("x", received_at=datetime(2026, 1, 1)), "receivedAt"),  # noqa: DTZ001
        (lambda control: control.wait_for(timeout=1e6), "timeout"),
        (lambda control: control.outbox(state="Lost"), "state"),
    ],
)
def test_emulator_rejects_values(control, call, words):
    with pytest.raises(BadRequestError, match=words):
        call(control)


def test_values_that_json_lacks_are_rejected(control):
    with pytest.raises(InvalidRequestError, match="JSON"):
        control.advance(float("nan"))
    with pytest.raises(ConfigurationError, match="at least one"):
        control.fault()


@pytest.fixture
def local():
    with testing.serve(Gateway(mode="local")) as server, Control(server.url) as control:
        yield control


def test_local_mode_has_no_outage(local):
    with pytest.raises(ConflictError, match="local server"):
        local.outage()
    with pytest.raises(ConflictError, match="one phone"):
        local.remove_device(local.devices()[0].id)


def test_nobody_listens():
    with Control("http://127.0.0.1:1") as control, pytest.raises(ConnectError, match="no emulator at"):
        control.outbox()


def test_another_server_is_no_emulator(served):
    with Control(served.url) as control:
        control._client = httpx.Client(
            transport=httpx.MockTransport(lambda _request: httpx.Response(200, text="<html>")), base_url="http://x"
        )
        with pytest.raises(ResponseError, match="not that of an emulator"):
            control.outbox()
        control._client = httpx.Client(
            transport=httpx.MockTransport(lambda _request: httpx.Response(404, text="<html>")), base_url="http://x"
        )
        with pytest.raises(NotFoundError):
            control.wait_for(timeout=0)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8787", "ftp://x", "http://", "http://[::1", "http://x:port"])
def test_url_of_an_emulator(url):
    with pytest.raises(ConfigurationError, match=r"http://127\.0\.0\.1:8787"):
        Control(url)


@pytest.mark.parametrize("path", ["", "/", "/3rdparty/v1", "/api/3rdparty/v1/"])
def test_any_address_of_the_emulator_will_do(served, path):
    with Control(served.url.removesuffix("/3rdparty/v1") + path) as control:
        assert control.state().login == served.login


@pytest.mark.anyio
async def test_asynchronous_control(served, client):
    async with AsyncControl(served.url) as control:
        client.send("Hello", to=ALICE)
        found = await control.wait_for(text="Hello")
        assert (await control.outbox())[0].id == found.id
        assert (await control.receive(ALICE, "STOP")).text == "STOP"
        assert await control.deliveries() == []
        with pytest.raises(AssertionError, match="expected a message"):
            await control.wait_for(text="never", timeout=0)
        await control.reset()
        assert await control.outbox() == []


def test_both_clients_have_the_same_methods():
    def shape(kind):
        members = inspect.getmembers(kind, inspect.isfunction)
        return {name: str(inspect.signature(member)) for name, member in members if not name.startswith("_")}

    wanted, found = shape(Control), shape(AsyncControl)
    found["close"] = found.pop("aclose")

    assert found == wanted
