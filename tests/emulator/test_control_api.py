"""Control API of a served emulator."""

from __future__ import annotations

import base64
import json
import re
import socket
from html import escape
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import urlsplit

import httpx
import pytest
from openapi_spec_validator import validate

from eventually import eventually
from smsgate import APIClient, RetryPolicy, SMSGateError, Webhook, testing
from smsgate.emulator import FAULTS, Gateway, WebhookSender
from smsgate.emulator._control.table import ENDPOINTS

ALICE, BOB = "+12025550100", "+12025550101"
PICTURE = b"\x89PNG"


@pytest.fixture
def served():
    with testing.serve(testing.make_gateway({"devices": 2})) as server:
        yield server


@pytest.fixture
def gateway(served):
    return served.gateway


@pytest.fixture
def http(served):
    root = served.url.removesuffix("/3rdparty/v1")
    with httpx.Client(base_url=f"{root}/_emulator", trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def get(http):
    def get(path, **query):
        response = http.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    return get


@pytest.fixture
def client(served):
    with APIClient(served.login, served.password, base_url=served.url) as client:
        yield client


def texts(page):
    return [item["text"] for item in page["items"]]


def test_state_describes_the_emulator(get, gateway, served):
    state = get("/state")

    assert (state["url"], state["login"], state["password"]) == (served.url, gateway.login, gateway.password)
    assert [device["id"] for device in state["devices"]] == [device.id for device in gateway.devices]
    assert state["counts"]["outgoing"] == 0


def test_conversations_hold_both_directions(get, client, gateway):
    client.send("Hello", to=ALICE)
    client.send("To both", to=[ALICE, BOB])
    gateway.receive(ALICE, "Thanks")

    page = get("/conversations")
    thread = get(f"/conversations/{ALICE}/messages")

    assert [item["number"] for item in page["items"]] == [ALICE, BOB]
    assert page["items"][0]["last"]["text"] == "Thanks"
    assert (page["items"][0]["outgoing"], page["items"][0]["incoming"], page["total"]) == (2, 1, 2)
    assert texts(thread) == ["Hello", "To both", "Thanks"]
    assert [item["kind"] for item in thread["items"]] == ["outgoing", "outgoing", "incoming"]


def test_conversation_comes_in_pages(get, gateway):
    for number in range(30):
        gateway.receive(ALICE, f"Text {number}")

    assert texts(get(f"/conversations/{ALICE}/messages", offset=10, limit=2)) == ["Text 10", "Text 11"]
    assert texts(get(f"/conversations/{ALICE}/messages", offset=-2)) == ["Text 28", "Text 29"]
    assert get(f"/conversations/{ALICE}/messages", offset=100) == {"items": [], "total": 30}
    assert texts(get("/incoming", limit=1)) == ["Text 29"]


@pytest.mark.parametrize("sender", ["Bank", "a/b", "50% off", "Ünïcode 👍", "?x=1#y"])
def test_conversation_of_any_sender(get, gateway, sender):
    gateway.receive(sender, "hi")

    path = "".join(f"%{byte:02X}" for byte in sender.encode())

    assert texts(get(f"/conversations/{path}/messages")) == ["hi"]


def test_search_finds_texts_and_numbers_whatever_their_case(get, client, gateway):
    client.send("Your TABLE is ready", to=ALICE)
    gateway.receive(BOB, "Straße")

    assert [item["number"] for item in get("/conversations", search="table")["items"]] == [ALICE]
    assert [item["number"] for item in get("/conversations", search="STRASSE")["items"]] == [BOB]
    assert [item["number"] for item in get("/conversations", search="550101")["items"]] == [BOB]
    assert texts(get("/messages", search="table")) == ["Your TABLE is ready"]
    assert texts(get("/incoming", search="strasse")) == ["Straße"]
    assert get("/conversations", search="nothing")["total"] == 0


def test_messages_are_filtered(get, client):
    client.send("One", to=ALICE)
    client.send("Two", to=[ALICE, BOB])
    client.send("Three", to="+12025559901")

    assert texts(get("/messages", to=BOB)) == ["Two"]
    assert texts(get("/messages", text="One")) == ["One"]
    assert texts(get("/messages", state="Failed")) == ["Three"]
    assert texts(get("/messages")) == ["Three", "Two", "One"]
    assert get("/messages", deviceId="other")["total"] == 0


@pytest.mark.parametrize("path", ["/messages", "/outbox", "/wait"])
@pytest.mark.parametrize("number", ["%2B12025550101", "+12025550101"])
def test_plus_sign_of_a_number_may_be_written_as_it_is(http, client, path, number):
    client.send("Hello", to=BOB)

    assert '"text":"Hello"' in http.get(f"{path}?to={number}").text


def test_message_shows_readable_recipients_after_hashing(get, client, gateway):
    sent = client.send("Secret", to=[BOB, ALICE])
    gateway.hash_now()

    found = get(f"/messages/{sent.id}")

    assert (found["text"], found["isHashed"]) == ("Secret", True)
    assert [item["phoneNumber"] for item in found["recipientStates"]] == [BOB, ALICE]
    assert {item["state"] for item in found["recipientStates"]} == {"Delivered"}
    assert {item["state"] for item in found["history"]} >= {"Pending", "Delivered"}


@pytest.mark.parametrize("message_id", ["a b", "x/y", "ü", "100%"])
def test_message_with_any_id(http, served, message_id):
    body = {"id": message_id, "textMessage": {"text": "Hi"}, "phoneNumbers": [ALICE]}
    auth = (served.login, served.password)
    assert httpx.post(f"{served.url}/messages", auth=auth, json=body, trust_env=False).status_code == 202
    path = "".join(f"%{byte:02X}" for byte in message_id.encode())

    assert http.get(f"/messages/{path}").json()["id"] == message_id


def test_phone_reports_over_the_api(http, client):
    sent = client.send("Hi", to=ALICE)

    response = http.post(f"/messages/{sent.id}/report", json={"state": "Failed", "error": "no credit"})

    assert response.json()["recipientStates"] == [{"phoneNumber": ALICE, "state": "Failed", "error": "no credit"}]
    assert client.get_state(sent.id).state == "Failed"


def test_text_comes_in(http, gateway):
    response = http.post("/receive", json={"sender": ALICE, "text": "STOP", "simNumber": 1})

    assert response.status_code == 201
    assert (response.json()["text"], response.json()["simNumber"]) == ("STOP", 1)
    assert response.json()["deviceId"] == gateway.devices[0].id


def test_data_comes_in(http):
    sent = base64.b64encode(b"\x00\x01\xff").decode()

    response = http.post("/receive", json={"sender": ALICE, "data": sent})

    assert (response.json()["type"], response.json()["data"]) == ("DATA_SMS", sent)


def test_picture_comes_in_and_is_served(http):
    part = {"name": "dot.png", "contentType": "image/png", "data": base64.b64encode(PICTURE).decode()}

    received = http.post("/receive", json={"sender": ALICE, "attachments": [part]}).json()
    served = http.get(received["attachments"][0]["url"].removeprefix("/_emulator"))

    assert (received["type"], received["attachments"][0]["size"]) == ("MMS_DOWNLOADED", len(PICTURE))
    assert (served.content, served.headers["content-type"]) == (PICTURE, "image/png")


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/javascript", "a\r\nset-cookie: x", ""])
def test_attachment_runs_in_no_browser(http, kind):
    part = {"name": "x", "contentType": kind, "data": base64.b64encode(b"<script>").decode()}
    url = http.post("/receive", json={"sender": ALICE, "attachments": [part]}).json()["attachments"][0]["url"]

    served = http.get(url.removeprefix("/_emulator"))

    assert served.headers["content-type"] == "application/octet-stream"
    assert served.headers["content-disposition"] == "attachment"
    assert "sandbox" in served.headers["content-security-policy"]
    assert "set-cookie" not in served.headers


def test_outbox_lists_what_was_sent(get, client):
    client.send("One", to=ALICE)
    client.send("Code 1234", to=BOB)

    assert texts(get("/outbox")) == ["One", "Code 1234"]
    assert texts(get("/outbox", to=BOB)) == ["Code 1234"]
    assert texts(get("/outbox", pattern=r"\d{4}")) == ["Code 1234"]
    assert texts(get("/outbox", state="Failed")) == []
    assert texts(get("/outbox", offset=1, limit=1)) == ["Code 1234"]


def test_wait_responds_as_soon_as_the_message_is_there(get, client):
    found = []
    waiter = Thread(target=lambda: found.append(get("/wait", text="Hello", state="Delivered", timeout=30)))
    waiter.start()
    client.send("Hello", to=ALICE)
    waiter.join(30)

    assert found[0]["recipients"] == [ALICE]


def test_wait_says_what_is_missing(http, client):
    client.send("Helo", to=ALICE)

    response = http.get("/wait", params={"text": "Hello", "timeout": 0})

    assert response.status_code == 404
    assert "expected a message with text 'Hello', found 0 of 1" in response.json()["message"]


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_fault_is_injected_by_name(http, served, name):
    rule = http.post("/faults", json={"faults": [name], "only": ["GET /devices"]}).json()
    slow = FAULTS[name].kind in {"late", "drip"}
    auth = (served.login, served.password)
    try:
        response = httpx.get(f"{served.url}/devices", auth=auth, trust_env=False, timeout=0.5 if slow else 30)
        broken = response.status_code >= 400 or not response.headers["content-type"].startswith("application/json")
        broken = broken or b"\xff" in response.content
    except httpx.HTTPError:
        broken = True

    assert rule["faults"] == [name]
    assert broken
    assert http.get("/faults").json()["rules"][0]["hits"] == 1


def test_faults_strike_in_their_order(http, served, get):
    http.post("/faults", json={"faults": [503, None, {"kind": "status", "status": 418}], "times": 6})

    auth = (served.login, served.password)
    statuses = [httpx.get(f"{served.url}/devices", auth=auth, trust_env=False).status_code for _ in range(7)]

    assert statuses == [503, 200, 418, 503, 200, 418, 200]
    assert get("/faults")["rules"][0]["left"] == 0


def test_faults_are_cleared(http, client):
    http.post("/faults", json={"faults": ["500"], "times": None})
    rule = http.post("/faults", json={"faults": ["502"], "times": None}).json()

    assert http.delete(f"/faults/{rule['id']}").status_code == 204
    assert http.delete(f"/faults/{rule['id']}").status_code == 404
    assert http.delete("/faults").status_code == 204
    assert http.get("/faults").json()["rules"] == []
    assert client.list_devices()


def test_faults_strike_at_random(http, served, get):
    http.post("/faults", json={"faults": ["500"], "times": None, "rate": 0.5, "seed": 3})

    auth = (served.login, served.password)
    statuses = [httpx.get(f"{served.url}/devices", auth=auth, trust_env=False).status_code for _ in range(30)]

    assert set(statuses) == {200, 500}
    assert get("/faults")["rules"][0]["hits"] == statuses.count(500)


def test_outage_begins_and_ends(http, client, get):
    client.list_devices()
    assert http.post("/outage").json() == {"active": True, "until": None}
    assert get("/state")["outage"]["active"]
    with pytest.raises(SMSGateError):
        client.with_options(retry=RetryPolicy.none()).list_devices()

    assert http.delete("/outage").json() == {"active": False, "until": None}
    assert client.list_devices()


def test_outage_lasts_for_seconds(http, get):
    http.post("/outage", json={"seconds": 60})
    assert get("/state")["outage"]["active"]

    http.post("/clock/advance", json={"seconds": 61})

    assert not get("/state")["outage"]["active"]


def test_clock_advances(http, get):
    before = get("/state")["clock"]

    after = http.post("/clock/advance", json={"seconds": 3600}).json()

    assert (before["offset"], after["offset"]) == (0, 3600)


def test_devices_are_switched(http, gateway):
    device = gateway.devices[0]
    switches = {
        "online": False,
        "name": "Desk",
        "failureRate": 0.5,
        "failureReason": "no credit",
        "failingNumbers": {"77": "RESULT_ERROR_NO_SERVICE"},
        "passphrase": "secret",
        "processingOrder": "FIFO",
        "latency": 2,
        "deliveryReports": False,
        "simCards": [{"slotIndex": 0, "simNumber": 1, "phoneNumber": ALICE, "carrierName": "One"}],
    }

    response = http.patch(f"/devices/{device.id}", json=switches)

    assert response.status_code == 200
    assert {name: response.json()[name] for name in switches} == switches
    assert http.patch(f"/devices/{device.id}", json={"online": True}).json()["name"] == "Desk"


def test_device_is_added(http, gateway):
    response = http.post("/devices", json={"name": "Third"})

    assert response.status_code == 201
    assert gateway.devices[-1].name == "Third"


def test_device_is_removed_with_its_messages(http, client, gateway, get):
    first, second = gateway.devices
    client.send("With the first", to=ALICE, device_id=first.id)
    client.send("With the second", to=ALICE, device_id=second.id)
    with http.stream("GET", "/events") as response:
        events = Events(response)
        events.until("state")

        assert http.delete(f"/devices/{first.id}").status_code == 204

        events.until("reset")
        assert events.until("state")["counts"]["outgoing"] == 1
    assert texts(get("/messages")) == ["With the second"]
    assert [device.id for device in client.list_devices()] == [second.id]
    assert http.delete(f"/devices/{first.id}").status_code == 404


def test_messages_that_expire_disappear_from_the_stream(http, client):
    client.send("Old", to=ALICE)
    with http.stream("GET", "/events") as response:
        events = Events(response)
        events.until("state")

        http.post("/clock/advance", json={"seconds": 32 * 86_400})

        events.until("reset")


def test_local_mode_has_no_outage_and_one_device():
    with testing.serve(Gateway(mode="local")) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        assert http.post("/_emulator/outage").status_code == 409
        assert http.post("/_emulator/devices").status_code == 409
        assert http.get("/_emulator/state").json()["url"] == server.url


def test_timings_are_for_later_messages(http, client, gateway):
    client.send("Hello", to=ALICE)

    http.patch("/timings", json={"processed": 60, "sent": 60, "delivered": 60})

    assert gateway.outbox[0].state == "Delivered"


def test_timings_are_set(http, gateway):
    http.patch("/timings", json={"delivered": 60})

    assert (gateway.timings.delivered, gateway.timings.sent) == (60, 0)


def test_reset_empties_everything(http, client, get, gateway):
    client.send("Hello", to=ALICE)
    gateway.receive(BOB, "hi")
    http.post("/faults", json={"faults": ["500"], "times": None})

    assert http.post("/reset").status_code == 200
    state = get("/state")

    assert (state["counts"]["outgoing"], state["counts"]["incoming"], state["counts"]["conversations"]) == (0, 0, 0)
    assert (state["counts"]["requests"], state["faults"]) == (0, [])
    assert get("/conversations")["total"] == 0


def test_requests_are_logged_without_secrets(get, http, served):
    auth = (served.login, served.password)
    url = f"{served.url}/auth/token?x=1"
    token = httpx.post(url, auth=auth, json={"scopes": ["all:any"]}, trust_env=False).json()

    entry = get("/requests")["items"][0]
    whole = get(f"/requests/{entry['id']}")

    assert (entry["method"], entry["path"], entry["query"]) == ("POST", "/3rdparty/v1/auth/token", "x=1")
    assert (entry["status"], entry["requestHeaders"]) == (201, None)
    shown = json.dumps(whole)
    secrets = [token["access_token"], token["refresh_token"], base64.b64encode(":".join(auth).encode()).decode()]
    assert not any(secret in shown for secret in secrets)
    assert ["authorization", "Basic …"] in whole["requestHeaders"]
    assert json.loads(whole["requestBody"]) == {"scopes": ["all:any"]}
    assert http.delete("/requests").status_code == 204
    assert get("/requests")["total"] == 0


def test_log_shows_requests_without_a_response(get, http, client):
    http.post("/faults", json={"faults": ["lost"]})
    with pytest.raises(SMSGateError):
        client.with_options(retry=RetryPolicy.none()).list_devices()

    entry = eventually(lambda: get("/requests", search="lost")["items"])[0]

    assert (entry["status"], entry["fault"]) == (None, "lost")


def test_log_is_bounded(get, served):
    with httpx.Client(trust_env=False) as http:
        for _ in range(20):
            http.post(f"{served.url}/messages", content=b"x" * 2_000_000)

    found = get("/requests", limit=1)["items"][0]
    whole = get(f"/requests/{found['id']}")

    assert whole["truncated"]
    assert len(whole["requestBody"]) <= 64 * 1024


@pytest.fixture
def receiver():
    """A receiver of webhooks that fails once, and its requests."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            requests.append(json.loads(body))
            self.send_response(500 if len(requests) == 1 else 200)
            self.send_header("X-Receiver", "test")
            self.end_headers()
            self.wfile.write(b"seen")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()


def test_deliveries_are_shown_retried_and_repeated(get, http, client, gateway, receiver):
    url, requests = receiver
    client.create_webhook(Webhook(url="https://example.com/sms", event="sms:received"))
    assert get("/webhooks")["items"][0]["event"] == "sms:received"
    with WebhookSender(gateway, rewrite={"https://example.com": url}):
        received = http.post("/receive", json={"sender": ALICE, "text": "STOP"}).json()
        eventually(lambda: get("/deliveries")["items"][0]["attemptCount"] == 1)
        delivery = get("/deliveries", state="waiting", search=["example.com", "STOP"])["items"][0]
        assert delivery["nextAttempt"] is not None
        assert (delivery["body"], delivery["attempts"][0]["requestHeaders"]) == (None, None)

        http.post("/clock/advance", json={"seconds": 5})
        eventually(lambda: get("/deliveries", state="delivered")["total"] == 1)
        whole = get(f"/deliveries/{delivery['id']}")
        assert whole["body"]["payload"]["message"] == "STOP"
        assert [attempt["status"] for attempt in whole["attempts"]] == [500, 200]
        assert "X-Signature" in dict(whole["attempts"][0]["requestHeaders"])
        assert [item["id"] for item in get(f"/incoming/{received['id']}")["deliveries"]] == [delivery["id"]]

        assert http.post(f"/deliveries/{delivery['id']}/redeliver").status_code == 202
        eventually(lambda: len(requests) == 3)
    assert http.post("/deliveries/none/redeliver").status_code == 404


@pytest.mark.parametrize("kind", ["SMS", "DATA_SMS", "MMS", "MMS_DOWNLOADED"])
def test_incoming_message_lists_its_deliveries(get, client, gateway, kind):
    events = {"SMS": "sms:received", "DATA_SMS": "sms:data-received", "MMS": "mms:received"}
    event = events.get(kind, "mms:downloaded")
    client.create_webhook(Webhook(url="https://example.com/sms", event=event))
    received = [gateway.receive(ALICE, text, type=kind) for text in ("0011", "2233")]

    found = [get(f"/incoming/{item.id}")["deliveries"] for item in received]

    assert [len(items) for items in found] == [1, 1]
    assert found[0][0]["id"] != found[1][0]["id"]


def test_message_lists_its_deliveries(get, client):
    client.create_webhook(Webhook(url="https://example.com/sms", event="sms:sent"))
    sent = client.send("Hello", to=ALICE)
    client.send("Other", to=BOB)

    found = eventually(lambda: get(f"/messages/{sent.id}")["deliveries"])

    assert [item["event"] for item in found] == ["sms:sent"]


INVALID = [
    ("POST", "/receive", "[]"),
    ("POST", "/receive", ""),
    ("POST", "/receive", "{"),
    ("POST", "/receive", '{"text": "no sender"}'),
    ("POST", "/receive", '{"sender": "x", "data": "?"}'),
    ("POST", "/receive", '{"sender": "x", "unknown": 1}'),
    ("POST", "/receive", '{"sender": "x", "type": "FAX"}'),
    ("POST", "/receive", '{"sender": "x", "deviceId": "none"}'),
    ("POST", "/receive", '{"sender": "x", "receivedAt": "2026-01-01T00:00:00"}'),
    ("POST", "/receive", '{"sender": "x", "data": "AAAA", "text": "both"}'),
    ("POST", "/receive", '{"sender": "x", "type": "SMS", "attachments": [{}]}'),
    ("POST", "/reset", '{"keep": ["messages"]}'),
    ("POST", "/clock/advance", "{}"),
    ("POST", "/clock/advance", '{"seconds": -1}'),
    ("POST", "/clock/advance", '{"seconds": NaN}'),
    ("POST", "/clock/advance", '{"seconds": 1e300}'),
    ("POST", "/outage", '{"seconds": "long"}'),
    ("POST", "/faults", '{"faults": []}'),
    ("POST", "/faults", '{"faults": ["nothing"]}'),
    ("POST", "/faults", '{"faults": [{"kind": "status", "status": 200}]}'),
    ("POST", "/faults", '{"faults": [{"kind": "status", "status": 498}]}'),
    ("POST", "/faults", '{"faults": [{"kind": "status", "retryAfter": "1\\r\\nx: y"}]}'),
    ("POST", "/faults", '{"faults": [{"kind": "lost", "handled": true}]}'),
    ("POST", "/faults", '{"faults": ["lost"], "rate": 0}'),
    ("POST", "/faults", '{"faults": ["lost"], "times": 0}'),
    ("PATCH", "/timings", '{"sent": -1}'),
    ("GET", "/messages?limit=1001", None),
    ("GET", "/messages?offset=x", None),
    ("GET", "/messages?state=Lost", None),
    ("GET", "/messages?unknown=1", None),
    ("GET", "/outbox?pattern=(", None),
    ("GET", "/wait?timeout=1000", None),
    ("GET", "/requests?status=7", None),
]


@pytest.mark.parametrize(("method", "path", "body"), INVALID)
def test_invalid_input_is_rejected_in_one_sentence(http, method, path, body):
    response = http.request(method, path, content=body)

    assert response.status_code == 400
    message = response.json()["message"]
    assert message
    assert "\n" not in message
    assert "errors.pydantic" not in message


@pytest.mark.parametrize("path", ["/messages/none", "/incoming/none", "/incoming/none/attachments/1", "/requests/9"])
def test_unknown_things_are_not_found(http, path):
    response = http.get(path)

    assert response.status_code == 404
    assert response.json()["message"]


def test_unknown_paths_and_methods(http):
    assert http.get("/nothing").status_code == 404
    response = http.put("/faults")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST, DELETE")


PATHS = [(endpoint.method, re.sub("{[^}]*}", "1", endpoint.path)) for endpoint in ENDPOINTS]


@pytest.mark.parametrize(("method", "path"), [*PATHS, ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/")])
def test_no_other_origin_or_host_gets_in(http, method, path):
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
        response = http.request(method, path, headers=headers)

        assert response.status_code == 403
        assert not any(name.startswith("access-control") for name in response.headers)


def test_openapi_document_is_valid(get, http):
    document = get("/openapi.json")

    validate(document)
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {
        (endpoint.method, "/_emulator" + re.sub(r":\w+}", "}", endpoint.path)) for endpoint in ENDPOINTS
    }


def test_documentation_needs_no_network(http):
    page = http.get("/docs")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.findall(r"(?:src|href)=.?(?:https?:)?//", page.text)
    assert all(escape(endpoint.summary) in page.text for endpoint in ENDPOINTS)


class Events:
    """Reader of an event stream."""

    def __init__(self, response):
        self._lines = response.iter_lines()
        self.last_id = None

    def next(self):
        event = {}
        for line in self._lines:
            if not line and "event" in event:
                return event["event"], json.loads(event["data"])
            name, _, value = line.partition(": ")
            if name == "id":
                self.last_id = value
            event[name] = value
        raise AssertionError("the stream ended")

    def until(self, kind, condition=lambda _data: True):
        while True:
            found, data = self.next()
            if found == kind and condition(data):
                return data


def test_events_tell_what_happens(http, client, gateway):
    with http.stream("GET", "/events") as response:
        events = Events(response)
        assert events.next()[0] == "state"

        sent = client.send("Hello", to=ALICE)
        assert events.until("message", lambda data: data["state"] == "Delivered")["id"] == sent.id
        gateway.receive(BOB, "hi")
        assert events.until("incoming")["text"] == "hi"
        client.list_devices()
        assert events.until("request", lambda data: data["path"].endswith("/devices"))["status"] == 200
        gateway.outage()
        assert events.until("state", lambda data: data["outage"]["active"])
        gateway.reset()
        events.until("reset")


@pytest.mark.parametrize("way", ["header", "query"])
def test_events_resume(http, gateway, way):
    with http.stream("GET", "/events") as response:
        events = Events(response)
        events.until("state")
        gateway.receive(ALICE, "first")
        events.until("incoming")
        events.until("state", lambda data: data["counts"]["incoming"] == 1)
    gateway.receive(ALICE, "second")

    last = {"Last-Event-ID": events.last_id} if way == "header" else {}
    query = {"lastEventId": events.last_id} if way == "query" else {}
    with http.stream("GET", "/events", headers=last, params=query) as response:
        assert Events(response).until("incoming")["text"] == "second"


@pytest.mark.parametrize("last", ["other-5", "x", "-1", "", "🙂"])
def test_unknown_place_in_the_stream_means_reload(http, last):
    with http.stream("GET", "/events", params={"lastEventId": last}) as response:
        assert Events(response).next()[0] == "reset"


def test_server_stops_while_somebody_listens(gateway):
    with testing.serve(gateway) as server:
        address = urlsplit(server.url).hostname, urlsplit(server.url).port
        waiting, listening = socket.create_connection(address, 60), socket.create_connection(address, 60)
        head = " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        waiting.sendall(f"GET /_emulator/wait?text=never&timeout=300{head}".encode())
        listening.sendall(f"GET /_emulator/events{head}".encode())
        start = listening.recv(1)

    with waiting, listening:
        assert b" 404 " in waiting.makefile("rb").readline()
        assert (start + listening.makefile("rb").read()).endswith(b"0\r\n\r\n")
