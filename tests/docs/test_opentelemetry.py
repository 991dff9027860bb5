"""OpenTelemetry statements of the guide, checked on each backend."""

from __future__ import annotations

import asyncio
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from smsgate import APIClient, AsyncAPIClient, NotFoundError
from smsgate.ahttp import AiohttpAsyncHttpClient

trace_sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="needs opentelemetry-sdk")
exporting = pytest.importorskip("opentelemetry.sdk.trace.export")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "observability.md").read_text(encoding="utf-8")
SNIPPET = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "opentelemetry" in block)
FAST = pytest.param("pyreqwest", marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="needs Python 3.11"))


@pytest.fixture
def spans():
    """A provider of tracers, and the spans that ended with it."""
    provider, kept = trace_sdk.TracerProvider(), memory.InMemorySpanExporter()
    provider.add_span_processor(exporting.SimpleSpanProcessor(kept))
    return provider, kept


@pytest.fixture
def hooks(spans, monkeypatch):
    """The hooks of the page."""
    names: dict = {}
    monkeypatch.setattr("opentelemetry.trace.get_tracer", spans[0].get_tracer)
    exec(SNIPPET, names)
    return {"on_request": names["before"], "on_response": names["after"]}


def check(ended):
    assert [(span.name, span.attributes["http.response.status_code"]) for span in ended] == [
        ("smsgate send_message", 202),
        ("smsgate get_message", 404),
    ]
    shown = "".join(span.to_json() for span in ended)
    assert not any(secret in shown for secret in ("password", "+12025550101", "canary"))


@pytest.mark.parametrize("backend", ["httpx", "requests", FAST])
def test_hooks_give_a_span_for_each_attempt(gateway_url, spans, hooks, backend):
    with APIClient("login", "password", base_url=gateway_url, http=backend, **hooks) as client:
        client.send("canary text", to="+12025550101")
        with pytest.raises(NotFoundError):
            client.get_state("nobody")

    check(spans[1].get_finished_spans())


@pytest.mark.parametrize("backend", ["httpx", "aiohttp", FAST])
def test_hooks_give_a_span_for_each_attempt_of_tasks(gateway_url, spans, hooks, backend):
    async def calls():
        async with AsyncAPIClient("login", "password", base_url=gateway_url, http=backend, **hooks) as client:
            await client.send("canary text", to="+12025550101")
            with pytest.raises(NotFoundError):
                await client.get_state("nobody")

    asyncio.run(calls())

    check(spans[1].get_finished_spans())


@pytest.mark.parametrize("library", ["httpx", "requests"])
def test_instrumentations_of_the_libraries_see_what_the_page_says(gateway_url, spans, library):
    module = import_module(f"opentelemetry.instrumentation.{library}")
    instrumentor = {"httpx": "HTTPXClientInstrumentor", "requests": "RequestsInstrumentor"}[library]
    instrumentation = getattr(module, instrumentor)()
    instrumentation.instrument(tracer_provider=spans[0])
    try:
        with APIClient("login", "password", base_url=gateway_url, http=library) as client:
            client.list_devices()
    finally:
        instrumentation.uninstrument()

    assert len(spans[1].get_finished_spans()) == 1


def test_trace_configs_of_an_aiohttp_session_of_one_s_own_are_kept(gateway_url, spans):
    aiohttp = pytest.importorskip("aiohttp")
    module = pytest.importorskip("opentelemetry.instrumentation.aiohttp_client")

    async def calls():
        config = module.create_trace_config(tracer_provider=spans[0])
        async with aiohttp.ClientSession(trace_configs=[config]) as session:
            http = AiohttpAsyncHttpClient(session)
            async with AsyncAPIClient("login", "password", base_url=gateway_url, http=http) as client:
                await client.list_devices()

    asyncio.run(calls())

    assert len(spans[1].get_finished_spans()) == 1
