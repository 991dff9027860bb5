"""Docstrings of the clients: a Raises section on every call, and wording of each half."""

import inspect
import re

import pytest

from smsgate import APIClient, AsyncAPIClient

CLIENTS = (APIClient, AsyncAPIClient)
CALLS = [
    pytest.param(client, name, id=f"{client.__name__}.{name}")
    for client in CLIENTS
    for name in dir(client)
    if not name.startswith("_") and callable(getattr(client, name)) and name not in {"close", "aclose"}
]
FOREIGN = re.compile(r"async|await|\btrio\b|event loop|\btasks?\b|aclose|AsyncAPIClient|\bahttp\b", re.IGNORECASE)


@pytest.mark.parametrize(("client", "name"), CALLS)
def test_every_call_says_what_it_raises(client, name):
    text = inspect.getdoc(getattr(client, name)) or ""

    assert "\nRaises:\n" in text
    listed = re.findall(r"^    (\w+): ", text.partition("\nRaises:\n")[2], re.MULTILINE)
    assert listed


@pytest.mark.parametrize("name", ["", *sorted({param.values[1] for param in CALLS})])
def test_synchronous_client_describes_itself(name):
    text = inspect.getdoc(getattr(APIClient, name) if name else APIClient) or ""

    assert text
    assert not FOREIGN.findall(text)


def test_clients_have_docstrings_of_their_own():
    assert "threads" in APIClient.__doc__
    assert "``with`` block or by `close`" in APIClient.__doc__
    assert "asyncio and trio" in AsyncAPIClient.__doc__
    assert "``async with`` block or by `aclose`" in AsyncAPIClient.__doc__
