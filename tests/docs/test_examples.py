"""Every Python block in README and docs runs, against an emulator on a real socket."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import threading
import time
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest

import smsgate
from smsgate import webhooks
from smsgate.emulator import Deliverer, Faults, Gateway

uvicorn = pytest.importorskip("uvicorn", reason="the emulator's port needs uvicorn")

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def examples():
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text()
        for match in BLOCK.finditer(text):
            line = text[: match.start()].count("\n") + 1
            yield pytest.param(match.group(1), id=f"{path.relative_to(ROOT)}:{line}")


@pytest.fixture(scope="module")
def gateway_url():
    from smsgate.emulator.asgi import EmulatorApp

    app = EmulatorApp(Gateway(login="login", password="password"))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/3rdparty/v1"
    server.should_exit = True
    thread.join()


class SilentHandler(WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


@pytest.mark.parametrize("code", list(examples()))
def test_example_runs(code, gateway_url, monkeypatch, tmp_path):
    for client in (smsgate.APIClient, smsgate.AsyncAPIClient):
        monkeypatch.setitem(client.__init__.__kwdefaults__, "base_url", gateway_url)
    if "opentelemetry" in code:
        pytest.importorskip("opentelemetry.trace", reason="the example needs opentelemetry-api")
    monkeypatch.chdir(tmp_path)
    logger, root = logging.getLogger("smsgate"), logging.getLogger()
    monkeypatch.setattr(logger, "level", logger.level)  # examples that change them do so for themselves only
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    space = {"__name__": "example"}

    exec(compile(code, "<example>", "exec"), space)

    main = space.get("main")
    if inspect.iscoroutinefunction(main):
        asyncio.run(main())


def test_wsgi_application_of_the_guide_takes_what_a_phone_sends():
    (code,) = (example.values[0] for example in examples() if "wsgi.input" in example.values[0])
    space = {}
    exec(code, space)
    gateway = Gateway(mode="local")
    client = smsgate.APIClient("demo", "demo-password", base_url="http://phone.test", http=gateway.http())

    with make_server("127.0.0.1", 0, validator(space["application"]), handler_class=SilentHandler) as server:
        client.ensure_webhooks(f"http://127.0.0.1:{server.server_port}/sms", ["sms:received"])
        thread = threading.Thread(target=lambda: [server.handle_request() for _ in range(2)])
        thread.start()
        deliverer = Deliverer(gateway)
        for key in ("key of another phone", "key of the phone"):
            gateway.devices[0].signing_key = key
            gateway.receive("+12025550101", f"signed with the {key}")
            deliverer.deliver_due()
        deliverer.stop()
        thread.join()

    assert sorted(delivery.statuses for delivery in gateway.deliveries.all) == [[200], [401]]
    event = space["events"].get_nowait()
    assert isinstance(event, webhooks.SmsReceived)
    assert event.payload.message == "signed with the key of the phone"
    assert space["events"].empty()


def test_hooks_of_the_guide_give_a_span_for_each_attempt():
    trace = pytest.importorskip("opentelemetry.trace", reason="the example needs opentelemetry-api")
    (code,) = (example.values[0] for example in examples() if "opentelemetry" in example.values[0])
    space, spans, headers = {}, [], []
    exec(code, space)

    class Span(trace.NonRecordingSpan):
        def __init__(self, name):
            context = trace.SpanContext(1, len(spans) + 1, is_remote=False, trace_flags=trace.TraceFlags(1))
            super().__init__(context)
            self.said, self.errors, self.ended = {"name": name}, [], False
            spans.append(self)

        def set_attribute(self, key, value):
            self.said[key] = value

        def record_exception(self, exception, *_, **__):
            self.errors.append(type(exception))

        def end(self, *_):
            self.ended = True

    class Tracer(trace.NoOpTracer):
        def start_span(self, name, *_, **__):
            return Span(name)

    def note(request):
        headers.append(request.headers)
        return faults(request)

    space["tracer"] = Tracer()
    faults = Faults.script(["lost", 503])
    gateway = Gateway(faults=note)
    hooks = {"on_request": space["before"], "on_response": space["after"]}
    retry = smsgate.RetryPolicy(base_delay=0)
    smsgate.APIClient("demo", "demo-password", http=gateway.http(), retry=retry, **hooks).list_devices()

    assert all(span.ended for span in spans)
    assert [span.said.get("http.response.status_code") for span in spans] == [None, 503, 200]
    assert [span.said["http.request.resend_count"] for span in spans] == [0, 1, 2]
    assert [span.said["name"] for span in spans] == ["smsgate list_devices"] * 3
    assert [span.errors for span in spans] == [[smsgate.TransportError], [], []]
    assert all(f"-{number:016x}-01" in sent["traceparent"] for number, sent in enumerate(headers, 1))
    assert not space["spans"]
