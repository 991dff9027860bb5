"""Table of mocks and tracers in the guide, checked row by row on each backend."""

from __future__ import annotations

import asyncio
import contextlib
import json
from importlib import import_module
from pathlib import Path

import pytest

from smsgate import APIClient, AsyncAPIClient, RetryPolicy, SMSGateError

URL = "http://gateway.invalid/3rdparty/v1"
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "observability.md"
BACKENDS = ("httpx", "httpx, asynchronous", "requests", "aiohttp", "own httpx", "own requests")


def table():
    """Read which tool sees which backend: yes or no, in the order of the heads."""
    lines = GUIDE.read_text(encoding="utf-8").split("| tool |")[1].splitlines()
    heads = [cell.strip() for cell in lines[0].strip("|").split("|")]
    rows = {}
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        tool, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows[tool.split("`")[1]] = dict(zip(heads, [cell == "yes" for cell in cells], strict=True))
    return rows


def ask(name, url=URL):
    """List the devices over a backend; tell whether that went well."""
    if name in {"httpx, asynchronous", "aiohttp"}:
        return asyncio.run(ask_asynchronously(name.split(",")[0], url))
    import httpx
    import requests

    kinds = {"own httpx": httpx.Client, "own requests": requests.Session}
    with contextlib.ExitStack() as stack:
        http = stack.enter_context(kinds[name]()) if name in kinds else name
        client = stack.enter_context(APIClient("login", "password", base_url=url, http=http, retry=RetryPolicy.none()))
        return succeeds(client.list_devices)


def succeeds(call):
    try:
        call()
    except SMSGateError:
        return False
    return True


async def ask_asynchronously(name, url):
    options = {"base_url": url, "http": name, "retry": RetryPolicy.none()}
    async with AsyncAPIClient("login", "password", **options) as client:
        try:
            await client.list_devices()
        except SMSGateError:
            return False
    return True


def respx_answers(name, _tmp_path):
    respx = import_module("respx")
    with respx.mock(assert_all_called=False) as mock:
        mock.get(f"{URL}/devices").respond(json=[])
        return ask(name)


def requests_mock_answers(name, _tmp_path):
    with import_module("requests_mock").Mocker() as mock:
        mock.get(f"{URL}/devices", json=[])
        return ask(name)


def responses_answers(name, _tmp_path):
    responses = import_module("responses")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{URL}/devices", json=[])
        return ask(name)


@contextlib.contextmanager
def cassette(tmp_path):
    """Use a recording of vcrpy in which the list of devices is empty."""
    interactions = [
        {
            "request": {"method": "GET", "uri": f"{URL}/devices", "body": "", "headers": {}},
            "response": {
                "status": {"code": 200, "message": "OK"},
                "headers": {"Content-Type": ["application/json"]},
                "body": {"string": json.dumps([])},
            },
        }
    ]
    path = tmp_path / "cassette.json"
    path.write_text(json.dumps({"version": 1, "interactions": interactions}))
    with import_module("vcr").VCR(serializer="json", record_mode="none").use_cassette(str(path)):
        yield


def vcr_answers(name, tmp_path):
    with cassette(tmp_path):
        return ask(name)


MOCKS = {
    "respx": respx_answers,
    "requests-mock": requests_mock_answers,
    "responses": responses_answers,
    "vcrpy": vcr_answers,
}


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("tool", MOCKS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the mocks' own
def test_mock_answers_where_the_table_says_so(tool, name, tmp_path):
    pytest.importorskip({"requests-mock": "requests_mock", "vcrpy": "vcr"}.get(tool, tool))

    assert MOCKS[tool](name, tmp_path) is table()[tool][name]


@pytest.mark.parametrize("name", ["httpx", "requests"])
def test_client_outlives_a_cassette_of_vcrpy(name, tmp_path):
    pytest.importorskip("vcr")

    with APIClient("demo", "demo-password", base_url=URL, http=name) as client:
        with cassette(tmp_path):
            assert client.list_devices() == []
        with cassette(tmp_path):
            assert client.list_devices() == []


@pytest.mark.parametrize("name", BACKENDS)
def test_sentry_sees_what_the_table_says(name, gateway_url):
    sentry_sdk = pytest.importorskip("sentry_sdk")
    spans = []

    def keep(event, _hint):
        spans.extend(event["spans"])

    with sentry_sdk.isolation_scope():
        sentry_sdk.init(traces_sample_rate=1.0, before_send_transaction=keep, dsn="http://key@127.0.0.1:9/1")
        try:
            with sentry_sdk.start_transaction(name="test"):
                assert ask(name, gateway_url)
        finally:
            sentry_sdk.init()

    seen = [span for span in spans if span["op"] == "http.client"]
    assert bool(seen) is table()["sentry-sdk"][name]
