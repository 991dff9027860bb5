"""Fixtures of all tests: recorded vectors and the leak detection."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path

import pytest

from leak_detection import nothing_personal_shows

__all__ = ["nothing_personal_shows"]

VECTORS = Path(__file__).parent / "vectors"

with contextlib.suppress(ImportError):
    from hypothesis import HealthCheck, settings

    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")  # a busy machine is no fault of an example


# a shell's background and nohup ignore these signals, and programs under test would inherit that
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def vectors():
    """Read one of the vector files by its name."""

    def read(name: str):
        return json.loads((VECTORS / f"{name}.json").read_text())

    return read


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    """Run asynchronous tests under both event loops."""
    return request.param
