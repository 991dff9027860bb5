"""Helpers of `smsgate.testing`, as unittest suites and fixtures of a wider scope use them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from smsgate import APIClient
from smsgate.testing import make_client, make_gateway, serve


def test_options_are_given_by_name_or_in_a_mapping():
    assert len(make_gateway(devices=2).devices) == 2
    assert len(make_gateway({"devices": 3}, login="me").devices) == 3
    assert make_gateway({"devices": 3}, devices=1, mode="local").mode == "local"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"device": 2}, "no option 'device'; its options are clock, delays, devices"),
        ({"devices": "2"}, "devices is int, not str"),
        ({"delays": 1}, "delays is True or False, not 1"),
    ],
)
def test_unknown_options_and_wrong_types_are_named(options, reason):
    with pytest.raises(TypeError, match=reason):
        make_gateway(options)


def test_one_gateway_serves_several_clients_one_after_the_other_and_at_once():
    gateway = make_gateway()
    with make_client(gateway) as outer, make_client(gateway) as inner:
        outer.send("a", to="+12025550101")
        inner.send("b", to="+12025550101")
    with make_client(gateway) as later:
        later.send("c", to="+12025550101")

    assert [message.text for message in gateway.outbox] == ["a", "b", "c"]


def test_servers_are_independent_and_may_be_nested():
    pytest.importorskip("uvicorn")
    with serve(make_gateway()) as outer, serve(make_gateway()) as inner:
        for server in (outer, inner):
            with APIClient(server.login, server.password, base_url=server.url) as client:
                client.send(server.url, to="+12025550101")

    assert [message.text for message in outer.gateway.outbox] == [outer.url]
    assert [message.text for message in inner.gateway.outbox] == [inner.url]


def test_tests_in_memory_load_no_server():
    code = (
        "import sys; from smsgate import testing; client = testing.make_client(testing.make_gateway()); "
        "client.send('x', to='+12025550101'); print([name for name in ('starlette', 'uvicorn') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_missing_server_names_the_extra():
    code = (
        "import sys; sys.modules['uvicorn'] = None; from smsgate import testing\n"
        "try:\n    testing.serve(testing.make_gateway()).__enter__()\nexcept ImportError as error:\n    print(error)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "pip install 'smsgate[emulator]'" in done.stdout
