"""`smsgate send` under every fault of the emulator, and repeated with `--id`: never twice, never lost unseen."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest

from smsgate.emulator import FAULTS, Faults, Gateway
from smsgate.testing import serve

NUMBER = "+12025550100"
PARALLEL = 10
"""Programs at once: most of their time is the client's pauses between attempts."""


def variables(environment, url):
    return {
        **environment,
        "SMSGATE_USERNAME": "demo",
        "SMSGATE_PASSWORD": "demo-password",
        "SMSGATE_BASE_URL": url,
    }


@pytest.mark.parametrize(
    ("only", "named"),
    [(["POST /messages"], True), ([], True), ([], False)],
    ids=["sends with id", "everything with id", "everything without id"],
)
def test_every_fault_of_a_send(run_fork, environment, only, named):
    """A failure that leaves a message behind has exit code 5 and names its id; a repetition completes it."""

    def try_fault(fault):
        gateway = Gateway(faults=Faults.random(1.0, kinds=[fault], only=only))
        words = ["send", "hello", "--to", NUMBER, *(["--id", "invoice-17"] if named else [])]
        with serve(gateway) as server:
            env = variables(environment, server.url)
            broken = run_fork(*words, "--timeout", "0.5", env=env)
            gateway.faults = None
            stored = [one.id for one in gateway.outbox]
            again = run_fork(*words, env=env) if named else None
            return fault, broken, stored, again, len(gateway.outbox)

    with ThreadPoolExecutor(PARALLEL) as pool:
        found = [*pool.map(try_fault, FAULTS)]

    for fault, broken, stored, again, count in found:
        assert len(stored) <= 1, fault
        assert broken.code in ({0, 5} if stored else {1, 4, 5}), (fault, broken)
        assert "Traceback" not in broken.err, (fault, broken)
        if stored and broken.code:
            assert stored[0] in broken.err, (fault, broken)
        if again is not None:
            assert (again.code, count) == (0, 1), (fault, again)


@pytest.fixture
def gateway():
    return Gateway()


@pytest.fixture
def account(environment, gateway, serve_gateway, tmp_path):
    (tmp_path / "ping").write_bytes(b"ping")
    (tmp_path / "pong").write_bytes(b"pong")
    return variables(environment, serve_gateway(gateway))


DATA = ["--data-file", "ping", "--port", "4000"]


PONG = ["--data-file", "pong", "--port", "4000"]
PAIRS = [
    (["hello"], ["hello"]),
    (["hello"], ["good-bye"]),
    (DATA, DATA),
    (DATA, PONG),
    (DATA, [base64.b64encode(b"pong").decode()]),
    (["hello"], DATA),
]


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_id_belongs_to_one_content(run_fork, account, gateway, *, first, second, hashed):
    same = first == second
    options = ["--to", NUMBER, "--id", "invoice-17"]
    run_fork("send", *first, *options, env=account)
    if hashed:
        gateway.advance(600)

    result = run_fork("send", *second, *options, env=account)

    assert result.code == (0 if same else 1), result
    assert ("belongs to another message" in result.err) is not same
    assert len(gateway.outbox) == 1
