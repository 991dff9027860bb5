"""Server of `forks`: a process that has loaded the program, and forks for each command.

A command runs in the entry point of the program, with descriptors, terminal, signals, environment and exit of its own;
only the imports, which take most of its time, are done once for all.
"""

from __future__ import annotations

import faulthandler
import fcntl
import gc
import json
import os
import signal
import socket
import sys
import termios
import threading
import time

MESSAGE = 1_000_000
"""Most bytes of a request."""


def preload():
    """Import what commands import, without a thread."""
    import rich.live
    import rich.table
    import rich.text
    import typer.rich_utils
    import uvicorn

    from smsgate import APIClient, Encryptor, Message, webhooks
    from smsgate.cli.program import COMMANDS, load_command
    from smsgate.receiver import WebhookApp

    for name in COMMANDS:
        if name != "emulator":
            load_command(name)
    import smsgate.emulator._server.asgi
    import smsgate.emulator._server.command

    APIClient("any", "any").close()
    return rich, typer, uvicorn, Encryptor, Message, webhooks, WebhookApp, smsgate


def let_interrupts_pass_coverage():
    """Let Ctrl-C interrupt coverage anywhere: in its lock, which is Python code, it would leave it locked for good."""
    coverage = sys.modules.get("coverage")
    current = None if coverage is None else coverage.Coverage.current()
    if current is not None:
        current._collector.data_lock = threading.RLock()


def serve(listener):
    """Fork for each request; return the words of the command in the process that shall run it, None at the end."""
    while True:
        content, descriptors, _, _ = socket.recv_fds(listener, MESSAGE, 4)
        if not content:
            return None
        if os.fork() == 0:
            listener.close()
            return watch(json.loads(content), descriptors)
        for one in descriptors:
            os.close(one)


def watch(request, descriptors):
    """Fork the command; write its id and then its exit code to the last descriptor."""
    *streams, report = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    command = os.fork()
    if command == 0:
        os.close(report)
        return prepare(request, streams)
    for one in streams:
        os.close(one)
    os.write(report, f"{command}\n".encode())
    _, status = os.waitpid(command, 0)
    os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def prepare(request, streams):
    """Give the process streams, environment, folder and signals of a new program."""
    for number, one in enumerate(streams):
        os.dup2(one, number)
        os.close(one)
    if request["terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - until the end
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    faulthandler.register(signal.SIGUSR1, file=2)  # for a test whose command does not end
    sys.argv = ["smsgate", *request["words"]]
    return request["words"]


if __name__ == "__main__":
    from smsgate.__main__ import main

    preload()
    let_interrupts_pass_coverage()
    gc.freeze()  # a collection would copy the memory of each fork
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the test run is not meant for it
    words = serve(socket.socket(fileno=int(sys.argv[1])))
    if words is not None:
        sys.exit(main(words))
