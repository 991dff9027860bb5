"""Fixtures of the fault tests: modules of scripts/faults, and servers on real sockets."""

from __future__ import annotations

import contextlib
import gc
import sys
from importlib import import_module
from pathlib import Path

import pytest

from eventually import eventually
from smsgate import ConfigurationError, TransportError
from smsgate.http import Request, Timeout, get_client

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def pytest_collection_modifyitems(items):
    """Skip tests of pyreqwest on Python 3.10."""
    for item in items:
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if "pyreqwest" in parameters and sys.version_info < (3, 11):
            item.add_marker(pytest.mark.skip("pyreqwest needs Python 3.11"))


@pytest.fixture
def fault_module(monkeypatch):
    """Import modules of scripts/faults by name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return lambda name: import_module(f"faults.{name}")


@pytest.fixture
def scan(fault_module):
    """Scan log records and errors; a leak fails the test."""
    with fault_module("personal_data").Scan() as scanning:
        yield scanning
    assert scanning.leaks == []


@pytest.fixture
def gateway(fault_module):
    """A gateway with two inactive phones."""
    return fault_module("sends").account()


@pytest.fixture(scope="session")
def reqwest():
    """Start the runtime of pyreqwest, which opens a few files once per process and keeps them open."""
    refused = Request("GET", "http://127.0.0.1:9/", {}, None, Timeout(1, 1, 1))
    with contextlib.suppress(TransportError, ConfigurationError), contextlib.closing(get_client("pyreqwest")) as client:
        client.send(refused)


@pytest.fixture
def serve(fault_module, reqwest):
    """Serve a gateway on a real socket, without faults until a test sets them; no file may stay open."""
    module = fault_module("server")

    @contextlib.contextmanager
    def serving(gateway):
        before = module.open_files()
        with module.FaultyServer(gateway) as server:
            yield server
        eventually(lambda: gc.collect() >= 0 and module.open_files() <= before)  # pyreqwest closes in the background

    return serving


@pytest.fixture
def wire(serve, gateway):
    """The gateway on a real socket."""
    with serve(gateway) as server:
        yield server
