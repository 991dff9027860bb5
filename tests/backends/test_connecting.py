"""The contract of every backend: TLS, client certificates, proxies, and options that cannot be used."""

from __future__ import annotations

import base64
import contextlib
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from eventually import LIMIT
from smsgate.errors import ConfigurationError, ConnectError, TransportError

pytestmark = pytest.mark.anyio

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class Proxy:
    """An HTTP proxy: answers requests for plain URLs itself, opens tunnels for others, and may want a password."""

    def __init__(self, server, *, authorization=None, refuses=False):
        self.server = server
        self.url = server.origin
        self.targets = []
        self._authorization = authorization
        self._refuses = refuses
        server.script = self._answer

    def _answer(self, connection, request):
        self.targets.append(f"{request.method} {request.target}")
        if self._refuses or (self._authorization and request.all("Proxy-Authorization") != [self._authorization]):
            connection.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        elif request.method == "CONNECT":
            host, port = request.target.rsplit(":", 1)
            connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with socket.create_connection((host, int(port))) as far:
                _relay(connection.sock, far)
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")


def _relay(near, far):
    back = threading.Thread(target=_pump, args=(far, near), daemon=True)
    back.start()
    _pump(near, far)
    back.join(LIMIT)


def _pump(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for sock in (source, target):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy_of(serve):
    """Start proxies; see `Proxy`."""
    return lambda context=None, **options: Proxy(serve(context), **options)


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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # asyncio's own, on Python 3.10
async def test_missing_client_certificate_is_never_called_unsent(serve, make, ask, pki):
    server = serve(pki.server_context(client_needed=True))
    backend = make(verify=pki.ca)

    with pytest.raises(TransportError) as caught:
        await backend.send(ask(f"{server.origin}/", "POST", b"{}"))

    assert caught.value.sent in (None, False)
    assert server.requests == []


async def test_plain_server_behind_an_https_url_gets_nothing(server, make, ask):
    backend = make()
    server.greeting = lambda connection: (
        connection.sock.recv(65536),
        connection.send(b"HTTP/1.1 400 No\r\n\r\n"),
        True,
    )[2]

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


@pytest.mark.parametrize("trust", ["file", "none"])
async def test_proxy_with_a_certificate_is_verified_as_a_server_is(proxy_of, make, ask, pki, trust):
    proxy = proxy_of(context=pki.server_context(client_needed=trust == "file"))
    trusting = {"verify": pki.ca, "cert": (pki.client_cert, pki.client_key)} if trust == "file" else {"verify": False}

    response = await make(proxy=proxy.url, **trusting).send(ask("http://127.0.0.1:1/a", "POST", b"{}"))

    assert response.content == b"proxy"
    with pytest.raises(TransportError) as caught:
        await make(proxy=proxy.url).send(ask("http://127.0.0.1:1/b", "POST", b"{}"))
    assert caught.value.sent is not True
    assert proxy.targets == ["POST http://127.0.0.1:1/a"]


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
async def test_proxy_variables_count_unless_switched_off(proxy_of, make, ask, monkeypatch, unused_port):
    proxy = proxy_of()
    for name in PROXY_VARIABLES:
        monkeypatch.setenv(name, "" if name == "no_proxy" else proxy.url)
    backend, deaf = make(), make(trust_env=False)

    through = await backend.send(ask(f"http://gateway.invalid:{unused_port}/a"))
    async with backend.stream(ask(f"http://gateway.invalid:{unused_port}/b")) as streamed:
        again = b"".join([chunk async for chunk in streamed.chunks])
    with pytest.raises(ConnectError) as caught:
        await deaf.send(ask(f"http://gateway.invalid:{unused_port}/c"))

    assert (through.content, again) == (b"proxy", b"proxy")
    assert proxy.targets == [f"GET http://gateway.invalid:{unused_port}/{name}" for name in "ab"]
    assert "proxy" not in str(caught.value)


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_proxy_variables_do_not_count_for_this_machine(  # noqa: PLR0917 - fixtures and parameters
    proxy_of, server, make, ask, monkeypatch, host
):
    proxy = proxy_of()
    for name in PROXY_VARIABLES:
        monkeypatch.setenv(name, "" if name == "no_proxy" else proxy.url)

    answer = await make().send(ask(f"http://{host}:{server.port}/"))

    assert answer.content == b"{}"
    assert proxy.targets == []


@pytest.mark.usefixtures("no_proxies")
async def test_proxy_variable_tunnels_to_secure_hosts(proxy_of, make, ask, monkeypatch):
    proxy = proxy_of(refuses=True)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", "://user:canary@"))

    with pytest.raises(TransportError) as caught:
        await make().send(ask("https://gateway.invalid/", "POST", b"{}"))

    assert proxy.targets == ["CONNECT gateway.invalid:443"]
    assert caught.value.sent is False
    assert f"through the proxy {proxy.url}" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("how", ["option", "variable"])
@pytest.mark.parametrize("way", ["send", "stream"])
async def test_error_names_the_proxy_without_its_credentials(  # noqa: PLR0917 - fixtures and parameters
    make, ask, monkeypatch, unused_port, how, way
):
    url = f"http://user:canary@127.0.0.1:{unused_port}"
    if how == "variable":
        monkeypatch.setenv("http_proxy", url)
    backend = make() if how == "variable" else make(proxy=url)

    async def streamed():
        async with backend.stream(ask("http://gateway.invalid/")):
            pass

    with pytest.raises(ConnectError) as caught:
        await (streamed() if way == "stream" else backend.send(ask("http://gateway.invalid/", "POST", b"{}")))

    assert f"through the proxy http://127.0.0.1:{unused_port})" in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("canary", "user"))
    assert caught.value.sent is False


async def test_proxy_that_never_answers_is_named(proxy_of, make, ask):
    proxy = proxy_of()
    proxy.server.script = lambda connection, _: connection.until_gone()

    with pytest.raises(TransportError) as caught:
        await make(proxy=proxy.url).send(ask("https://gateway.invalid/", "POST", b"{}", total=0.5, read=0.5))

    assert f"through the proxy {proxy.url}" in str(caught.value)
    assert caught.value.sent is not True


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("value", ["socks5://canary@127.0.0.1:1080", "http://[canary"])
async def test_proxy_variable_that_cannot_be_used_is_refused(server, make, ask, monkeypatch, value):
    monkeypatch.setenv("http_proxy", value)
    backend = make()

    with pytest.raises(ConfigurationError, match="http or https proxy") as caught:
        await backend.send(ask("http://gateway.invalid/"))
    with pytest.raises(ConfigurationError, match="trust_env=False"):
        async with backend.stream(ask("http://gateway.invalid/")):
            pass

    assert "canary" not in str(caught.value)
    assert (await backend.send(ask(f"{server.origin}/"))).status == 200


@pytest.mark.usefixtures("no_proxies")
async def test_url_that_cannot_be_used_is_so_with_proxy_variables_too(make, ask, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    with pytest.raises(TransportError) as caught:
        await make().send(ask("http://[canary/"))

    assert caught.value.sent is False


@pytest.mark.usefixtures("no_proxies")
async def test_hosts_that_no_proxy_names_are_asked_straight(proxy_of, make, ask, monkeypatch):
    proxy = proxy_of()
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "excluded.invalid, 192.0.2.0/24")
    backend = make()

    assert (await backend.send(ask("http://gateway.invalid/"))).content == b"proxy"
    for host in ("excluded.invalid", "sub.excluded.invalid", "192.0.2.7"):
        with pytest.raises(TransportError) as caught:
            await backend.send(ask(f"http://{host}/", connect=0.2, total=0.4))
        assert "proxy" not in str(caught.value)
    assert len(proxy.targets) == 1


CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture
def no_ca_variables(monkeypatch):
    for name in CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ca_folder(pki, tmp_path):
    """A folder of certificates as OpenSSL reads them."""
    name = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", pki.ca], capture_output=True, text=True, check=True
    ).stdout.strip()
    (tmp_path / f"{name}.0").write_bytes(Path(pki.ca).read_bytes())
    return str(tmp_path)


@pytest.mark.usefixtures("no_ca_variables")
@pytest.mark.parametrize("variable", CA_VARIABLES)
async def test_certificate_variables_count_as_the_library_has_it(  # noqa: PLR0917 - fixtures and parameters
    secure, make, ask, pki, ca_folder, monkeypatch, case, variable
):
    monkeypatch.setenv(variable, ca_folder if variable == "SSL_CERT_DIR" else pki.ca)

    if case.library == "requests" or variable.startswith("SSL"):
        assert (await make().send(ask(f"{secure.origin}/"))).status == 200
    else:
        with pytest.raises(ConnectError, match="certificate"):
            await make().send(ask(f"{secure.origin}/"))
    if case.library != "pyreqwest":
        with pytest.raises(ConnectError, match="certificate"):
            await make(trust_env=False).send(ask(f"{secure.origin}/"))
        with pytest.raises(ConnectError, match="certificate"):
            await make(verify=pki.other_ca).send(ask(f"{secure.origin}/"))


@pytest.mark.usefixtures("no_ca_variables")
async def test_certificate_variable_that_names_nothing_is_refused(secure, make, ask, monkeypatch, case):
    variable = "REQUESTS_CA_BUNDLE" if case.library == "requests" else "SSL_CERT_FILE"
    monkeypatch.setenv(variable, "/no/such/file.pem")

    with pytest.raises(ConfigurationError, match=variable):
        await make().send(ask(f"{secure.origin}/"))


async def test_certificates_of_a_client_of_the_user_count(serve, make, own, ask, pki):
    server = serve(pki.server_context(client_needed=True))

    for _ in range(2):
        trusting = make(own(ca=pki.ca, cert=(pki.client_cert, pki.client_key)))
        assert (await trusting.send(ask(f"{server.origin}/"))).status == 200

    for options in ({}, {"ca": pki.other_ca}):
        with pytest.raises(ConnectError) as caught:
            await make(own(**options)).send(ask(f"{server.origin}/", "POST", b"{}"))
        assert caught.value.sent is False
    assert len(server.requests) == 2


async def test_proxy_of_a_client_of_the_user_counts(  # noqa: PLR0917 - fixtures and parameters
    proxy_of, secure, make, own, ask, pki
):
    proxy = proxy_of()
    backend = make(own(ca=pki.ca, proxy=proxy.url))

    assert (await backend.send(ask("http://127.0.0.1:1/plain"))).content == b"proxy"
    assert (await backend.send(ask(f"{secure.origin}/"))).content == b"{}"
    assert proxy.targets == ["GET http://127.0.0.1:1/plain", f"CONNECT 127.0.0.1:{secure.port}"]


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("trusting", [True, False])
async def test_proxy_variables_count_as_the_client_of_the_user_has_it(  # noqa: PLR0917 - fixtures and parameters
    proxy_of, make, own, ask, case, monkeypatch, trusting
):
    if case.library == "pyreqwest":
        pytest.skip("its builder decides")
    proxy = proxy_of()
    monkeypatch.setenv("http_proxy", proxy.url)
    asking = make(own(trust_env=trusting)).send(ask("http://gateway.invalid/", "GET"))

    if trusting:
        assert (await asking).content == b"proxy"
    else:
        with pytest.raises(ConnectError):
            await asking


@pytest.mark.usefixtures("no_ca_variables")
async def test_certificate_variables_count_for_a_session_of_requests(  # noqa: PLR0917 - fixtures and parameters
    secure, make, own, ask, pki, case, monkeypatch
):
    if case.library != "requests":
        pytest.skip("the others read certificates when they are made")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", pki.ca)

    assert (await make(own()).send(ask(f"{secure.origin}/"))).status == 200
    with pytest.raises(ConnectError, match="certificate"):
        await make(own(trust_env=False)).send(ask(f"{secure.origin}/"))
    with pytest.raises(ConnectError, match="certificate"):
        await make(own(ca=pki.other_ca)).send(ask(f"{secure.origin}/"))


async def test_netrc_counts_for_nothing_with_a_client_of_the_user(  # noqa: PLR0917 - fixtures and parameters
    server, make, own, ask, case, monkeypatch, tmp_path
):
    if case.library == "pyreqwest":
        pytest.skip("knows no .netrc")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    await make(own(trust_env=True)).send(ask(f"{server.origin}/"))

    assert server.requests[0].all("Authorization") == []


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
        {"trust_env": "yes"},
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
