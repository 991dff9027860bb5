"""Construction, representation, closing and reuse of clients."""

from __future__ import annotations

import base64
import copy
import enum
import pickle
import warnings

import pytest

from smsgate import AsyncAPIClient, BasicAuth, BearerAuth, ConfigurationError, Encryptor, JWTAuth, RetryPolicy, Timeout
from smsgate.http import Response

LOGIN, PASSWORD = "login", "canary-password"


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((), {}),
        (("login",), {}),
        (("", ""), {}),
        (("login", ""), {}),
        (("", "password"), {}),
        ((None, ""), {}),
        ((None, "two words"), {}),
        (("lo:gin", "password"), {}),
        (("login", "password"), {"auth": BasicAuth("a", "b")}),
        ((), {"auth": "token"}),
        (("login", "password"), {"base_url": "api.sms-gate.app"}),
        (("login", "password"), {"base_url": "ftp://gateway.test"}),
        (("login", "password"), {"base_url": "https://"}),
        (("login", "password"), {"base_url": "https://user:secret@gateway.test"}),
        (("login", "password"), {"base_url": "https://gateway.test/?key=1"}),
        (("login", "password"), {"base_url": "https://gateway.test/#here"}),
        (("login", "password"), {"base_url": "https://gateway.test:99999"}),
        (("login", "password"), {"base_url": "https://gateway.test/a b"}),
        *(
            (("login", "password"), {"base_url": url})
            for url in (
                "https://./v1",
                "https://a..b/v1",
                "https://" + "a" * 64 + ".test",
                "https://" + ".".join(["a" * 60] * 5),
                "https://300.1.1.1",
                "https://[::zz]",
                "https://[::1]x",
                "https://a%20b.test",
                "https://gateway.test/3rdparty/../v1",
                "https://gateway.test/./v1",
                "https://gateway.test/%2E%2e/v1",
                "https://gateway.test/<v1>",
                "https://gateway.test/100%/v1",
                'https://gateway.test/"v1"',
            )
        ),
        (("login", "password"), {"base_url": ""}),
        (("login", "password"), {"base_url": None}),
        (("login", "password"), {"timeout": 0}),
        (("login", "password"), {"timeout": -1.0}),
        (("login", "password"), {"timeout": True}),
        (("login", "password"), {"timeout": None}),
        (("login", "password"), {"timeout": Timeout(connect=0)}),
        (("login", "password"), {"retry": 3}),
        (("login", "password"), {"user_agent": "bad\nagent"}),
        (("login", "password"), {"http": "carrier-pigeon"}),
        (("login", "password"), {"http": ""}),
        (("login", "password"), {"http": 5}),
        (("login", "password"), {"pin_device": "no"}),
        (("login", "password"), {"pin_device": None}),
        (("login", "password"), {"http": "httpx", "http_client": "httpx"}),
    ],
)
def test_what_could_never_work_is_refused_at_once(arguments, options):
    with pytest.raises(ConfigurationError) as caught:
        AsyncAPIClient(*arguments, **options)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080",
        "http://my_gateway:8080/x",
        "https://gateway.test./a",
        "http://[fe80::1]:8080",
        "http://10.0.0.2",
    ],
)
def test_addresses_of_all_kinds_are_taken(url):
    assert url in repr(AsyncAPIClient("login", "password", base_url=url))


@pytest.mark.parametrize(
    "options",
    [
        {"max_retries": -1},
        {"max_retries": "3"},
        {"max_retries": True},
        {"max_retries": 1.5},
        {"base_delay": "1"},
        {"max_delay": float("nan")},
        {"max_elapsed": None},
        {"max_retry_after": -0.5},
        {"on_retry": "log"},
    ],
)
def test_retries_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigurationError):
        RetryPolicy(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"scopes": None},
        {"scopes": 5},
        {"scopes": {"a": 1}},
        {"scopes": [" a"]},
        {"scopes": [b"a"]},
        {"ttl": "60"},
        {"ttl": 9_300_000_000},
        {"leeway": "30"},
        {"leeway": None},
        {"leeway": float("nan")},
        {"store": "tokens.json"},
        {"revoke_on_close": "no"},
    ],
)
def test_token_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigurationError):
        JWTAuth("login", "password", **{"scopes": ["a"], **options})


def test_scopes_of_a_text_type_are_taken_as_their_text():
    class Own(str, enum.Enum):
        SEND = "messages:send"

    assert JWTAuth("login", "password", scopes=(scope for scope in (Own.SEND,))).scopes == ["messages:send"]


@pytest.mark.anyio
@pytest.mark.parametrize("answer", [None, 200, {"status": 200}, Response("200", {}, b"[]"), Response(200, {}, None)])
async def test_backend_that_returns_no_response_is_refused(answer):
    class Backend:
        async def send(self, _request):
            return answer

        def stream(self, _request):
            raise NotImplementedError

        async def aclose(self):
            pass

    client = AsyncAPIClient("login", "password", base_url="http://gateway.test", http=Backend())

    with pytest.raises(ConfigurationError, match="Response"):
        await client.get_webhooks()


def test_neither_client_nor_credentials_show_secrets():
    client = AsyncAPIClient(LOGIN, PASSWORD)

    shown = repr(client) + repr(BasicAuth(LOGIN, PASSWORD)) + repr(BearerAuth(PASSWORD)) + str(vars(client))

    assert PASSWORD not in shown


def test_client_can_be_neither_pickled_nor_copied():
    client = AsyncAPIClient(LOGIN, PASSWORD)

    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="credentials"):
            attempt(client)


@pytest.mark.anyio
async def test_trailing_slash_and_default_url_are_fine(answered):
    for base_url in ("https://gateway.test/3rdparty/v1/", "https://gateway.test/3rdparty/v1"):
        client, backend = answered((200, b"[]"), base_url=base_url)

        await client.get_webhooks()

        assert backend.requests[0].url == "https://gateway.test/3rdparty/v1/webhooks"


@pytest.mark.anyio
async def test_request_carries_agent_credentials_and_limits(answered):
    client, backend = answered((200, b"[]"), user_agent="myapp/1.0", timeout=5)

    await client.get_webhooks()

    request = backend.requests[0]
    assert request.headers["User-Agent"].startswith("myapp/1.0 smsgate/")
    assert request.headers["Authorization"] == "Basic ZGVtbzpkZW1vLXBhc3N3b3Jk"
    assert request.timeout == Timeout(connect=5, read=5.0, total=5.0)
    assert request.content is None
    assert "demo" not in repr(request)


@pytest.mark.anyio
async def test_block_closes_the_backend_and_the_next_call_works(answered):
    client, backend = answered((200, b"[]"))

    async with client as entered:
        await entered.get_webhooks()

    assert backend.closed == 1
    with pytest.warns(ResourceWarning, match="closed"):
        assert await client.get_webhooks() == []
    await client.aclose()
    await client.close()
    assert backend.closed == 3


@pytest.mark.anyio
async def test_closing_an_unused_client_is_fine():
    async with AsyncAPIClient(LOGIN, PASSWORD):
        pass


@pytest.mark.anyio
async def test_use_after_closing_is_warned_of_once_where_it_happens(answered):
    client, _ = answered((200, b"[]"))
    await client.get_webhooks()
    await client.aclose()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            await client.get_webhooks()
        await client.aclose()
        await client.with_options(timeout=5).get_webhooks()

    assert [(warning.category, warning.filename) for warning in caught] == [(ResourceWarning, __file__)]


@pytest.mark.anyio
async def test_another_block_is_no_use_after_closing(answered):
    client, _ = answered((200, b"[]"))

    for _ in range(2):
        async with client:
            await client.get_webhooks()
        await client.aclose()


@pytest.mark.anyio
async def test_closing_a_view_closes_nothing(answered):
    client, _ = answered((200, b"[]"))
    async with client.with_options(timeout=5) as view:
        await view.get_webhooks()

    await client.get_webhooks()


@pytest.mark.anyio
@pytest.mark.parametrize("around", ["\n", "\r", "\r\n", " ", "\t", "\u00a0"])
async def test_white_space_around_variables_does_not_count(monkeypatch, answered, around):
    _, backend = answered((200, b"[]"))
    for name, value in (("USERNAME", "demo"), ("PASSWORD", "demo password"), ("BASE_URL", "http://a.test")):
        monkeypatch.setenv(f"SMSGATE_{name}", f"{around}{value}{around}")

    await AsyncAPIClient.from_env(http=backend).get_webhooks()
    monkeypatch.setenv("SMSGATE_TOKEN", f"some.jwt.token{around}")
    await AsyncAPIClient.from_env(http=backend).get_webhooks()
    monkeypatch.setenv("SMSGATE_TOKEN", around)
    await AsyncAPIClient.from_env(http=backend).get_webhooks()

    basic = f"Basic {base64.b64encode(b'demo:demo password').decode()}"
    assert [request.headers["Authorization"] for request in backend.requests] == [basic, "Bearer some.jwt.token", basic]
    assert backend.requests[0].url == "http://a.test/webhooks"
    for name in ("SMSGATE_USERNAME", "SMSGATE_PASSWORD"):
        with monkeypatch.context() as patched:
            patched.setenv(name, around)
            with pytest.raises(ConfigurationError, match=name):
                AsyncAPIClient.from_env(http=backend)


def test_line_break_after_a_passphrase_does_not_count_but_spaces_do(monkeypatch):
    pytest.importorskip("cryptography")
    monkeypatch.setenv("SMSGATE_TOKEN", "some.jwt.token")
    monkeypatch.setenv("SMSGATE_PASSPHRASE", " secret \r\n")

    client = AsyncAPIClient.from_env()

    text = Encryptor(" secret ").encrypt("Hello")
    assert client._cipher.encryptor.decrypt(text) == "Hello"


@pytest.mark.parametrize("value", ["\n", " x", "x ", "x\n", "x\r\n", "\tx", "x\u00a0"])
def test_white_space_around_credentials_is_refused_in_the_program(value):
    for make in (
        lambda: AsyncAPIClient(value, "password"),
        lambda: AsyncAPIClient("login", value),
        lambda: AsyncAPIClient(None, value),
        lambda: AsyncAPIClient.from_env(login=value, password="password"),
        lambda: BasicAuth(value, "password"),
        lambda: BasicAuth("login", value),
        lambda: BearerAuth(value),
        lambda: JWTAuth(value, "password", ["messages:send"]),
        lambda: JWTAuth("login", value, ["messages:send"]),
    ):
        with pytest.raises(ConfigurationError, match="white space" if value.strip() else "non-empty"):
            make()


@pytest.mark.anyio
async def test_login_has_two_names_in_the_environment(monkeypatch, answered):
    _, backend = answered((200, b"[]"))
    monkeypatch.delenv("SMSGATE_USERNAME", raising=False)
    monkeypatch.delenv("SMSGATE_TOKEN", raising=False)
    monkeypatch.setenv("SMSGATE_LOGIN", "second")
    monkeypatch.setenv("SMSGATE_PASSWORD", "x")

    await AsyncAPIClient.from_env(http=backend).get_webhooks()
    await AsyncAPIClient.from_env(http=backend, password="y").get_webhooks()
    monkeypatch.setenv("SMSGATE_USERNAME", "first")
    await AsyncAPIClient.from_env(http=backend).get_webhooks()

    sent = [base64.b64decode(request.headers["Authorization"].split()[1]) for request in backend.requests]
    assert sent == [b"second:x", b"second:y", b"first:x"]


@pytest.mark.anyio
async def test_environment_gives_credentials_and_url(monkeypatch, answered):
    _, backend = answered((200, b"[]"))
    monkeypatch.setenv("SMSGATE_USERNAME", "demo")
    monkeypatch.setenv("SMSGATE_PASSWORD", "demo-password")
    monkeypatch.setenv("SMSGATE_BASE_URL", "https://private.test/api/3rdparty/v1")

    await AsyncAPIClient.from_env(http=backend).get_webhooks()
    monkeypatch.setenv("SMSGATE_TOKEN", "some.jwt.token")
    await AsyncAPIClient.from_env(http=backend).get_webhooks()
    await AsyncAPIClient.from_env(http=backend, login="other", password="x", base_url="http://a.test").get_webhooks()

    assert [request.headers["Authorization"].split()[0] for request in backend.requests] == ["Basic", "Bearer", "Basic"]
    assert backend.requests[0].url == "https://private.test/api/3rdparty/v1/webhooks"
    assert backend.requests[2].url == "http://a.test/webhooks"


def test_environment_without_credentials_says_which_variables_to_set(monkeypatch):
    for name in ("SMSGATE_USERNAME", "SMSGATE_LOGIN", "SMSGATE_PASSWORD", "SMSGATE_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ConfigurationError, match="SMSGATE_USERNAME"):
        AsyncAPIClient.from_env()
