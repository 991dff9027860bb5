"""Ctrl-C in the middle of a request: the next one, and the end of the client, do not wait for a lock."""

from __future__ import annotations

import gc
import socket
import sys
import threading
from contextlib import suppress
from itertools import count
from urllib.parse import urlsplit

import pytest

from eventually import LIMIT
from smsgate import APIClient
from smsgate.emulator import Gateway
from smsgate.testing import serve


def interrupt_at(number, function):
    """Call a function; interrupt it at the given step of the code of httpcore's locks, if it takes so many."""
    steps = count(1)

    def trace(frame, event, _argument):
        if not frame.f_code.co_filename.endswith("_synchronization.py"):
            return None
        if event != "call" and next(steps) == number:
            raise KeyboardInterrupt
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(former)


def close_connections_to(port):
    """Close what was abandoned, so that Python does not warn of it in another test."""
    for found in gc.get_objects():
        if issubclass(type(found), socket.socket) and found.family == socket.AF_INET:  # others may lie of their class
            with suppress(OSError):
                if found.getpeername()[1] == port:
                    found.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what is abandoned may end at any time
def test_interrupt_in_a_lock_of_httpcore_hangs_nothing():
    interrupts = []

    def run(url):
        with APIClient("demo", "demo-password", base_url=url) as client:
            client.list_devices()
            for number in count(1):
                with suppress(KeyboardInterrupt):
                    interrupt_at(number, client.list_devices)
                    return
                interrupts.append(number)
                client.list_devices()

    with serve(Gateway()) as server:
        thread = threading.Thread(target=run, args=[server.url], daemon=True)
        thread.start()
        thread.join(LIMIT)
        close_connections_to(urlsplit(server.url).port)

    assert interrupts
    assert not thread.is_alive(), f"it waits since the interrupt at step {interrupts[-1] + 1}"
