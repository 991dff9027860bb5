"""Ctrl-C in the middle of a request: the next one, in any thread, and the end of the client do not wait for a lock."""

from __future__ import annotations

import gc
import socket
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from itertools import count
from urllib.parse import urlsplit

import pytest

from eventually import LIMIT
from smsgate import APIClient
from smsgate._sync.io import Lock
from smsgate.emulator import Gateway
from smsgate.http import get_client
from smsgate.testing import serve

NEEDS_311 = pytest.mark.skipif(sys.version_info < (3, 11), reason="pyreqwest needs Python 3.11")
LOCKING = ("/httpcore/_synchronization.py", "/threading.py", "/queue.py", "/smsgate/_sync/io.py", "/smsgate/runtime/")
"""Files with code that acquires and releases locks: of httpcore, of the standard library and ours."""


def interrupt_at(number, function):
    """Call a function; interrupt it at the given step of the code with locks. Returns whether it took so many.

    A step is where the interpreter looks for Ctrl-C: the beginning of a function, and the end of a call of C code.
    """
    steps = count(1)

    def profile(frame, event, _argument):
        is_step = event in {"call", "c_return"} and any(part in frame.f_code.co_filename for part in LOCKING)
        if is_step and next(steps) == number:
            raise KeyboardInterrupt

    sys.setprofile(profile)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return next(steps) > number


def in_thread(function, *arguments):
    """Call a function in a thread and return its result; raise what it raises, and TimeoutError if it does not end."""
    results = Future()

    def run():
        try:
            results.set_result(function(*arguments))
        except BaseException as error:  # noqa: BLE001 - raised by the caller
            results.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return results.result(LIMIT)


def close_connections_to(port):
    """Close what was abandoned, so that Python does not warn of it in another test."""
    for found in gc.get_objects():
        if issubclass(type(found), socket.socket) and found.family == socket.AF_INET:  # others may lie of their class
            with suppress(OSError):
                if found.getpeername()[1] == port:
                    found.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what is abandoned may end at any time
@pytest.mark.parametrize("name", ["httpx", "requests", pytest.param("pyreqwest", marks=NEEDS_311)])
@pytest.mark.parametrize("is_fresh", [False, True], ids=["used", "fresh"])
def test_interrupted_request_hangs_nothing(name, is_fresh):
    http = get_client(name)
    responses = []

    def devices():
        return [device.id for device in client.list_devices()]

    def interrupt(number):
        responses.append(devices())
        if is_fresh:
            http.close()
        return interrupt_at(number, devices)

    with serve(Gateway()) as server, APIClient("demo", "demo-password", base_url=server.url, http=http) as client:
        number = 1
        while in_thread(interrupt, number):
            responses.append(in_thread(devices))
            number += 1
        in_thread(client.close)
        close_connections_to(urlsplit(server.url).port)

    assert number > 1
    assert all(response == responses[0] for response in responses)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="profilers end a generator without its finally block")
def test_interrupt_leaves_no_lock_of_a_client_held():
    def hold(lock):
        with lock.hold(), lock.hold():
            pass

    def is_free(lock):
        with lock.hold(LIMIT / 2) as is_held:
            return is_held

    number, lock = 1, Lock()
    while interrupt_at(number, partial(hold, lock)):
        assert in_thread(is_free, lock), f"the lock is held since the interrupt at step {number}"
        number, lock = number + 1, Lock()

    assert number > 1
