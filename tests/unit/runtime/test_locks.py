"""Locks in processes that were forked while another thread held them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
ROOT = Path(__file__).parents[3]

CHILD = """
import faulthandler, os, sys, threading
from smsgate.runtime import locks

locks._FORK_TIMEOUT = 0.2

def child_of_a_busy_parent(hold, use):
    '''Fork while a thread is inside ``hold``; the child calls ``use``, and the parent exits with its code.'''
    held, release = threading.Event(), threading.Event()
    def holder():
        with hold:
            held.set()
            release.wait()
    threading.Thread(target=holder, daemon=True).start()
    held.wait()
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(30, exit=True)
        use()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    release.set()
    if hasattr(hold, "acquire"):
        assert hold.acquire(timeout=30), "the parent lost its lock"
    os._exit(code)
"""

USES = {
    "schemas": """
from smsgate_api import operations
from smsgate.runtime import types
child_of_a_busy_parent(types.schema_lock, lambda: operations.list_messages().parse(200, {}, b"[]"))
""",
    "TLS contexts": """
from smsgate._backends import connection
options = connection.ConnectionOptions(
    None, verify=True, cert=None, proxy=None, max_connections=1, trust_env=False
)
child_of_a_busy_parent(connection._tls_lock, options.ssl_context)
""",
    "memory store": """
import asyncio
from datetime import timedelta
from smsgate.receiver import MemoryStore
store = MemoryStore()
child_of_a_busy_parent(store._lock, lambda: asyncio.run(store.add(b"{}", ("a",), window=timedelta(hours=1))))
""",
    "gateway": """
from smsgate import APIClient
from smsgate.emulator import Gateway
gateway = Gateway()
client = APIClient("user", "password", http=gateway.http())
child_of_a_busy_parent(gateway._lock, client.health_check)
""",
    "faults": """
from smsgate import APIClient
from smsgate.emulator import Faults, Gateway
gateway = Gateway(faults=Faults.script([None]))
client = APIClient("user", "password", http=gateway.http())
child_of_a_busy_parent(gateway.faults._lock, client.health_check)
""",
    "client's lock": """
from smsgate._sync.io import Lock
lock = Lock()
def use():
    with lock.hold():
        pass
child_of_a_busy_parent(lock.hold(), use)
""",
}


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=90, check=False)


@pytest.mark.parametrize("use", USES)
def test_lock_that_a_thread_of_the_parent_held_is_free_in_the_child(use):
    ended = run(CHILD + USES[use])

    assert ended.returncode == 0, ended.stderr


def test_thread_that_forks_inside_its_own_lock_goes_on_holding_it():
    ended = run("""
import os
from smsgate.runtime.locks import ForkSafeLock
lock = ForkSafeLock()
with lock:
    child = os.fork()
if child == 0:
    with lock:
        os._exit(0)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""")

    assert ended.returncode == 0, ended.stderr


def test_fork_at_any_moment_of_the_first_schemas_leaves_a_working_child():
    ended = run("""
import faulthandler, os, threading, time
from smsgate_api import models, operations

def first():
    for call in (operations.list_messages, operations.list_devices, operations.list_webhooks):
        call().parse(200, {}, b"[]")
    operations.get_settings().parse(200, {}, b'{"messages": {}}')

thread = threading.Thread(target=first)
thread.start()
children = []
while True:
    last = not thread.is_alive()
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(60, exit=True)
        first()
        os._exit(0)
    children.append(child)
    if last or len(children) == 5:
        break
    time.sleep(0.003)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
raise SystemExit(f"{codes}" if any(codes) else 0)
""")

    assert ended.returncode == 0, ended.stderr


def test_fork_while_a_thread_makes_the_first_call_leaves_a_working_child():
    ended = run("""
import faulthandler, os, threading, time
from smsgate import APIClient, RetryPolicy, TransportError

def first():
    with APIClient("a", "b", base_url="http://127.0.0.1:9/v1", retry=RetryPolicy.none()) as client:
        try:
            client.health_check()
        except TransportError:
            pass

thread = threading.Thread(target=first)
thread.start()
children = []
while len(children) < 4:
    last = not thread.is_alive()
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(60, exit=True)
        first()
        os._exit(0)
    children.append(child)
    if last:
        break
    time.sleep(0.05)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
raise SystemExit(f"{codes}" if any(codes) else 0)
""")

    assert ended.returncode == 0, ended.stderr


def test_fork_while_threads_make_tls_contexts_leaves_a_working_child():
    ended = run("""
import faulthandler, os, threading
from smsgate.http import HttpxHttpClient

stop = threading.Event()

def make():
    HttpxHttpClient(verify=False)

def make_many():
    while not stop.is_set():
        make()

threads = [threading.Thread(target=make_many) for _ in range(2)]
make()
for thread in threads:
    thread.start()
codes = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(30, exit=True)
        make()
        os._exit(0)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    if codes[-1]:
        break
stop.set()
raise SystemExit(f"{codes}" if any(codes) else 0)
""")

    assert ended.returncode == 0, ended.stderr


def test_every_lasting_lock_survives_a_fork():
    """A lock of the standard library that an object keeps has to belong to a process; these modules see to that."""
    known = {"_backends/httpx.py", "receiver/_sqlite.py"}  # one for each process
    known |= {"_backends/body_deadline.py"}  # one for each exchange
    found = set()
    for path in sorted((ROOT / "src" / "smsgate").rglob("*.py")) + sorted((ROOT / "generated").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            kept = [target for target in getattr(node, "targets", None) or [node.target] if is_kept(target)]
            made = ast.unparse(node.value)
            if kept and ("threading.Lock()" in made or "threading.RLock()" in made):
                found.add(path.relative_to(ROOT / "src/smsgate" if "src" in path.parts else ROOT).as_posix())

    assert found == known


def is_kept(target):
    return isinstance(target, ast.Attribute) or (isinstance(target, ast.Name) and target.col_offset == 0)
