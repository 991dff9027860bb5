"""Control requests that try to break the emulator: numbers, patterns, ids, bodies, methods, clients that leave."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from eventually import LIMIT, eventually
from smsgate import APIClient, RetryPolicy, testing
from smsgate.emulator._control.table import ENDPOINTS

ALICE = "+12025550100"


@pytest.fixture
def served():
    with testing.serve(testing.make_gateway({"devices": 2})) as server:
        yield server


@pytest.fixture
def gateway(served):
    return served.gateway


@pytest.fixture
def root(served):
    return served.url.removesuffix("/3rdparty/v1")


@pytest.fixture
def http(root):
    with httpx.Client(base_url=f"{root}/_emulator", trust_env=False, timeout=LIMIT) as client:
        yield client


@pytest.fixture
def client(served):
    with APIClient(served.login, served.password, base_url=served.url, retry=RetryPolicy.none()) as client:
        yield client


NUMBERS = ["NaN", "Infinity", "-Infinity", "-1", "-0.001", "1e400", "1e308", "9" * 400, "9" * 5000, '"1h"', "[]", "{}"]
FIELDS = [
    ("POST /clock/advance", "seconds", {}),
    ("POST /outage", "seconds", {}),
    ("PATCH /timings", "sent", {}),
    ("PATCH /timings", "pace", {}),
    ("PATCH /devices/{device}", "latency", {}),
    ("PATCH /devices/{device}", "failureRate", {}),
    ("PATCH /devices/{device}", "sims", {}),
    ("POST /faults", "times", {"faults": ["lost"]}),
    ("POST /faults", "rate", {"faults": ["lost"]}),
    ("POST /receive", "simNumber", {"sender": ALICE}),
]


@pytest.mark.parametrize(("operation", "field", "others"), FIELDS)
def test_numbers_out_of_range_are_refused_in_one_sentence(http, gateway, operation, field, others):
    method, path = operation.format(device=gateway.devices[0].id).split()
    for number in NUMBERS:
        before = json.dumps({**others, field: 0})[:-2]
        response = http.request(method, path, content=f"{before}{number}}}")

        assert response.status_code == 400, (number[:20], response.text)
        assert "\n" not in response.json()["message"]


@pytest.mark.parametrize("path", ["/messages?limit={}", "/messages?offset={}", "/wait?timeout={}", "/outbox?limit={}"])
def test_numbers_of_queries_are_refused_in_one_sentence(http, path):
    for number in ("NaN", "inf", "1e400", "9" * 400, "9" * 5000, "x", "1,0"):
        response = http.get(path.format(number))

        assert response.status_code == 400, number[:20]
        assert "\n" not in response.json()["message"]


@pytest.mark.parametrize("number", ["0", "-1", "9" * 18, "9" * 5000, "x", "1.0", "%00", "\u0661"])
def test_unknown_numbers_of_requests_are_not_found(http, number):
    assert http.get(f"/requests/{number}").status_code == 404


@pytest.mark.parametrize("pattern", ["(" * 900 + ")" * 900, "a{99999999999}", "(?P<x", "[[a]", "\\"])
@pytest.mark.parametrize("path", ["/outbox", "/wait"])
def test_bad_patterns_are_refused_in_one_sentence(http, path, pattern):
    response = http.get(path, params={"pattern": pattern, **({"timeout": 0} if path == "/wait" else {})})

    assert response.status_code in {400, 404} if pattern == "[[a]" else 400
    assert "500" not in response.text


@pytest.mark.parametrize(
    "time",
    ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "10000-01-01T00:00:00Z", "1e400", "NaN", 1e300, -1e300],
)
def test_times_at_the_end_of_the_calendar_are_no_error_of_the_emulator(http, time):
    response = http.post("/receive", content=json.dumps({"sender": ALICE, "text": "x", "receivedAt": time}))

    assert response.status_code in {201, 400}
    assert http.get("/incoming").status_code == 200
    assert http.get("/conversations").status_code == 200


LONE = "\\ud800"


@pytest.mark.parametrize("path", ["/_emulator/receive", "/emulator/receive"])
@pytest.mark.parametrize("field", ["sender", "text", "recipient"])
def test_half_characters_break_nothing(http, root, path, field):
    body = {"sender": ALICE, "text": "x", field: "HERE"}
    content = json.dumps(body).replace("HERE", f"a{LONE}b")

    response = httpx.post(f"{root}{path}", content=content, trust_env=False)

    assert response.status_code in {201, 400}
    assert http.get("/incoming").status_code == 200
    assert http.get("/conversations").status_code == 200
    with http.stream("GET", "/events") as events:
        assert any(line.startswith("event: state") for line in events.iter_lines())


BODIES = [
    b"",
    b"\xff\xfe",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"1",
    b'{"a": 1}',
    b'{"__proto__": {}}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"sender": null}',
]


@pytest.mark.parametrize("endpoint", [item for item in ENDPOINTS if item.body], ids=lambda item: item.handler.__name__)
def test_bodies_that_are_no_objects_of_ours_are_refused(http, gateway, client, endpoint):
    sent = client.send("Hello", to=ALICE)
    path = endpoint.path.replace("{id:path}", sent.id).replace("{id}", gateway.devices[0].id)
    for body in BODIES:
        if not body and endpoint.is_body_optional:
            continue
        response = http.request(endpoint.method, path, content=body)

        assert response.status_code == 400, (body[:20], response.text)
        assert "\n" not in response.json()["message"]


@pytest.mark.parametrize("path", ["/_emulator/receive", "/emulator/receive"])
def test_huge_bodies_are_refused(root, path):
    response = httpx.post(f"{root}{path}", content=b" " * (33 * 1024 * 1024), trust_env=False, timeout=LIMIT)

    assert response.status_code in {400, 413}
    assert response.json()["message"]


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_wrong_methods_are_told(http, method):
    for path in ("/state", "/wait", "/events", "/docs", "/page/app.js"):
        response = http.request(method, path)

        assert (response.status_code, response.headers["allow"]) == (405, "GET")


def test_rejected_switches_change_nothing(http, gateway):
    device = gateway.devices[0]
    before = (device.name, device.sim_cards, device.latency)
    body = {"name": "Other", "latency": 3, "simCards": [{"slotIndex": 0, "simNumber": 1}], "failingNumbers": {"1": ""}}

    response = http.patch(f"/devices/{device.id}", json=body)

    assert response.status_code == 400
    assert (device.name, device.sim_cards, device.latency) == before


def test_waiting_for_a_client_that_leaves_ends(http, served, gateway):
    address = urlsplit(served.url).hostname, urlsplit(served.url).port
    waiting = [socket.create_connection(address, LIMIT) for _ in range(50)]
    for connection in waiting:
        connection.sendall(b"GET /_emulator/wait?text=never&timeout=300 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert http.get("/state").status_code == 200
    for connection in waiting:
        connection.close()

    gateway.receive(ALICE, "still here")
    assert http.get("/incoming").json()["total"] == 1


def test_waiting_goes_on_over_a_reset(http, client, gateway):
    client.send("Before", to=ALICE)
    with ThreadPoolExecutor(1) as threads:
        found = threads.submit(http.get, "/wait", params={"text": "After", "timeout": LIMIT})
        for _ in range(5):
            gateway.reset()
        client.send("After", to=ALICE)

        assert found.result().json()["text"] == "After"


def test_many_waiting_clients_get_their_messages(http, client, root):
    def wait(number):
        with httpx.Client(trust_env=False, timeout=LIMIT) as own:
            return own.get(f"{root}/_emulator/wait", params={"text": f"Text {number}", "timeout": LIMIT}).json()["text"]

    with ThreadPoolExecutor(20) as threads:
        found = threads.map(wait, range(20))
        for number in range(20):
            client.send(f"Text {number}", to=ALICE)

        assert list(found) == [f"Text {number}" for number in range(20)]


def test_failed_wait_is_short_whatever_the_outbox_holds(http, gateway, client):
    for number in range(40):
        client.send(f"{number} " + "lines\n" * 3000, to=ALICE)
    for number in range(600):
        client.send(f"{number} " + "abcdefgh " * 100, to=ALICE)
    started = time.process_time()

    response = http.get("/wait", params={"text": "x " + "lines \n" * 500, "timeout": 0})

    assert response.status_code == 404
    assert len(response.json()["message"]) < 40_000
    assert time.process_time() - started < 20  # comparing everything takes minutes


def test_hundreds_of_listeners_hear_of_a_message(http, served, gateway):
    address = urlsplit(served.url).hostname, urlsplit(served.url).port
    listening = [socket.create_connection(address, LIMIT) for _ in range(200)]
    for connection in listening:
        connection.sendall(b"GET /_emulator/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for connection in listening:
        assert b"event: state" in _until(connection, b"event: state")

    gateway.receive(ALICE, "to everybody")

    for connection in listening:
        assert b"to everybody" in _until(connection, b"to everybody")
        connection.close()
    eventually(lambda: http.get("/state").status_code == 200)


def _until(connection, wanted):
    found = b""
    while wanted not in found:
        part = connection.recv(65536)
        assert part
        found += part
    return found


def test_control_calls_of_many_threads_leave_a_working_emulator(http, root, client):
    problems = []

    def work(number):
        with httpx.Client(base_url=f"{root}/_emulator", trust_env=False, timeout=LIMIT) as own:
            for turn in range(15):
                calls = [
                    lambda text=f"{number} {turn}": own.post("/receive", json={"sender": ALICE, "text": text}),
                    lambda: own.post("/reset"),
                    lambda: own.post("/clock/advance", json={"seconds": 1}),
                    lambda: own.post("/faults", json={"faults": [503], "only": ["GET /nothing"]}),
                    lambda: own.delete("/faults"),
                    lambda: own.patch("/timings", json={"sent": 0.01}),
                    lambda: own.get("/conversations"),
                    lambda: own.get("/state"),
                    lambda: own.post("/outage", json={"seconds": 0}),
                ]
                response = calls[(number + turn) % len(calls)]()
                if response.status_code >= 400:
                    problems.append(response.text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    http.delete("/outage")
    assert client.send("Hello", to=ALICE)
    assert math.isfinite(http.get("/state").json()["clock"]["offset"])
