"""Clients pass what concerns the connection to the backend that they make: certificates, a proxy, the environment."""

from __future__ import annotations

import asyncio

import pytest

from smsgate import APIClient, AsyncAPIClient, RetryPolicy, ahttp, http
from smsgate.emulator import Gateway
from smsgate.errors import ConfigurationError, ConnectError

URL = "http://gateway.invalid/3rdparty/v1"
CLIENTS = [
    (APIClient, None),
    (APIClient, "httpx"),
    (APIClient, "requests"),
    (AsyncAPIClient, None),
    (AsyncAPIClient, "httpx"),
]


@pytest.fixture
def proxy(server, monkeypatch):
    """A proxy that answers by itself; the environment names none."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SMSGATE_HTTP"):
        monkeypatch.delenv(name, raising=False)
    server.script = lambda connection, _: connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
    return server


def webhooks_of(kind, **options):
    client = kind("login", "password", retry=RetryPolicy.none(), **{"base_url": URL, **options})
    if kind is APIClient:
        with client:
            return client.get_webhooks()

    async def call():
        async with client:
            return await client.get_webhooks()

    return asyncio.run(call())


@pytest.mark.parametrize(("kind", "name"), CLIENTS)
def test_proxy_of_a_client_is_used(proxy, kind, name):
    assert webhooks_of(kind, http=name, proxy=proxy.origin) == []
    assert [request.target for request in proxy.requests] == [f"{URL}/webhooks"]


@pytest.mark.parametrize(("kind", "name"), CLIENTS)
def test_environment_counts_unless_the_client_says_otherwise(proxy, monkeypatch, kind, name):
    monkeypatch.setenv("http_proxy", proxy.origin)

    assert webhooks_of(kind, http=name) == []
    with pytest.raises(ConnectError):
        webhooks_of(kind, http=name, trust_env=False)
    assert len(proxy.requests) == 1


@pytest.mark.parametrize(("kind", "name"), CLIENTS)
def test_certificates_of_a_client_are_used(proxy, kind, name, tmp_path):
    (tmp_path / "broken.pem").write_text("no certificate")

    with pytest.raises(ConfigurationError, match="verify"):
        webhooks_of(kind, http=name, verify=str(tmp_path / "broken.pem"))


@pytest.mark.parametrize("kind", [APIClient, AsyncAPIClient])
@pytest.mark.parametrize(
    "options", [{"proxy": "socks5://127.0.0.1:1"}, {"verify": "no-such-file.pem"}, {"verify": 5}, {"trust_env": "yes"}]
)
def test_option_that_cannot_work_is_refused_when_the_client_is_made(kind, options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        kind("login", "password", **options)


@pytest.mark.parametrize("options", [{"proxy": "http://127.0.0.1:1"}, {"verify": False}, {"trust_env": False}])
def test_options_beside_a_backend_of_the_user_are_refused(options):
    for kind, backend in ((APIClient, http.get_client()), (AsyncAPIClient, ahttp.get_client("httpx"))):
        with pytest.raises(ConfigurationError, match="the backend that you gave"):
            kind("login", "password", http=backend, **options)


def test_backends_of_the_emulator_are_context_managers_too():
    gateway = Gateway()
    with gateway.http() as backend, APIClient("demo", "demo-password", http=backend) as client:
        assert len(client.list_devices()) == 1

    async def use():
        async with gateway.async_http() as other, AsyncAPIClient("demo", "demo-password", http=other) as client:
            assert len(await client.list_devices()) == 1

    asyncio.run(use())
