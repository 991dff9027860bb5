"""Fault injection: choice of requests, effects in memory and over ASGI, and command-line options."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time

import anyio
import httpx
import pytest
import uvicorn

from eventually import LIMIT, eventually
from smsgate.__main__ import main
from smsgate.emulator import FAULTS, Fault, Faults, Gateway
from smsgate.emulator._server.asgi import EmulatorApp
from smsgate.errors import ConnectError, RequestTimeoutError, TransportError
from smsgate.http import Headers, Request, Response, Timeout

AUTH = "Basic " + base64.b64encode(b"demo:demo-password").decode()
HEADERS = {"Authorization": AUTH, "Content-Type": "application/json"}
BODY = json.dumps({"phoneNumbers": ["+79990001234"], "textMessage": {"text": "hi"}}).encode()


def request_to(path, method="GET", content=None):
    url = f"http://gateway.example/3rdparty/v1{path}"
    return Request(method, url, HEADERS, content, Timeout())


def post():
    return request_to("/messages", "POST", BODY)


def gateway_with(*steps, **options):
    return Gateway(faults=Faults.script(steps, **options), phone=False)


# -- what happens in memory ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error", "sent", "stored"),
    [
        ("refuse", ConnectError, False, 0),
        ("reset", TransportError, None, 0),
        ("lost", TransportError, None, 1),
        ("late", RequestTimeoutError, None, 1),
        ("truncate", TransportError, True, 1),
        ("drip", RequestTimeoutError, True, 1),
    ],
)
def test_a_broken_exchange_raises_what_a_backend_raises_and_stores_or_not(name, error, sent, stored):
    gateway = gateway_with(name)
    begun = time.monotonic()

    with pytest.raises(TransportError) as caught:
        gateway.http().send(post())

    assert type(caught.value) is error
    assert caught.value.sent is sent
    assert len(gateway.messages) == stored
    assert time.monotonic() - begun < Fault("late").seconds / 2


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_status_before_handling_stores_nothing(status):
    gateway = gateway_with(status)

    answer = gateway.handle(post())

    assert answer.status == status
    assert gateway.messages == []


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_status_after_handling_hides_that_the_message_is_stored(status):
    gateway = gateway_with(f"{status}-handled")

    answer = gateway.handle(post())

    assert answer.status == status
    assert len(gateway.messages) == 1


def test_statuses_look_as_servers_and_proxies_send_them():
    gateway = gateway_with("500", "502", "408", "429", Fault("status", status=503, retry_after="7"))

    own, proxy, slow, limited, busy = (gateway.handle(post()) for _ in range(5))

    assert json.loads(own.content) == {"message": "failed to handle request"}
    assert proxy.headers["content-type"] == "text/html"
    assert b"502 Bad Gateway" in proxy.content
    assert slow.content == b"Request Timeout"
    assert limited.headers["retry-after"] == "0"
    assert busy.headers["retry-after"] == "7"


def test_garbage_is_a_foreign_page_or_a_broken_answer():
    gateway = gateway_with("garbage", "garbage-handled")

    page = gateway.handle(post())
    before = len(gateway.messages)
    broken = gateway.handle(post())

    assert (page.status, page.headers["content-type"], before) == (200, "text/html", 0)
    assert (broken.status, len(gateway.messages)) == (202, 1)
    with pytest.raises(ValueError, match=r"decode"):
        json.loads(broken.content)


def test_garbage_in_place_of_no_content_needs_a_status_that_has_a_body():
    gateway = gateway_with("garbage-handled")

    assert gateway.handle(request_to("/webhooks/x", "DELETE")).status == 200


def test_an_outage_lasts_for_its_exchanges_and_is_over_at_once():
    gateway = gateway_with(None, Fault("outage", exchanges=3))
    gateway.handle(request_to("/devices"))  # the login is cached from now on

    answers = [gateway.handle(request).status for request in (post(), request_to("/health"), post(), post())]

    assert answers == [500, 503, 500, 202]
    assert len(gateway.messages) == 1


def test_an_outage_refuses_right_credentials_that_are_not_cached():
    gateway = gateway_with("outage")

    assert gateway.handle(request_to("/devices")).status == 401


def test_an_outage_leaves_one_declared_by_hand_alone():
    gateway = gateway_with(Fault("outage", exchanges=1))
    gateway.outage()

    statuses = [gateway.handle(request_to("/health")).status for _ in range(2)]
    gateway.outage(False)

    assert statuses == [503, 503]
    assert gateway.handle(request_to("/health")).status == 200


def test_a_phones_local_server_has_no_outage():
    gateway = Gateway(mode="local", faults=Faults.script(["outage"]))

    answer = gateway.handle(Request("GET", "http://phone.example/device", {"Authorization": AUTH}, None, Timeout()))

    assert answer.status == 200


def test_any_function_may_be_the_source_and_may_change_at_run_time():
    gateway = Gateway(faults=lambda _: Response(418, Headers(), b""))

    strange = gateway.handle(post())
    gateway.faults = lambda _: Fault("refuse")
    with pytest.raises(ConnectError):
        gateway.handle(post())
    gateway.faults = None

    assert strange.status == 418
    assert gateway.handle(post()).status == 202


# -- streams -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "error"), [("truncate", TransportError), ("drip", RequestTimeoutError)])
def test_a_stream_breaks_off_in_its_middle(name, error):
    whole = Gateway().handle(request_to("/health")).content
    gateway = gateway_with(name)
    parts = []

    with gateway.http().stream(request_to("/health")) as answer, pytest.raises(error) as caught:
        parts.extend(answer.chunks)

    assert answer.status == 200
    assert b"".join(parts) == whole[: len(whole) // 2]
    assert caught.value.sent is True


@pytest.mark.anyio
async def test_an_asynchronous_stream_breaks_off_in_its_middle():
    gateway = gateway_with("truncate")
    parts = []

    async def read(answer):
        async for chunk in answer.chunks:
            parts.append(chunk)  # noqa: PERF401 - a comprehension would lose what came before the error

    async with gateway.async_http().stream(request_to("/health")) as answer:
        with pytest.raises(TransportError):
            await read(answer)

    assert len(parts) == 1


def test_a_stream_that_never_begins_raises_at_once():
    with pytest.raises(TransportError):
        gateway_with("lost").http().stream(request_to("/health")).__enter__()


# -- which exchanges -----------------------------------------------------------------------------------------------


def drawn(faults, number=50):
    found = [faults(post()) for _ in range(number)]
    return [fault and fault.name for fault in found]


def test_the_same_seed_gives_the_same_faults():
    assert drawn(Faults.random(0.5, seed=3)) == drawn(Faults.random(0.5, seed=3))
    assert drawn(Faults.random(0.5, seed=3)) != drawn(Faults.random(0.5, seed=4))


def test_the_rate_is_kept_and_every_kind_occurs():
    faults = Faults.random(0.3, seed=1, kinds=[name for name in FAULTS if name != "outage"])

    drawn(faults, 5000)

    assert set(faults.counts) == set(FAULTS) - {"outage"}
    assert faults.exchanges == 5000
    assert 0.28 < sum(faults.counts.values()) / 5000 < 0.32
    assert repr(faults) == f"Faults(exchanges=5000, failed={sum(faults.counts.values())})"


def test_a_script_is_followed_and_then_all_goes_well():
    assert drawn(Faults.script(["lost", None, 503, Fault("late")]), 6) == ["lost", None, "503", "late", None, None]


@pytest.mark.parametrize(
    ("pattern", "hit"),
    [
        ("POST", [True, False, False]),
        ("/messages", [True, True, False]),
        ("GET /messages", [False, True, False]),
        ("GET /messages/*", [False, False, True]),
        ("/mess*", [True, True, True]),
        ("DELETE", [False, False, False]),
    ],
)
def test_faults_can_be_kept_to_some_exchanges(pattern, hit):
    faults = Faults.random(1, kinds=["lost"], only=[pattern])
    requests = [post(), request_to("/messages?limit=1"), request_to("/messages/abc")]

    assert [faults(request) is not None for request in requests] == hit


def test_an_outage_hits_the_other_exchanges_too():
    faults = Faults.script([Fault("outage", exchanges=2)], only=["POST"])

    assert [fault and fault.name for fault in (faults(post()), faults(request_to("/health")), faults(post()))] == [
        "outage",
        "outage",
        None,
    ]


def test_paths_of_a_local_server_have_no_prefix():
    faults = Faults.script(["lost"], only=["GET /device"])

    assert faults(Request("GET", "http://phone.example/device", {}, None, Timeout())) is not None


def test_names_are_found_in_the_table():
    assert {name: fault.name for name, fault in FAULTS.items()} == {name: name for name in FAULTS}
    assert "429-handled" not in FAULTS


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fault("flood"),
        lambda: Fault("lost", handled=True),
        lambda: Faults.script(["flood"]),
        lambda: Faults.script([418]),
        lambda: Faults.random(1.5),
        lambda: Faults.random(-0.1),
        lambda: Faults.random(kinds=[]),
        lambda: Faults.random(kinds=["flood"]),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(ValueError, match=r"A fault|rate|handled"):
        make()


# -- over ASGI -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def served(gateway):
    config = uvicorn.Config(EmulatorApp(gateway), port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/3rdparty/v1"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    ("fault", "error", "stored"),
    [
        ("refuse", httpx.RemoteProtocolError, 0),
        ("reset", httpx.RemoteProtocolError, 0),
        ("lost", httpx.RemoteProtocolError, 1),
        ("truncate", httpx.RemoteProtocolError, 1),
        ("late", httpx.ReadTimeout, 1),
        (Fault("drip", seconds=60), httpx.ReadTimeout, 1),
    ],
)
def test_over_a_port_the_answer_breaks_off_or_never_ends(fault, error, stored):
    gateway = gateway_with(fault)

    read = 0.3 if error is httpx.ReadTimeout else LIMIT

    with served(gateway) as url, httpx.Client(trust_env=False, timeout=LIMIT) as client:
        with pytest.raises(error):
            client.post(f"{url}/messages", content=BODY, headers=HEADERS, timeout=httpx.Timeout(LIMIT, read=read))
        again = client.get(f"{url}/health")
        eventually(lambda: len(gateway.messages) >= stored)

    assert again.status_code == 200
    assert len(gateway.messages) == stored


@pytest.mark.parametrize("kind", ["late", "drip"])
def test_over_a_port_a_patient_client_gets_the_answer_in_the_end(kind):
    gateway = gateway_with(Fault(kind, seconds=0.2), "503")
    begun = time.monotonic()

    with served(gateway) as url, httpx.Client(trust_env=False, timeout=LIMIT) as client:
        answer = client.get(f"{url}/health")
        seconds = time.monotonic() - begun
        after = client.get(f"{url}/health")

    assert answer.json()["status"] == "pass"
    assert seconds >= 0.2
    assert after.status_code == 503


def drive(fault, *incoming):
    """Go through one exchange over ASGI; the client says nothing more after its events."""
    sent = []
    scope = {"type": "http", "method": "GET", "path": "/health", "query_string": b"", "headers": []}
    events = [{"type": "http.request"}, *incoming]

    async def receive():
        if not events:
            await anyio.sleep_forever()
        return events.pop(0)

    async def send(event):
        sent.append(event)

    anyio.run(EmulatorApp(gateway_with(fault)), scope, receive, send)
    return sent


@pytest.mark.parametrize(("kind", "before"), [("late", 0), ("drip", 1)])
def test_a_client_that_leaves_ends_the_exchange(kind, before):
    sent = drive(Fault(kind), {"type": "http.request"}, {"type": "http.disconnect"})

    assert len(sent) == before


@pytest.mark.parametrize(("kind", "parts"), [("late", 1), ("drip", 20)])
def test_a_client_that_waits_gets_every_byte(kind, parts):
    whole = Gateway().handle(request_to("/health")).content

    start, *bodies = drive(Fault(kind, seconds=0.01))

    assert start["status"] == 200
    assert len(bodies) == parts
    assert b"".join(body["body"] for body in bodies) == whole
    assert [body for body in bodies if not body.get("more_body")] == bodies[-1:]


# -- from the command line -----------------------------------------------------------------------------------------


def test_the_command_serves_with_faults(capfd, monkeypatch):
    gateways = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, **_: gateways.append(self.config.app._gateway))

    plain = main(["emulator", "--port", "0"])
    shaky = main(["emulator", "--port", "0", "--fault-rate", "1", "--fault-seed", "5", "--fault-kinds", "503,lost"])

    assert (plain, shaky) == (0, 0)
    assert gateways[0].faults is None
    assert set(drawn(gateways[1].faults)) == {"503", "lost"}


@pytest.mark.parametrize(
    "options", [["--fault-rate", "2"], ["--fault-rate", "x"], ["--fault-rate", "0.1", "--fault-kinds", "flood"]]
)
def test_wrong_fault_options_are_exit_2(capsys, options):
    assert main(["emulator", *options]) == 2
    assert "usage: smsgate emulator" in capsys.readouterr().err
