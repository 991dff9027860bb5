"""Which backend a client gets: by name, by object, by the environment, or by default."""

from __future__ import annotations

import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import metadata

import anyio
import pytest

from smsgate import APIClient, AsyncAPIClient, ConfigurationError, ahttp, http
from smsgate.ahttp import AsyncStreamedResponse
from smsgate.http import Response, StreamedResponse

SYNC = {adapter.library: adapter.name for adapter in http.ADAPTERS if not adapter.is_async}
ASYNC = {adapter.library: adapter.name for adapter in http.ADAPTERS if adapter.is_async}
NEEDS_311 = pytest.mark.skipif(sys.version_info < (3, 11), reason="pyreqwest needs Python 3.11")


@pytest.fixture(autouse=True)
def no_preference(monkeypatch):
    monkeypatch.delenv("SMSGATE_HTTP", raising=False)


@pytest.fixture
def anyio_backend():
    """These tests have no case of their own."""
    return "asyncio"


def kind(backend):
    return type(backend).__name__


def names(table):
    return [pytest.param(name, marks=NEEDS_311 if name == "pyreqwest" else ()) for name in table]


@pytest.mark.parametrize("name", names(SYNC))
def test_synchronous_backend_is_chosen_by_name_or_environment(monkeypatch, name):
    by_name = http.get_client(name)
    monkeypatch.setenv("SMSGATE_HTTP", name)

    assert kind(by_name) == kind(http.get_client()) == SYNC[name] == getattr(http, SYNC[name]).__name__


@pytest.mark.parametrize("name", names(ASYNC))
def test_asynchronous_backend_is_chosen_by_name_or_environment_without_an_event_loop(monkeypatch, name):
    by_name = ahttp.get_client(name)
    monkeypatch.setenv("SMSGATE_HTTP", name)

    assert kind(by_name) == kind(ahttp.get_client()) == ASYNC[name] == getattr(ahttp, ASYNC[name]).__name__


def test_extras_and_public_names_of_adapters_exist():
    extras = metadata("smsgate").get_all("Provides-Extra")

    assert {adapter.library for adapter in http.ADAPTERS} == set(http.LIBRARIES)
    for adapter in http.ADAPTERS:
        assert http.LIBRARIES[adapter.library].extra in extras
        assert adapter.name in (ahttp if adapter.is_async else http).__all__


def test_defaults_are_httpx_and_aiohttp():
    assert kind(http.get_client()) == "HttpxHttpClient"
    assert kind(ahttp.get_client()) == "AiohttpAsyncHttpClient"


@pytest.mark.parametrize(
    ("loop", "expected"), [("asyncio", "AiohttpAsyncHttpClient"), ("trio", "HttpxAsyncHttpClient")]
)
def test_default_fits_the_running_event_loop(loop, expected):
    async def choose():
        return kind(ahttp.get_client())

    assert anyio.run(choose, backend=loop) == expected


def test_name_of_the_other_side_means_the_default_here(monkeypatch):
    monkeypatch.setenv("SMSGATE_HTTP", "requests")
    assert kind(ahttp.get_client()) == "AiohttpAsyncHttpClient"

    monkeypatch.setenv("SMSGATE_HTTP", "aiohttp")
    assert kind(http.get_client()) == "HttpxHttpClient"


def test_empty_preference_is_none(monkeypatch):
    monkeypatch.setenv("SMSGATE_HTTP", "")

    assert kind(http.get_client()) == "HttpxHttpClient"


@pytest.mark.parametrize("module", [http, ahttp])
def test_unknown_name_is_refused(monkeypatch, module):
    with pytest.raises(ConfigurationError, match="httpx"):
        module.get_client("carrier-pigeon")
    monkeypatch.setenv("SMSGATE_HTTP", "carrier-pigeon")
    with pytest.raises(ConfigurationError, match="SMSGATE_HTTP"):
        module.get_client()


def test_name_given_for_the_wrong_side_is_refused():
    with pytest.raises(ConfigurationError):
        http.get_client("aiohttp")
    with pytest.raises(ConfigurationError):
        ahttp.get_client("requests")


def test_old_name_of_the_aiohttp_backend_is_the_same_class():
    assert http.AiohttpHttpClient is ahttp.AiohttpAsyncHttpClient


def test_unknown_attribute_is_no_backend():
    for module in (http, ahttp):
        with pytest.raises(AttributeError):
            _ = module.CarrierPigeonHttpClient


def without(library, statement):
    """Run a statement in an interpreter that cannot import a library, and return what it prints."""
    blocker = f"import sys; sys.modules[{library!r}] = None\n"
    run = subprocess.run([sys.executable, "-c", blocker + statement], capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.mark.parametrize(
    ("library", "extra", "expression"),
    [
        ("requests", "smsgate[requests]", "http.get_client('requests')"),
        ("requests", "smsgate[requests]", "http.RequestsHttpClient"),
        ("aiohttp", "smsgate[aiohttp]", "ahttp.get_client('aiohttp')"),
        ("aiohttp", "smsgate[aiohttp]", "http.AiohttpHttpClient"),
        pytest.param("pyreqwest", "smsgate[fast]", "http.get_client('pyreqwest')", marks=NEEDS_311),
        pytest.param("pyreqwest", "smsgate[fast]", "ahttp.PyreqwestAsyncHttpClient", marks=NEEDS_311),
    ],
)
def test_missing_library_is_named_with_its_extra(library, extra, expression):
    shown = without(
        library,
        f"from smsgate import ahttp, http, ConfigurationError\n"
        f"try:\n    {expression}\nexcept ConfigurationError as error:\n    print(error)",
    )

    assert f"pip install '{extra}'" in shown
    assert "\n" not in shown


def test_asynchronous_default_without_aiohttp_is_httpx():
    shown = without("aiohttp", "from smsgate import ahttp; print(type(ahttp.get_client()).__name__)")

    assert shown == "HttpxAsyncHttpClient"


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="pyreqwest works here")
def test_pyreqwest_on_an_old_python_says_so():
    with pytest.raises(ConfigurationError, match=r"3\.11"):
        http.get_client("pyreqwest")
    with pytest.raises(ConfigurationError, match=r"3\.11"):
        _ = ahttp.PyreqwestAsyncHttpClient


HEALTH = b'{"status":"pass","version":"1","releaseId":1,"checks":{}}'


class Own:
    """A backend of somebody's own: the methods of the protocol and nothing else."""

    def __init__(self):
        self.asked = []
        self.closed = False

    def send(self, request):
        self.asked.append((request.method, request.url))
        return Response(200, {"Content-Type": "application/json"}, HEALTH)

    @contextmanager
    def stream(self, request):
        self.asked.append((request.method, request.url))
        yield StreamedResponse(200, {}, [b"a", b"b"])

    def close(self):
        self.closed = True


class AsyncOwn(Own):
    async def send(self, request):
        return super().send(request)

    @asynccontextmanager
    async def stream(self, request):
        self.asked.append((request.method, request.url))

        async def chunks():
            yield b"a"
            yield b"b"

        yield AsyncStreamedResponse(200, {}, chunks())

    async def aclose(self):
        self.closed = True


def test_client_works_with_a_backend_of_ones_own():
    own = Own()

    with APIClient("login", "password", base_url="http://gateway.test", http=own) as client:
        assert client.health_check().status == "pass"
        assert client.download_attachment("message", 1) == b"ab"
        with client.stream_attachment("message", 1) as chunks:
            assert b"".join(chunks) == b"ab"

    assert isinstance(own, http.HttpClient)
    assert own.asked[0] == ("GET", "http://gateway.test/health")
    assert len(own.asked) == 3


@pytest.mark.anyio
async def test_asynchronous_client_works_with_a_backend_of_ones_own():
    own = AsyncOwn()

    async with AsyncAPIClient("login", "password", base_url="http://gateway.test", http_client=own) as client:
        assert (await client.health_check()).status == "pass"
        async with client.stream_attachment("message", 1) as chunks:
            assert b"".join([chunk async for chunk in chunks]) == b"ab"

    assert isinstance(own, ahttp.AsyncHttpClient)
    assert len(own.asked) == 2


@pytest.mark.anyio
async def test_backends_of_the_other_kind_are_refused_by_the_calls_that_use_them():
    class Swapped(AsyncOwn):
        stream = Own.stream

        def aclose(self):
            self.closed = True

    class Plain(Swapped):
        send = Own.send

    client = AsyncAPIClient("login", "password", base_url="http://gateway.test", http=Plain())
    with pytest.raises(ConfigurationError, match="coroutine functions"):
        await client.health_check()
    with pytest.raises(ConfigurationError, match="coroutine functions"):
        await client.aclose()
    client = AsyncAPIClient("login", "password", base_url="http://gateway.test", http=Swapped())
    with pytest.raises(ConfigurationError, match="async with"):
        await client.download_attachment("message", 1)


def test_backend_whose_stream_is_asynchronous_is_refused_by_the_synchronous_client():
    class Swapped(Own):
        stream = AsyncOwn.stream

    with (
        APIClient("login", "password", base_url="http://gateway.test", http=Swapped()) as client,
        pytest.raises(ConfigurationError, match="stream, for ``with``"),
    ):
        client.download_attachment("message", 1)


def test_backend_of_the_official_client_is_refused_with_a_guide():
    class Old:
        def get(self, *_, **__):
            return {}

        post = get

    with pytest.raises(ConfigurationError, match=r"http-backends\.md"):
        APIClient("login", "password", http=Old())


def test_client_uses_the_backend_that_the_environment_names(monkeypatch, server):
    server.script = lambda connection, _: connection.send(
        f"HTTP/1.1 200 OK\r\nContent-Length: {len(HEALTH)}\r\n\r\n".encode() + HEALTH
    )
    monkeypatch.setenv("SMSGATE_HTTP", "requests")

    with APIClient("login", "password", base_url=server.origin) as client:
        client.health_check()
        chosen = kind(client._exchange.transport.backend.client)

    assert chosen == "RequestsHttpClient"
    assert len(server.requests) == 1


@pytest.mark.anyio
async def test_one_client_serves_many_tasks(server):
    server.script = lambda connection, _: connection.send(
        f"HTTP/1.1 200 OK\r\nContent-Length: {len(HEALTH)}\r\n\r\n".encode() + HEALTH
    )

    async with (
        AsyncAPIClient("login", "password", base_url=server.origin) as client,
        anyio.create_task_group() as group,
    ):
        for _ in range(200):
            group.start_soon(client.health_check)

    assert len(server.requests) == 200


def library_clients():
    """Return makers of each library's own clients, and the client class that each of them is for."""
    import aiohttp
    import httpx
    import requests

    made = {
        "httpx.Client": (httpx.Client, APIClient),
        "httpx.AsyncClient": (httpx.AsyncClient, AsyncAPIClient),
        "requests.Session": (requests.Session, APIClient),
        "aiohttp.ClientSession": (aiohttp.ClientSession, AsyncAPIClient),
    }
    if sys.version_info >= (3, 11):
        from pyreqwest.client import ClientBuilder, SyncClientBuilder

        made["pyreqwest.SyncClient"] = (lambda: SyncClientBuilder().build(), APIClient)
        made["pyreqwest.Client"] = (lambda: ClientBuilder().build(), AsyncAPIClient)
    return made


async def close(client):
    closed = (getattr(client, "aclose", None) or client.close)()
    if closed is not None:
        await closed


@pytest.mark.anyio
@pytest.mark.parametrize("name", list(library_clients()))
async def test_client_of_a_library_is_taken_as_the_users_own(server, name):
    make, fitting = library_clients()[name]
    server.script = lambda connection, _: connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
    )
    own = make()
    try:
        client = fitting("a", "b", base_url=server.origin, http=own)
        if fitting is APIClient:
            assert await anyio.to_thread.run_sync(client.list_devices) == []
            client.close()
        else:
            assert await client.list_devices() == []
            await client.aclose()

        assert not getattr(own, "closed", getattr(own, "is_closed", False))  # it stays the user's to close
    finally:
        await close(own)


@pytest.mark.anyio
@pytest.mark.parametrize("name", list(library_clients()))
async def test_client_of_a_library_is_refused_by_name_where_it_does_not_fit(name):
    make, fitting = library_clients()[name]
    own = make()
    try:
        with pytest.raises(ConfigurationError) as caught:
            (AsyncAPIClient if fitting is APIClient else APIClient)("a", "b", http=own)
    finally:
        await close(own)

    assert f"{name} is for the {fitting.__name__}" in str(caught.value)


def test_class_derived_from_a_librarys_client_is_taken_too():
    import httpx

    class Mine(httpx.Client):
        pass

    with Mine() as own:
        APIClient("a", "b", http=own).close()


class Wrong:
    """Lacks one method of the protocols, or has one that is asynchronous."""

    def __init__(self, missing):
        for name in {"send", "stream", "close", "aclose"} - {missing}:
            setattr(self, name, lambda: None)


@pytest.mark.parametrize("missing", ["send", "stream", "close"])
@pytest.mark.parametrize("client", [APIClient, AsyncAPIClient])
def test_object_without_the_protocol_is_refused_at_once(client, missing):
    if missing == "close" and client is AsyncAPIClient:
        missing = "aclose"

    with pytest.raises(ConfigurationError, match="http takes an object with send, stream"):
        client("a", "b", http=Wrong(missing))


def test_asynchronous_object_is_refused_by_the_synchronous_client():
    class Asynchronous(Wrong):
        async def send(self, request):
            raise NotImplementedError

    backend = Asynchronous("send")

    with pytest.raises(ConfigurationError, match="coroutine"):
        APIClient("a", "b", http=backend)
