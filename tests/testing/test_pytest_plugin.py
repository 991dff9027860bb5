"""pytest plugin, as a project's own tests would use it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest
from smsgate import APIClient, AsyncAPIClient


def test_fixtures_share_one_gateway(smsgate_gateway, smsgate_client, smsgate_server):
    smsgate_client.send("Hello", to="+12025550101")
    with APIClient(smsgate_server.login, smsgate_server.password, base_url=smsgate_server.url) as client:
        client.send("Over a port", to="+12025550102")

    assert smsgate_server.gateway is smsgate_gateway
    assert [message.text for message in smsgate_gateway.outbox] == ["Hello", "Over a port"]


def test_gateway_is_new_in_every_test(smsgate_gateway):
    assert smsgate_gateway.outbox == []


@pytest.mark.smsgate(devices=2, mode="cloud")
def test_marker_sets_options(smsgate_client):
    assert len(smsgate_client.list_devices()) == 2


@pytest.mark.smsgate(mode="local")
def test_local_mode(smsgate_client, smsgate_gateway):
    smsgate_gateway.receive("+12025550109", "STOP")

    assert smsgate_client.list_inbox_messages()[0].sender == "+12025550109"


def test_messages_arrive_at_once(smsgate_client):
    state = smsgate_client.send("Hello", to="+12025550101")

    assert smsgate_client.wait(state.id, timeout=30).state == "Delivered"


@pytest.mark.anyio
async def test_asynchronous_client(smsgate_async_client, smsgate_gateway):
    await smsgate_async_client.send("Hello", to="+12025550101")

    smsgate_gateway.assert_sent(to="+12025550101", text="Hello", count=1)
"""


@pytest.fixture
def run(pytester):
    def run(*arguments):
        pytester.makepyfile(TESTS)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q", *arguments)

    return run


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_fixtures_work_in_a_project_of_ones_own(run, arguments):
    result = run(*arguments)

    result.assert_outcomes(passed=7)  # the asynchronous one under asyncio and trio


def test_marker_is_known_where_markers_are_strict(run):
    result = run("--strict-markers", "-k", "sets_options")

    result.assert_outcomes(passed=1, deselected=6)


def test_plugin_loads_nothing_until_a_fixture_is_used():
    code = "import sys, smsgate._pytest_plugin; print([name for name in sys.modules if name.startswith('pydantic')])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("device=2", "A gateway has no option 'device'; its options are clock, delays, devices, *"),
        ("'local'", "options are given by name only, not as 'local'."),
        ("devices='2'", "devices is int, not str."),
        ("devices=-1", "devices is a number from 0 on."),
        ("mode='Local'", "mode is one of cloud, local."),
        ("login=5", "login is str, not int."),
        ("delays='no'", "delays is True or False, not 'no'."),
        ("phone='no'", "phone is bool, not str."),
        ("clock=5", "clock is a function or None, not int."),
        ("faults=5", "faults is a function or None, not int."),
        ("timings=0", "timings is PhoneTimings or None, not int."),
    ],
)
def test_wrong_marker_is_an_error_of_one_line(pytester, arguments, reason):
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.smsgate({arguments})
        def test_wrong(smsgate_client):
            pass
        """
    )

    result = pytester.runpytest("-q", "-p", "no:cacheprovider")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"@pytest.mark.smsgate: {reason}"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*During handling*")


def test_markers_of_module_class_and_test_add_up(pytester):
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.smsgate(login="module", devices=2)

        @pytest.mark.smsgate(devices=3)
        class TestClass:
            def test_of_class(self, smsgate_gateway):
                assert (smsgate_gateway.login, len(smsgate_gateway.devices)) == ("module", 3)

            @pytest.mark.smsgate(devices=4)
            def test_of_its_own(self, smsgate_gateway):
                assert (smsgate_gateway.login, len(smsgate_gateway.devices)) == ("module", 4)
        """
    )

    pytester.runpytest("-q", "-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_failed_assertion_shows_the_diff_and_nothing_of_the_package(pytester):
    pytester.makepyfile(
        """
        def test_text(smsgate_client, smsgate_gateway):
            smsgate_client.send("Your table is ready", to="+12025550101")
            smsgate_gateway.assert_sent(text="Your table is redy")
        """
    )

    result = pytester.runpytest("-q", "-p", "no:cacheprovider")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*- Your table is redy", "E*+ Your table is ready"])
    result.stdout.no_fnmatch_line("*outbox.py*")
