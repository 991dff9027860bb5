"""Interrupted sends: killed and restarted processes, Ctrl-C, and cancelled calls."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import time

import pytest

from smsgate import AsyncAPIClient, Message, TextMessage
from smsgate.emulator import Faults, Gateway

RECIPE = """
import sys
from contextlib import suppress
from smsgate import APIClient, ConflictError
with APIClient("demo", "demo-password", base_url=sys.argv[1], pin_device=True) as client:
    for number in range(20):
        with suppress(ConflictError):  # sent before the process died
            client.send("Thank you!", to="+12025550101", id=f"event-{number}")
print("done", flush=True)
"""
MANY = """
import sys
from smsgate import APIClient, Message, RetryPolicy, TextMessage
texts = (Message(phone_numbers=["+12025550101"], text_message=TextMessage(text="x")) for _ in range(100))
patient = RetryPolicy(max_retries=50, base_delay=30, max_delay=30)
client = APIClient("demo", "demo-password", base_url=sys.argv[1], retry=patient)
print("begun", flush=True)
for result in client.send_many(texts):
    print(result)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_recipe_for_crashes_stores_each_text_once_on_two_phones(fault_module):
    gateway = Gateway(devices=2, phone=False)
    with fault_module("server").FaultyServer(gateway, Faults.script([])) as server:
        for kills in range(12):
            process = subprocess.Popen([sys.executable, "-c", RECIPE, server.url], stdout=subprocess.PIPE, text=True)
            goal = 1 + kills * 2
            while process.poll() is None and len(gateway.messages) < goal and kills < 11:
                time.sleep(0.001)
            if kills < 11:
                process.kill()
            process.communicate()

    ids = [message.id for message in gateway.messages]
    assert sorted(ids) == sorted(f"event-{number}" for number in range(20))
    assert len({message.device_id for message in gateway.messages}) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process there")
def test_ctrl_c_ends_send_many_without_further_retries(fault_module):
    gateway = Gateway(phone=False)
    faults = Faults.script([503] * 1000)
    with fault_module("server").FaultyServer(gateway, faults) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", MANY, server.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "begun\n"
        while faults.exchanges < 8 and process.poll() is None:  # then all threads wait for a retry, up to 30 s each
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, errors = process.communicate(timeout=60)

    assert "KeyboardInterrupt" in errors
    assert time.monotonic() - begun < 25


class Hanging:
    """A backend that answers nothing once a send has begun."""

    def __init__(self):
        self.begun = asyncio.Event()

    async def send(self, _request):
        self.begun.set()
        await asyncio.Event().wait()

    def stream(self, _request):
        raise NotImplementedError

    async def aclose(self):
        return


def test_cancelled_send_tells_its_id(caplog):
    seen = []

    async def main():
        http = Hanging()
        client = AsyncAPIClient("demo", "demo-password", http=http, on_request=seen.append)
        task = asyncio.create_task(client.send("Hello", "+12025550101"))
        await http.begun.wait()
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            return getattr(error, "__notes__", [])
        return None

    with caplog.at_level(logging.DEBUG, logger="smsgate"):
        notes = asyncio.run(main())

    id = seen[0].message_id
    assert len(id) == 21
    assert any(id in record.getMessage() for record in caplog.records)
    assert sys.version_info < (3, 11) or any(id in note for note in notes)


def test_slow_message_holds_up_no_other():
    done, slow = [], asyncio.Event()
    gateway = Gateway(phone=False)
    inner = gateway.async_http()

    class OneSlow(Hanging):
        async def send(self, request):
            if b'"slow"' in (request.content or b""):
                await slow.wait()
            done.append(request)
            if len(done) == 100:
                slow.set()
            return await inner.send(request)

    async def main():
        client = AsyncAPIClient("demo", "demo-password", http=OneSlow(), base_url="http://gateway.test/3rdparty/v1")
        messages = numbered()
        return [result.unwrap().id async for result in client.send_many(messages, concurrency=4)]

    assert asyncio.run(main()) == ["slow", *(f"m{number}" for number in range(150))]


def numbered():
    for id in ("slow", *(f"m{number}" for number in range(150))):
        yield Message(id=id, phone_numbers=["+12025550101"], text_message=TextMessage(text="x"))
