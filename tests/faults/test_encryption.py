"""Encryption under cancellation, interrupts, forks and failures, in threads and event loops."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import anyio
import anyio.from_thread
import pytest

from eventually import LIMIT, eventually
from smsgate import APIClient, AsyncAPIClient, EncryptionError, Encryptor, Message, RetryPolicy, TextMessage
from smsgate.emulator import Faults, Gateway
from smsgate.encryption import BaseEncryptor

pytest.importorskip("cryptography", reason="encryption needs the extra smsgate[encryption]")
pytestmark = pytest.mark.filterwarnings("ignore:encryption with")

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = [f"+7999{number:07}" for number in range(100)]
OPTIONS = {"base_url": "http://gateway.test/3rdparty/v1"}
FAST = RetryPolicy(base_delay=0.0, max_delay=0.0)
CORES = 2


class Slow(BaseEncryptor):
    """Takes 5 ms for a text and counts; `act` is called at the third one, and the others take longer then."""

    def __init__(self, act=lambda: None):
        self._lock = threading.Lock()
        self._act = act
        self._seconds = 0.005
        self.begun = self.running = self.most = 0

    def encrypt(self, text):
        with self._lock:
            self.begun += 1
            self.running += 1
            self.most = max(self.most, self.running)
            third = self.begun == 3
        try:
            if third:
                self._act()
                self._seconds = 0.05  # so that many are left, however late the cancellation is noticed
            time.sleep(self._seconds)
        finally:
            with self._lock:
                self.running -= 1
        return f"$slow${text[::-1]}"

    def decrypt(self, text):
        return text.removeprefix("$slow$")[::-1]

    def check_ended(self):
        """No thread is at work any more, long before everything was encrypted."""
        eventually(lambda: not self.running)
        assert self.begun < len(NUMBERS) / 2


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    for half in ("_async", "_sync"):
        monkeypatch.setattr(f"smsgate.{half}.io.cores", lambda: CORES)


@pytest.fixture
def interruptible():
    """SIGINT interrupts, though a shell that starts the tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def silent():
    return Gateway(phone=False)


def client_of(gateway, encryptor, **options):
    return APIClient("demo", "demo-password", http=gateway.http(), encryptor=encryptor, **OPTIONS, **options)


def async_client_of(gateway, encryptor, **options):
    return AsyncAPIClient("demo", "demo-password", http=gateway.async_http(), encryptor=encryptor, **OPTIONS, **options)


def text(numbers=NUMBERS, **fields):
    return Message(phone_numbers=numbers, text_message=TextMessage(text="Meet me"), **fields)


# --- stopped half-way


@pytest.mark.anyio
async def test_cancelled_send_sends_nothing_and_its_threads_end(silent):
    with anyio.CancelScope() as scope:
        encryptor = Slow(lambda: anyio.from_thread.run_sync(scope.cancel))
        await async_client_of(silent, encryptor).send(text())

    assert scope.cancelled_caught
    encryptor.check_ended()
    assert silent.messages == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_send_that_asyncio_itself_cancels_sends_nothing_and_its_threads_end(silent):
    encryptor = Slow(lambda: loop.call_soon_threadsafe(task.cancel))
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(async_client_of(silent, encryptor).send(text()))

    with pytest.raises(asyncio.CancelledError):
        await task

    encryptor.check_ended()
    assert silent.messages == []


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals for threads")
def test_interrupted_send_sends_nothing_and_its_threads_end(silent, interruptible):
    encryptor = Slow(lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))

    with pytest.raises(KeyboardInterrupt):
        client_of(silent, encryptor).send(text())

    encryptor.check_ended()
    assert silent.messages == []


@pytest.mark.parametrize("use_async", [False, True])
def test_send_whose_third_text_cannot_be_encrypted_sends_nothing_and_tries_no_others(silent, use_async):
    def fail():
        raise EncryptionError("no")

    encryptor = Slow(fail)
    send = (
        partial(anyio.run, async_client_of(silent, encryptor).send) if use_async else client_of(silent, encryptor).send
    )
    with pytest.raises(EncryptionError, match="no"):
        send(text())

    encryptor.check_ended()
    assert silent.messages == []


# --- many at once


@pytest.mark.anyio
async def test_many_sends_at_once_share_as_many_threads_as_there_are_cores(silent):
    encryptor = Slow()
    client = async_client_of(silent, encryptor)

    results = [result async for result in client.send_many((text(NUMBERS[:9]) for _ in range(8)), concurrency=8)]

    assert [result.error for result in results] == [None] * 8
    assert encryptor.begun == 80
    assert encryptor.most <= CORES


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_reading_thousands_of_fields_back_takes_no_task_for_each(silent):
    class Watching(Slow):
        tasks = 0

        def encrypt(self, text):
            return f"$slow${text[::-1]}"

        def decrypt(self, text):
            if not self.tasks:
                self.tasks = anyio.from_thread.run_sync(lambda: len(anyio.get_running_tasks()))
            return super().decrypt(text)

    client = async_client_of(silent, Watching())
    for _ in range(20):
        await client.send(text())
    encryptor = Watching()

    states = await async_client_of(silent, encryptor).get_messages(limit=100)

    assert {len(state.recipients) for state in states if not state.is_encrypted} == {100}
    assert 0 < encryptor.tasks <= 10


def test_one_encryptor_serves_threads_and_event_loops_at_once(silent):
    encryptor = Encryptor("correct horse", iterations=100)
    numbers = NUMBERS[:10]

    def work(worker):
        if worker % 2:
            return client_of(silent, encryptor).send(text(numbers, id=f"m{worker}"))
        return anyio.run(
            async_client_of(silent, encryptor).send,
            text(numbers, id=f"m{worker}"),
            backend="asyncio" if worker % 4 else "trio",
        )

    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(work, range(16)))

    assert [[recipient.phone_number for recipient in state.recipients] for state in states] == [numbers] * 16
    assert len({recipient.phone_number for row in silent.messages for recipient in row.recipients}) == 160


FORKING = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")
from smsgate import Encryptor
from smsgate._sync.io import run_in_workers

encryptor = Encryptor("correct horse", iterations=5_000)
texts = [str(number) for number in range(50)]
kept = run_in_workers(encryptor.encrypt, texts)
busy = threading.Thread(target=run_in_workers, args=(encryptor.encrypt, texts * 5))
busy.start()
child = os.fork()
if child == 0:
    good = run_in_workers(encryptor.decrypt, kept) == texts
    good = good and run_in_workers(encryptor.decrypt, run_in_workers(encryptor.encrypt, texts)) == texts
    salts = {text.split("$")[3] for text in run_in_workers(encryptor.encrypt, texts)}
    os.write(1, " ".join(salts).encode())
    os._exit(0 if good else 3)
_, status = os.waitpid(child, 0)
salts = {text.split("$")[3] for text in run_in_workers(encryptor.encrypt, texts)}
os.write(1, b" " + " ".join(salts).encode())
busy.join()
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forked_process_encrypts_by_itself_and_with_salts_of_its_own():
    path = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'generated'}"}

    done = subprocess.run([sys.executable, "-c", FORKING], env=path, timeout=LIMIT, check=False, capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"")
    assert len(set(done.stdout.split())) == 100


# --- exchanges that fail


@pytest.mark.anyio
@pytest.mark.parametrize("pin_device", [False, True])
@pytest.mark.parametrize("fault", ["reset", "lost", 503, "500-handled", "garbage-handled"])
async def test_repeated_attempts_carry_the_same_ciphertext_and_the_message_is_known_again(fault, pin_device):
    faults = Faults.script([fault, fault], only=["POST /messages"])
    gateway = Gateway(devices=2, phone=False, faults=faults)
    encryptor = Slow()
    client = async_client_of(gateway, encryptor, retry=FAST, pin_device=pin_device)

    state = await client.send(text(NUMBERS[:3]))

    assert [message.id for message in gateway.messages] == [state.id]
    assert [recipient.phone_number for recipient in state.recipients] == NUMBERS[:3]
    assert encryptor.begun == 4
