"""Programs over aiohttp and TLS that end right after they closed their backend: Python warns of nothing left open."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("aiohttp")

PROGRAM = """
import asyncio, sys
import aiohttp
from smsgate import TransportError
from smsgate.ahttp import AiohttpAsyncHttpClient, Request, Timeout

origin, ca, way, whose = sys.argv[1:]

async def exchange(backend):
    request = Request("GET", f"{origin}/", {}, None, Timeout(30, 0.2 if way == "timeout" else 30, 30))
    if way == "unread":
        async with backend.stream(request):
            return
    if way == "cancelled":
        task = asyncio.ensure_future(backend.send(request))
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.wait([task])
        return
    try:
        await backend.send(request)
    except TransportError:
        assert way == "timeout"

async def main():
    if whose == "ours":
        async with AiohttpAsyncHttpClient(verify=ca) as backend:
            await exchange(backend)
        return
    import ssl
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=ca))
    async with aiohttp.ClientSession(connector=connector) as session, AiohttpAsyncHttpClient(session) as backend:
        await exchange(backend)

asyncio.run(main())
print("done")
"""
PART = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"
LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@pytest.fixture
def anyio_backend():
    """These tests have no case of their own."""
    return "asyncio"


@pytest.mark.parametrize("whose", ["ours", "the user's"])
@pytest.mark.parametrize(
    ("way", "response"), [("last", LAST), ("unread", PART), ("timeout", PART), ("cancelled", b""), ("kept", None)]
)
def test_nothing_is_left_open_after_tls(serve, pki, way, response, whose):
    server = serve(pki.server_context())
    if response is not None:

        def script(connection, _):
            connection.send(response)
            connection.wait(60)  # does not close its side

        server.script = script

    run = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", PROGRAM, server.origin, str(pki.ca), way, whose],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.stdout, run.stderr) == ("done\n", "")
