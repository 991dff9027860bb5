"""pytest plugin: an emulated gateway, clients and a server as fixtures. Loads nothing until a fixture is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from smsgate import APIClient, AsyncAPIClient
    from smsgate.emulator import Gateway
    from smsgate.testing import GatewayServer


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "smsgate(devices=1, mode='cloud', delays=False, …): options of the gateway behind the smsgate_… fixtures",
    )


@pytest.fixture
def smsgate_gateway(request: pytest.FixtureRequest) -> Gateway:
    """Give an emulated gateway in memory; options come from ``@pytest.mark.smsgate(devices=2, mode="local")``.

    Markers of the test, its class and its module add up; the nearest one wins.
    """
    try:
        gateway: Gateway = import_module("smsgate.testing").make_gateway(_marked_options(request.node))
    except (TypeError, ValueError) as error:
        reason = str(error)
    else:
        return gateway
    pytest.fail(f"@pytest.mark.smsgate: {reason}", pytrace=False)


def _marked_options(node: pytest.Item) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("smsgate"))):
        if marker.args:
            raise TypeError(f"options are given by name only, not as {marker.args[0]!r}.")
        options |= marker.kwargs
    return options


@pytest.fixture
def smsgate_client(smsgate_gateway: Gateway) -> Generator[APIClient, None, None]:
    """Give a client that talks to the gateway in memory."""
    with import_module("smsgate.testing").make_client(smsgate_gateway) as client:
        yield client


@pytest.fixture
def smsgate_async_client(smsgate_gateway: Gateway) -> AsyncAPIClient:
    """Give an asynchronous client that talks to the gateway in memory, under asyncio and trio."""
    client: AsyncAPIClient = import_module("smsgate.testing").make_async_client(smsgate_gateway)
    return client


@pytest.fixture
def smsgate_server(smsgate_gateway: Gateway) -> Generator[GatewayServer, None, None]:
    """Serve the gateway over a port: ``url``, ``login``, ``password`` and ``gateway``."""
    with import_module("smsgate.testing").serve(smsgate_gateway) as server:
        yield server
