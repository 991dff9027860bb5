"""Requests of web pages elsewhere: names that resolve to this machine, other origins, pictures and scripts."""

from __future__ import annotations

import base64

import httpx
import pytest

from smsgate.__main__ import main
from smsgate.emulator import EmulatorApp, Gateway

pytestmark = pytest.mark.anyio

BASIC = "Basic " + base64.b64encode(b"demo:demo-password").decode()
MESSAGE = {"phoneNumbers": ["+12025550100"], "textMessage": {"text": "forged"}}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def gateway():
    return Gateway()


@pytest.fixture
def send(gateway):
    async def request(method, path, headers, **options):
        app = EmulatorApp(gateway, allowed_hosts=["SMS", "sms.example."])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8787") as http:
            return await http.request(method, path, headers=headers, **options)

    return request


OWN_HOSTS = [
    "127.0.0.1:8787",
    "127.0.0.1",
    "10.0.0.7:80",
    "[::1]:8787",
    "[::1]",
    "[FE80::1%eth0]:1",
    "localhost:8787",
    "LOCALHOST",
    "localhost.:8787",
    "app.localhost:8787",
    "sms:8787",
    "SMS",
    "sms.",
    "sms.example",
]
OTHER_HOSTS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil-localhost:8787",
    "sms.evil.example",
    "evil.example@127.0.0.1:8787",
    "127.0.0.1:8787@evil.example",
    "127.0.0.1/evil.example",
    "127.0.0.1?evil.example",
    "127.0.0.1#evil.example",
    "127.0.0.1 evil.example",
    "127.0.0.1:evil.example",
    "2130706433.evil.example",
    "0x7f.1",
    "::1",
    "[127.0.0.1]x",
    "[::1",
    "[]",
    ":8787",
    "",
    "127.0.0.1, evil.example",
]


@pytest.mark.parametrize("host", OWN_HOSTS)
@pytest.mark.parametrize("path", ["/", "/_emulator/state", "/_emulator/docs", "/_emulator/page/app.js"])
async def test_emulator_knows_its_names(send, host, path):
    own = {"host": host, "origin": f"http://{host}"}

    assert (await send("GET", path, {"host": host})).status_code == 200
    assert (await send("GET", path, own)).status_code == 200


@pytest.mark.parametrize("host", OTHER_HOSTS)
async def test_names_of_others_are_refused(send, host):
    for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
        for path in ("/", "/_emulator/state", "/_emulator/events", "/_emulator/openapi.json"):
            response = await send("GET", path, headers)

            assert (response.status_code, "--allow-host" in response.json()["message"]) == (403, True)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://127.0.0.1:8788",
        "http://127.0.0.1",
        "http://localhost:8787",
        "http://127.0.0.1:8787.evil.example",
        "http://127.0.0.1:8787@evil.example",
        "file://",
        "chrome-extension://abcdefgh",
        "http://[",
    ],
)
async def test_other_origins_are_refused(send, gateway, origin):
    for host in ("127.0.0.1:8787", None):
        named = {"origin": origin} if host is None else {"origin": origin, "host": host}
        response = await send("POST", "/_emulator/receive", named, json={"sender": "900"})

        assert response.status_code == 403
    assert gateway._state.timeline == []


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", " cross-site "])
@pytest.mark.parametrize(
    "path",
    ["/_emulator/wait?pattern=^1&timeout=0", "/_emulator/state", "/_emulator/events", "/_emulator/page/app.js"],
)
async def test_pictures_and_frames_elsewhere_get_nothing(send, site, path):
    response = await send("GET", path, {"sec-fetch-site": site, "sec-fetch-mode": "no-cors"})

    assert response.status_code == 403


async def test_other_sites_may_link_to_the_page(send):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}

    for path in ("/", "/_emulator", "/_emulator/", "/_emulator/docs"):
        assert (await send("GET", path, headers)).status_code == 200
    for site in ("none", "same-origin"):
        assert (await send("GET", "/_emulator/state", {"sec-fetch-site": site})).status_code == 200


async def test_responses_are_for_this_origin_only(send, gateway):
    picture = gateway.receive("900", type="MMS_DOWNLOADED", attachments=[])

    for path in ("/", "/_emulator/state", "/_emulator/page/app.js", f"/_emulator/incoming/{picture.id}"):
        response = await send("GET", path, {})

        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("path", ["/3rdparty/v1/messages", "/api/3rdparty/v1/messages"])
async def test_page_with_a_name_of_its_own_cannot_post_messages(send, gateway, path):
    rebound = {"host": "evil.example:8787", "origin": "http://evil.example:8787", "authorization": BASIC}

    response = await send("POST", path, rebound, json=MESSAGE)

    assert (response.status_code, "--allow-host" in response.json()["message"]) == (403, True)
    assert gateway.outbox == []


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "any.name.of.a.container:8787"},
        {"host": "sms:8787", "origin": "http://sms:8787"},
        {"host": "127.0.0.1:8787", "origin": "http://localhost:5173"},
    ],
)
async def test_programs_and_proxies_use_the_api_as_before(send, gateway, headers):
    response = await send("POST", "/3rdparty/v1/messages", {**headers, "authorization": BASIC}, json=MESSAGE)

    assert response.status_code == 202
    assert len(gateway.outbox) == 1


@pytest.mark.parametrize("name", ["http://sms", "sms:8787", "a b", "", "*", "sms/", "[::1]", "ünïcode"])
def test_allowed_host_is_a_name(name, capsys):
    assert main(["emulator", "--port", "0", "--allow-host", name]) == 2
    assert "is no host name" in capsys.readouterr().err
    with pytest.raises(ValueError, match="is no host name"):
        EmulatorApp(Gateway(), allowed_hosts=[name])
