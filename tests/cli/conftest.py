"""A served gateway, and the real command in a pipe or in a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial

import pytest

pytest.importorskip("uvicorn", reason="the emulator needs a web server")
pytest.importorskip("typer", reason="the command line needs typer")

from eventually import LIMIT, eventually
from forks import ForkServer
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
    kept.pop("PYTHONUNBUFFERED", None)  # users have none: then a full output shows late
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


@pytest.fixture
def run(tmp_path):
    """Run the command in pipes, in a new process."""
    return partial(run_in_pipes, start_process, tmp_path)


@pytest.fixture
def terminal(tmp_path):
    """Run the command in a pseudo-terminal, in a new process."""
    return partial(run_in_terminal, start_process, tmp_path)


@pytest.fixture(scope="session")
def fork_server():
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def run_fork(tmp_path, fork_server):
    """Run the command in pipes, in a fork."""
    return partial(run_in_pipes, fork_server.start, tmp_path)


@pytest.fixture
def terminal_fork(tmp_path, fork_server):
    """Run the command in a pseudo-terminal, in a fork."""
    return partial(run_in_terminal, fork_server.start, tmp_path)


def start_process(words, *, env, folder, streams, terminal=False):
    """Start the command as a user does; see `ForkServer.start`."""
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        [sys.executable, "-m", "smsgate", *words],
        stdin=stdin, stdout=stdout, stderr=stderr, env=env, cwd=folder,
        start_new_session=terminal,
        preexec_fn=_control_terminal if terminal else None,  # noqa: PLW1509 - it only makes one system call
    )  # fmt: skip


def run_in_pipes(
    start,
    folder,
    *words,
    env,
    text="",
    output=None,
    interrupt_after=None,
    is_reading=False,
    number=signal.SIGINT,
    interrupt_when=None,
):
    """Run a command to its end; send it a signal when a condition is true, when it waits for more input, or when what
    it has written fulfils a condition.
    """
    stdin, to_write = os.pipe()
    (to_read, stdout), (to_read_errors, stderr) = os.pipe(), os.pipe()
    if output is not None:
        os.close(stdout)
        stdout = os.open(output, os.O_WRONLY | os.O_CREAT, 0o600)
    process = start(list(words), env=env, folder=folder, streams=(stdin, stdout, stderr))
    os.close(stdout)
    os.close(stderr)
    outputs = [], []
    until = (lambda: unread_bytes(stdin) == 0) if is_reading else interrupt_after
    if interrupt_when is not None:
        until = lambda: interrupt_when("".join([*outputs[0], *outputs[1]]))  # noqa: E731
    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read_all, *pair) for pair in zip((to_read, to_read_errors), outputs, strict=True)]
        writer = pool.submit(write_all, os.dup(to_write) if is_reading else to_write, text.encode())
        try:
            if until is not None:
                writer.result() if is_reading else None
                eventually(lambda: until() or process.poll() is not None)
                process.send_signal(number)
            if is_reading and ends_late(process):
                process.send_signal(number)
            code = wait_for_end(process, outputs[1])
        finally:
            process.kill()
            os.close(stdin)
            os.close(to_write) if is_reading else None
        for one in readers:
            one.result()
    return Result(code, *("".join(one) for one in outputs))


def ends_late(process):
    """Tell whether a command goes on reading after a signal: one that comes just before a read does not end it."""
    try:
        process.wait(timeout=LIMIT / 3)
    except subprocess.TimeoutExpired:
        return True
    return False


def wait_for_end(process, errors):
    """Return a command's exit code; fail with what it wrote and where its threads are if it does not end."""
    try:
        return process.wait(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGUSR1)  # the fork server lets it print its stacks
        eventually(lambda: "most recent call first" in "".join(errors))
        pytest.fail(f"The command did not end: {''.join(errors)}")


def unread_bytes(descriptor):
    """Count the bytes that wait in a pipe or a terminal."""
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)


def read_all(descriptor, chunks):
    with os.fdopen(descriptor, encoding="utf-8", newline="") as file:
        chunks.extend(iter(file.readline, ""))


def write_all(descriptor, content):
    with suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as file:
        file.write(content)


def run_in_terminal(
    start, folder, *words, env, type_after=(), type_when=(), signal_when=None, number=signal.SIGTERM, is_reading=False
):
    """Run a command to its end; type a text when another has appeared or a condition is true, or send a signal.

    A command that is reading gets a part of a line, and Ctrl-C when it has read that.
    """
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    process = start(list(words), env=env, folder=folder, streams=(slave, slave, slave), terminal=True)
    shown, waiting, later = "", list(type_after), list(type_when)
    if is_reading:
        os.write(master, b"some\x04")  # Ctrl-D: a command that reads a line waits for the rest of it
        later.append((lambda: "some" in shown and unread_bytes(slave) == 0, "\x03"))
        later.append((lambda: ends_late(process), "\x03"))
    else:
        os.close(slave)
    end = time.monotonic() + LIMIT
    try:
        while time.monotonic() < end:
            if waiting and waiting[0][0] in shown:
                os.write(master, waiting.pop(0)[1].encode())
            if later and later[0][0]():
                os.write(master, later.pop(0)[1].encode())
            if signal_when is not None and signal_when(shown):
                process.send_signal(number)
                signal_when = None
            if select.select([master], [], [], 0.02)[0]:
                try:
                    chunk = os.read(master, 65536)
                except OSError:  # the other end is closed
                    break
                shown += chunk.decode(errors="replace")
            elif process.poll() is not None:
                break
        code = process.wait(timeout=LIMIT)
    finally:
        process.kill()
        os.close(master)
        os.close(slave) if is_reading else None
    return Result(code, shown.replace("\r\n", "\n"))


def _control_terminal():
    """Make the standard input the controlling terminal, so that Ctrl-C arrives as a signal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
