"""Commands in forks of a process that has loaded the program: a run takes some 50 ms instead of 400."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from eventually import LIMIT

try:
    import coverage
except ImportError:
    coverage = None

SERVER = Path(__file__).parent / "cli" / "fork_server.py"
ROOT = Path(__file__).parents[1]


class ForkServer:
    """The process that forks; close it at the end."""

    def __init__(self):
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("SMSGATE")}
            if coverage is not None and coverage.Coverage.current() is not None:  # then commands are measured, too
                environment |= {
                    "COVERAGE_PROCESS_START": str(ROOT / "pyproject.toml"),
                    "COVERAGE_FILE": str(ROOT / ".coverage"),
                }
            self._process = subprocess.Popen(
                [sys.executable, SERVER, str(other.fileno())], pass_fds=[other.fileno()], env=environment
            )

    def start(self, words, *, env, folder, streams, terminal=False):
        """Start a command whose standard streams are three descriptors; return its process."""
        report, other = os.pipe()
        request = {"words": words, "environment": env, "folder": str(folder), "terminal": terminal}
        try:
            socket.send_fds(self._socket, [json.dumps(request).encode()], [*streams, other])
        finally:
            os.close(other)
        return Command(os.fdopen(report, "rb", buffering=0))

    def close(self):
        """End the process."""
        self._socket.close()
        self._process.wait(LIMIT)


class Command:
    """A running command, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, report):
        self._report = report
        self.pid = int(report.readline())
        self.returncode = None

    def poll(self):
        """Return the exit code, None while the command runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout=LIMIT):
        """Wait for the end and return the exit code."""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("smsgate", timeout)
            self.returncode = int(self._report.readline())
            self._report.close()
        return self.returncode

    def send_signal(self, number):
        """Send a signal."""
        os.kill(self.pid, number)

    def kill(self):
        """End a command that runs still."""
        if self.poll() is None:
            self.send_signal(signal.SIGKILL)
            self.wait()
