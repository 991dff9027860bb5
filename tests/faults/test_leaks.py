"""Leaks of personal data in logs and errors under faults, and tests of the scan itself."""

from __future__ import annotations

import asyncio
import logging
import traceback

import pytest

from eventually import LIMIT
from smsgate import (
    APIClient,
    AsyncAPIClient,
    BasicAuth,
    BearerAuth,
    Encryptor,
    JWTAuth,
    Message,
    RetryPolicy,
    Scope,
    SMSGateError,
    TextMessage,
    Timeout,
)
from smsgate.emulator import FAULTS, Faults
from smsgate.http import Request
from smsgate_api import operations

SYNC = ["httpx", "requests", "pyreqwest"]
ASYNC = ["httpx", "aiohttp", "pyreqwest"]


@pytest.fixture
def calls(fault_module):
    """Every kind of call that carries something personal."""
    personal_data, sends = fault_module("personal_data"), fault_module("sends")
    return [
        lambda client: client.send(sends.message(1)),
        lambda client: client.send(personal_data.text(2), to=personal_data.number(2), id="fixed"),
        lambda client: client.get_state("fixed"),
        lambda client: client.cancel_message("fixed"),
        lambda client: client.get_messages(include_content=True),
        lambda client: client.send("", to=personal_data.number(3)),
        lambda client: client.send(personal_data.text(3), to=[personal_data.number(3), personal_data.number(3)]),
        lambda client: client.send(personal_data.text(3), to="not a number"),
        lambda client: client.generate_token({"scopes": ["all:any"]}),
    ]


@pytest.mark.parametrize("name", sorted(FAULTS))
@pytest.mark.parametrize("sealed", [False, True])
def test_no_fault_brings_anything_personal_to_light(  # noqa: PLR0917 - fixtures and parameters
    fault_module, scan, calls, gateway, name, sealed
):
    personal_data, sends = fault_module("personal_data"), fault_module("sends")
    encryptor = Encryptor(personal_data.PASSPHRASE) if sealed else None
    auth = JWTAuth(personal_data.LOGIN, personal_data.PASSWORD, [Scope.ALL_ANY])
    shown = []
    client = APIClient(
        auth=auth,
        base_url=sends.BASE_URL,
        http=gateway.http(),
        retry=RetryPolicy(base_delay=0, max_delay=0, on_retry=shown.append),
        pin_device=True,
        encryptor=encryptor,
        on_request=shown.append,
        on_response=shown.append,
    )
    for call in calls:
        gateway.faults = Faults.random(0.6, seed=len(shown), kinds=[name])
        try:
            scan.object(call(client))
        except (SMSGateError, ValueError) as error:
            scan.error(error)

    scan.object(client, auth, encryptor, *shown)
    assert len(shown) > len(calls)
    assert scan.seen > 100


def test_values_show_nothing_personal(fault_module, scan):
    personal_data = fault_module("personal_data")
    token = f"{personal_data.TEXT}-token".replace(" ", "-")
    scan.add_value(token)
    message = Message(phone_numbers=[personal_data.number(1)], text_message=TextMessage(text=personal_data.text(1)))

    scan.object(
        message,
        message.text_message,
        operations.send_message(message),
        BasicAuth(personal_data.LOGIN, personal_data.PASSWORD),
        BearerAuth(token),
        JWTAuth(personal_data.LOGIN, personal_data.PASSWORD, [Scope.ALL_ANY]),
        Encryptor(personal_data.PASSPHRASE),
        Request("POST", "http://gateway.test/", {"Authorization": token}, personal_data.text(1).encode(), Timeout()),
        APIClient(personal_data.LOGIN, personal_data.PASSWORD),
        AsyncAPIClient(password=token),
    )

    assert scan.seen == 20


@pytest.mark.parametrize(
    ("use_async", "backend"),
    [*((False, name) for name in SYNC), *((True, name) for name in ASYNC)],
)
@pytest.mark.parametrize("kinds", [tuple(FAULTS), ("garbage-handled",)], ids=["all", "garbage"])
def test_faults_on_real_sockets_bring_nothing_to_light(  # noqa: PLR0917 - fixtures and parameters
    fault_module, scan, wire, use_async, backend, kinds
):
    personal_data, sends = fault_module("personal_data"), fault_module("sends")
    options = {
        "login": personal_data.LOGIN,
        "password": personal_data.PASSWORD,
        "base_url": wire.url,
        "http": backend,
        "retry": sends.QUICK,
        "timeout": Timeout(5, 0.1, 0.2),
    }
    wire.faults = Faults.random(0.95, seed=3, kinds=kinds)

    def one(client, index):
        try:
            return client.send(sends.message(index))
        except SMSGateError as error:
            return error

    async def many():
        async with AsyncAPIClient(**options) as client:
            return await asyncio.gather(*(client.send(sends.message(n)) for n in range(40)), return_exceptions=True)

    if use_async:
        said = asyncio.run(many())
    else:
        with APIClient(**options) as client:
            said = [one(client, index) for index in range(40)]
    errors = [found for found in said if isinstance(found, BaseException)]
    for error in errors:
        scan.error(error)

    assert all(isinstance(error, SMSGateError) for error in errors)
    assert errors


# -- the scans themselves ------------------------------------------------------------------------------------------


def test_the_scan_sees_causes_records_and_representations(fault_module, nothing_personal_shows):
    module = fault_module("personal_data")
    caused = SMSGateError("fine")
    caused.__cause__ = ValueError(module.PASSWORD)
    caused.__cause__.__context__ = KeyError(module.number(7))

    with module.Scan(["further"]) as scan:
        logging.getLogger("smsgate").debug("about %s", module.text(1))
        scan.error(caused)
        scan.object("nothing", {"a": "further"})
        scan.add_value("later")
        scan.look("text", "sooner or later")

    assert scan.leaks == [
        "log record",
        "repr or str of ValueError",
        "repr or str of KeyError",
        "traceback of SMSGateError",
        "repr or str of dict",
        "text",
    ]
    assert len(nothing_personal_shows.found) == 1
    nothing_personal_shows.found.clear()
    assert "PASSWORD" not in "".join(scan.leaks)
    assert traceback.format_exception(caused)


PLUGIN_TEST = """
import logging
import pytest
from smsgate import SMSGateError

def test_records():
    logging.getLogger("smsgate").debug("to %s", "+79990001234")

def test_causes():
    with pytest.raises(SMSGateError):
        raise SMSGateError("fine") from ValueError("demo-password")

def test_hidden_contexts():
    with pytest.raises(SMSGateError):
        try:
            raise ValueError("demo-password")
        except ValueError:
            raise SMSGateError("fine") from None

def test_errors_that_nobody_expects():
    try:
        raise SMSGateError("to +79990001234")
    except SMSGateError:
        pass

def test_clean():
    logging.getLogger("smsgate").debug("POST /messages: %d", 202)
"""


def test_the_plugin_fails_tests_in_which_something_showed(tmp_path):
    import subprocess
    import sys
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    (tmp_path / "test_it.py").write_text(PLUGIN_TEST)
    path = ":".join(str(root / name) for name in ("tests", "src", "generated"))

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "leak_detection", "-p", "no:cacheprovider", str(tmp_path)],
        env={"PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )

    assert "5 passed, 3 errors" in done.stdout
    assert "ERROR test_it.py::test_records" in done.stdout
    assert "ERROR test_it.py::test_causes" in done.stdout
    assert "ERROR test_it.py::test_errors_that_nobody_expects" in done.stdout
