"""Serving of the emulator's page: where, to whom, and with which headers."""

from __future__ import annotations

from http import HTTPStatus

import httpx
import pytest

from smsgate.emulator import EmulatorApp, Gateway

pytestmark = pytest.mark.anyio
OTHERS = ["missing.js", "..%2f..%2fgateway.py", "%2e%2e/gateway.py", "../gateway.py", "__init__.py", "", "APP.JS"]


def browse(gateway, *, allowed_hosts=()):
    app = EmulatorApp(gateway, allowed_hosts=allowed_hosts)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8787")


@pytest.mark.parametrize("mode", ["cloud", "local"])
@pytest.mark.parametrize("accept", ["text/html,application/xhtml+xml", "*/*"])
@pytest.mark.parametrize("path", ["/", "/_emulator/"])
async def test_page_is_at_the_root_of_both_modes(mode, accept, path):
    async with browse(Gateway(mode=mode)) as browser:
        found = await browser.get(path, headers={"accept": accept})
        head = await browser.head(path)

    assert found.status_code == head.status_code == HTTPStatus.OK
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>SMSGate emulator</title>" in found.text
    assert head.content == b""


async def test_root_with_credentials_is_the_api_of_a_local_server():
    gateway = Gateway(mode="local")
    async with browse(gateway) as browser:
        found = await browser.get("/", auth=(gateway.login, gateway.password))

    assert found.json()["status"] == "ok"


async def test_every_file_that_the_page_names_is_served():
    async with browse(Gateway()) as browser:
        page = (await browser.get("/")).text
        names = {part.split('"')[0] for part in page.split('"/_emulator/page/')[1:]}
        files = {name: await browser.get(f"/_emulator/page/{name}") for name in names}
        module = files["app.js"]
        imported = {line.split('"./')[1].split('"')[0] for line in module.text.splitlines() if 'from "./' in line}
        modules = [await browser.get(f"/_emulator/page/{name}") for name in imported]

    assert {"app.js", "theme.js", "base.css", "favicon.svg"} <= names
    assert {found.status_code for found in [*files.values(), *modules]} == {HTTPStatus.OK}
    assert {found.headers["content-type"] for found in modules} == {"text/javascript; charset=utf-8"}
    assert files["base.css"].headers["content-type"] == "text/css; charset=utf-8"


async def test_files_are_checked_for_changes_and_safe():
    async with browse(Gateway()) as browser:
        first = await browser.get("/_emulator/page/app.js")
        again = await browser.get("/_emulator/page/app.js", headers={"if-none-match": first.headers["etag"]})
        page = await browser.get("/")

    assert again.status_code == HTTPStatus.NOT_MODIFIED
    for found in (first, page):
        assert found.headers["cache-control"] == "no-cache"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["content-security-policy"].startswith("default-src 'self'")
        assert "access-control-allow-origin" not in found.headers


@pytest.mark.parametrize("name", OTHERS)
async def test_nothing_else_is_served(name):
    async with browse(Gateway()) as browser:
        found = await browser.get(f"/_emulator/page/{name}")

    assert found.status_code == HTTPStatus.NOT_FOUND


async def test_page_is_for_the_hosts_of_this_emulator_only():
    async with browse(Gateway(), allowed_hosts=["sms"]) as browser:
        statuses = {
            host: (await browser.get("/", headers={"host": host})).status_code
            for host in ("127.0.0.1:8787", "localhost", "sms:8787", "evil.example", "sms.evil.example")
        }

    refused = {host for host, status in statuses.items() if status == HTTPStatus.FORBIDDEN}
    assert refused == {"evil.example", "sms.evil.example"}
