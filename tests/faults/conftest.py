"""What the tests under faults share: the machinery of scripts/faults.py, and real servers."""

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
    """Leave out on Python 3.10 what uses pyreqwest."""
    for item in items:
        given = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if "pyreqwest" in given and sys.version_info < (3, 11):
            item.add_marker(pytest.mark.skip("pyreqwest needs Python 3.11"))


@pytest.fixture
def faulting(monkeypatch):
    """Give modules of scripts/faults by name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return lambda name: import_module(f"faults.{name}")


@pytest.fixture
def scan(faulting):
    """Scan log records and whatever is shown to it; a canary in one of them fails the test."""
    with faulting("canaries").Scan() as scanning:
        yield scanning
    assert scanning.leaks == []


@pytest.fixture
def gateway(faulting):
    """A gateway with two phones that wait."""
    return faulting("sends").account()


@pytest.fixture(scope="session")
def reqwest():
    """Start the run time of pyreqwest: it opens a few files once in a process and keeps them."""
    refused = Request("GET", "http://127.0.0.1:9/", {}, None, Timeout(1, 1, 1))
    with contextlib.suppress(TransportError, ConfigurationError), contextlib.closing(get_client("pyreqwest")) as client:
        client.send(refused)


@pytest.fixture
def serve(faulting, reqwest):
    """Put a gateway on a real socket, without faults until a test sets them; no file stays open."""
    module = faulting("wire")

    @contextlib.contextmanager
    def serving(gateway):
        before = module.open_files()
        with module.WireServer(gateway) as server:
            yield server
        eventually(lambda: gc.collect() >= 0 and module.open_files() <= before)  # pyreqwest closes in the background

    return serving


@pytest.fixture
def wire(serve, gateway):
    """The gateway on a real socket."""
    with serve(gateway) as server:
        yield server
