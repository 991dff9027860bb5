"""The contract of every backend: TLS, client certificates, proxies, and options that cannot be used."""

from __future__ import annotations

import base64

import pytest

from smsgate.errors import ConfigurationError, ConnectError, TransportError

pytestmark = pytest.mark.anyio

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture
def secure(serve, pki):
    """A server with a certificate of the test's authority."""
    return serve(pki.server_context())


@pytest.fixture
def no_proxies(monkeypatch):
    for name in (*PROXY_VARIABLES, "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


async def test_server_of_a_known_authority_is_trusted(secure, make, ask, pki):
    backend = make(verify=pki.ca)

    answers = [await backend.send(ask(f"{secure.origin}/messages", "POST", b"{}")) for _ in range(3)]

    assert [answer.content for answer in answers] == [b"{}"] * 3
    assert secure.connections == 1


async def test_server_of_an_unknown_authority_gets_nothing(secure, make, ask, pki):
    for backend in (make(), make(verify=pki.other_ca)):
        with pytest.raises(ConnectError) as caught:
            await backend.send(ask(f"{secure.origin}/messages", "POST", b"canary"))

        assert caught.value.sent is False
        assert "certificate" in str(caught.value)
        assert caught.value.__cause__ is not None

    assert secure.requests == []


async def test_certificate_for_another_host_is_refused(secure, make, ask, pki):
    backend = make(verify=pki.ca)

    with pytest.raises(ConnectError) as caught:
        await backend.send(ask(f"https://localhost:{secure.port}/", "POST", b"{}"))

    assert caught.value.sent is False
    assert secure.requests == []


async def test_verification_can_be_switched_off(secure, make, ask):
    backend = make(verify=False)

    assert (await backend.send(ask(f"https://localhost:{secure.port}/"))).status == 200


async def test_self_signed_certificate_can_be_trusted_by_its_file(serve, make, ask, pki, case):
    if case.library == "pyreqwest":
        pytest.skip("refuses authorities in the place of servers")
    server = serve(pki.server_context(self_signed=True))

    assert (await make(verify=pki.self_signed).send(ask(f"{server.origin}/"))).status == 200


async def test_ssl_context_is_used_where_the_library_takes_one(secure, make, ask, pki, case):
    if case.library == "pyreqwest":
        with pytest.raises(ConfigurationError, match="ssl context"):
            make(verify=pki.client_context())
        return

    backend = make(verify=pki.client_context())

    assert (await backend.send(ask(f"{secure.origin}/"))).status == 200


async def test_client_certificate_is_shown(serve, make, ask, pki):
    server = serve(pki.server_context(client_needed=True))
    backend = make(verify=pki.ca, cert=(pki.client_cert, pki.client_key))

    assert (await backend.send(ask(f"{server.origin}/"))).status == 200


async def test_missing_client_certificate_is_never_called_unsent(serve, make, ask, pki):
    server = serve(pki.server_context(client_needed=True))
    backend = make(verify=pki.ca)

    with pytest.raises(TransportError) as caught:
        await backend.send(ask(f"{server.origin}/", "POST", b"{}"))

    assert caught.value.sent in (None, False)
    assert server.requests == []


async def test_plain_server_behind_an_https_url_gets_nothing(server, make, ask):
    backend = make()
    server.greeting = lambda connection: (connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), True)[1]

    with pytest.raises(ConnectError) as caught:
        await backend.send(ask(f"https://127.0.0.1:{server.port}/", "POST", b"{}"))

    assert caught.value.sent is False


async def test_handshake_that_takes_too_long_was_not_sent(server, make, ask, case):
    backend = make()
    server.greeting = lambda connection: (connection.until_gone(3), True)[1]

    with pytest.raises(TransportError) as caught:
        await backend.send(ask(f"https://127.0.0.1:{server.port}/", "POST", b"{}", connect=0.2))

    assert caught.value.sent is False


async def test_proxy_gets_requests_for_plain_urls(proxy_of, make, ask, unused_port):
    proxy = proxy_of()

    response = await make(proxy=proxy.url).send(ask(f"http://127.0.0.1:{unused_port}/a?b=%2B1", "POST", b"{}"))

    assert response.content == b"proxy"
    assert proxy.targets == [f"POST http://127.0.0.1:{unused_port}/a?b=%2B1"]
    assert proxy.server.requests[0].body == b"{}"


async def test_proxy_tunnels_to_secure_urls(proxy_of, secure, make, ask, pki):
    proxy = proxy_of()
    backend = make(proxy=proxy.url, verify=pki.ca)

    answers = [await backend.send(ask(f"{secure.origin}/a", "POST", b"{}")) for _ in range(2)]

    assert [answer.content for answer in answers] == [b"{}"] * 2
    assert proxy.targets == [f"CONNECT 127.0.0.1:{secure.port}"]
    assert secure.requests[0].all("Proxy-Authorization") == []


async def test_proxy_gets_the_credentials_of_its_url_and_the_server_does_not(proxy_of, secure, make, ask, pki):
    proxy = proxy_of(authorization="Basic " + base64.b64encode(b"user:pass").decode())
    backend = make(proxy=proxy.url.replace("://", "://user:pass@"), verify=pki.ca)

    assert (await backend.send(ask("http://127.0.0.1:1/plain"))).content == b"proxy"
    assert (await backend.send(ask(f"{secure.origin}/"))).content == b"{}"
    assert secure.requests[0].all("Proxy-Authorization") == []


async def test_tunnel_that_the_proxy_refuses_was_not_sent(proxy_of, secure, make, ask, pki):
    proxy = proxy_of(refuses=True)
    backend = make(proxy=proxy.url.replace("://", "://user:canary@"), verify=pki.ca)

    with pytest.raises(TransportError) as caught:
        await backend.send(ask(f"{secure.origin}/", "POST", b"{}"))

    assert caught.value.sent is False
    assert "canary" not in str(caught.value)
    assert secure.requests == []


async def test_proxy_that_is_not_there_was_not_sent(make, ask, unused_port):
    backend = make(proxy=f"http://127.0.0.1:{unused_port}")

    with pytest.raises(ConnectError) as caught:
        await backend.send(ask("http://127.0.0.1:1/", "POST", b"{}"))

    assert caught.value.sent is False


@pytest.mark.usefixtures("no_proxies")
async def test_proxy_variables_are_ignored(proxy_of, server, make, ask, monkeypatch):
    proxy = proxy_of()
    for name in PROXY_VARIABLES:
        monkeypatch.setenv(name, "" if name == "no_proxy" else proxy.url)

    response = await make().send(ask(f"{server.origin}/"))

    assert response.content == b"{}"
    assert proxy.targets == []


@pytest.mark.usefixtures("no_proxies")
async def test_proxy_variables_count_when_asked_for(proxy_of, server, make, ask, monkeypatch):
    proxy = proxy_of()
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", f"127.0.0.1:{server.port}")
    backend = make(trust_env=True)

    through = await backend.send(ask("http://127.0.0.1:1/"))
    around = await backend.send(ask(f"{server.origin}/"))

    assert (through.content, around.content) == (b"proxy", b"{}")
    assert len(proxy.targets) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"verify": "no-such-file.pem"},
        {"cert": "no-such-file.pem"},
        {"cert": ("a", "b", "c", "d")},
        {"cert": 5},
        {"proxy": "socks5://127.0.0.1:1080"},
        {"proxy": "127.0.0.1:3128"},
        {"proxy": ""},
        {"max_connections": 0},
        {"max_connections": "many"},
        {"max_connections": True},
    ],
    ids=str,
)
async def test_option_that_cannot_work_is_refused_at_once(make, options):
    with pytest.raises(ConfigurationError):
        make(**options)


async def test_object_of_another_library_is_refused_at_once(make):
    for thing in (object(), "http://127.0.0.1", 5):
        with pytest.raises(ConfigurationError):
            make(thing)
