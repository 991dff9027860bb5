"""A served gateway, and the real command in a pipe or in a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

pytest.importorskip("uvicorn", reason="the emulator needs a web server")
pytest.importorskip("typer", reason="the command line needs typer")

from eventually import LIMIT, eventually
from smsgate.emulator import Gateway
from smsgate.testing import serve


@dataclass
class Served:
    """A gateway and its base URL."""

    gateway: Gateway
    url: str


@dataclass
class Result:
    """Exit code and output of a command; a pseudo-terminal mixes both streams into ``out``."""

    code: int
    out: str
    err: str = ""


@pytest.fixture(scope="module")
def served():
    gateway = Gateway(seed=7)
    with serve(gateway) as server:
        yield Served(gateway, server.url)


@pytest.fixture(scope="module")
def served_phone():
    gateway = Gateway(seed=7, mode="local")
    with serve(gateway) as server:
        yield Served(gateway, server.url)


@pytest.fixture
def serve_gateway():
    """Serve gateways until the end of the test; return the base URL of each."""
    with ExitStack() as stack:
        yield lambda gateway: stack.enter_context(serve(gateway)).url


@pytest.fixture
def environment(tmp_path):
    """Variables of a user without any settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SMSGATE", "_TYPER"))}
    kept.pop("NO_COLOR", None)
    return {
        **kept,
        "SMSGATE_CONFIG_DIR": str(tmp_path / "config"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "COLUMNS": "120",
        "TERM": "xterm",
    }


@pytest.fixture
def account(environment, served):
    """Variables with the credentials of the served gateway."""
    return {
        **environment,
        "SMSGATE_USERNAME": "demo",
        "SMSGATE_PASSWORD": "demo-password",
        "SMSGATE_BASE_URL": served.url,
    }


def command_line(arguments):
    return [sys.executable, "-m", "smsgate", *arguments]


@pytest.fixture
def run(tmp_path):
    """Run the command in a pipe."""

    def run_in_pipe(*arguments, env, text="", interrupt_after=None, output=None):
        file = None if output is None else output.open("wb")
        process = subprocess.Popen(
            command_line(arguments),
            stdin=subprocess.PIPE,
            stdout=file or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=tmp_path,
        )
        if file is not None:
            file.close()
        if interrupt_after is not None:
            process.stdin.close()
            process.stdin = None
            eventually(interrupt_after)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LIMIT)
        else:
            out, err = process.communicate(text.encode(), timeout=LIMIT)
        return Result(process.returncode, (out or b"").decode(), err.decode())

    return run_in_pipe


@pytest.fixture
def terminal(tmp_path):
    """Run the command in a pseudo-terminal; type a text when a prompt appears, or Ctrl-C."""

    def run_in_terminal(*arguments, env, type_after=(), type_when=()):
        master, slave = pty.openpty()
        os.set_blocking(master, False)
        process = subprocess.Popen(
            command_line(arguments),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
            cwd=tmp_path,
            start_new_session=True,
            preexec_fn=_control_terminal,  # noqa: PLW1509 - it only makes one system call
        )
        os.close(slave)
        shown, waiting, later = "", list(type_after), list(type_when)
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            if waiting and waiting[0][0] in shown:
                os.write(master, waiting.pop(0)[1].encode())
            if later and later[0][0]():
                os.write(master, later.pop(0)[1].encode())
            if select.select([master], [], [], 0.05)[0]:
                try:
                    chunk = os.read(master, 65536)
                except OSError:  # the other end is closed
                    chunk = b""
                if not chunk:
                    break
                shown += chunk.decode(errors="replace")
            elif process.poll() is not None:
                break
        try:
            code = process.wait(timeout=LIMIT)
        finally:
            process.kill()
            process.wait()
            os.close(master)
        return Result(code, shown.replace("\r\n", "\n"))

    return run_in_terminal


def _control_terminal():
    """Make the standard input the controlling terminal, so that Ctrl-C arrives as a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
