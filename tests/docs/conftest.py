"""Fixtures of the documentation tests."""

from __future__ import annotations

import threading

import pytest

from eventually import eventually
from smsgate.emulator import Gateway


@pytest.fixture(scope="module")
def gateway_url():
    """The base URL of an emulated cloud server on a real port, for login and password as the documents write them."""
    uvicorn = pytest.importorskip("uvicorn", reason="the emulator's port needs uvicorn")
    from smsgate.emulator._server.asgi import EmulatorApp

    app = EmulatorApp(Gateway(login="login", password="password"))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/3rdparty/v1"
    server.should_exit = True
    thread.join()
