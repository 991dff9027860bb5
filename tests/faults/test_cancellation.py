"""Cancellation of a send at each await: no deadlock, leak or duplicate, and a working client afterwards."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import anyio
import pytest
import trio

from eventually import LIMIT, eventually, eventually_async
from smsgate import APIClient, AsyncAPIClient, Encryptor, JWTAuth, Scope
from smsgate.ahttp import HttpxAsyncHttpClient
from smsgate.emulator import Faults, ManualClock
from smsgate.token_store import MemoryTokenStore

MOST = 400


class Counted:
    """Awaits something and calls `act` just before its n-th suspension."""

    def __init__(self, inner, number, act):
        self.inner, self.number, self.act = inner, number, act
        self.suspensions = 0

    def __await__(self):
        steps = self.inner.__await__()
        resume = lambda: next(steps)  # noqa: E731 - rebound below
        while True:
            try:
                waited_for = resume()
            except StopIteration as end:
                return end.value
            self.suspensions += 1
            if self.suspensions == self.number:
                self.act()
            try:
                value = yield waited_for
            except BaseException as error:  # noqa: BLE001 - handed on
                resume = lambda error=error: steps.throw(error)  # noqa: E731
            else:
                resume = lambda value=value: steps.send(value)  # noqa: E731


async def cancelled_at(number, make):
    """Await what `make` returns and cancel it at its n-th suspension; tell whether that came about."""
    if asyncio_runs():
        counted = []

        async def body():
            counted.append(Counted(make(), number, asyncio.current_task().cancel))
            return await counted[0]

        task = asyncio.create_task(body())
        try:
            await asyncio.wait_for(asyncio.shield(task), LIMIT)
        except asyncio.CancelledError:
            return True
        return False
    with trio.fail_after(LIMIT), trio.CancelScope() as scope:
        await Counted(make(), number, scope.cancel)
    return scope.cancelled_caught


def asyncio_runs():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Awaiting:
    """Makes every exchange of a backend in memory suspend, before it and after it."""

    def __init__(self, inner):
        self.inner = inner

    async def send(self, request):
        await anyio.lowlevel.checkpoint()
        answer = await self.inner.send(request)
        await anyio.lowlevel.checkpoint()
        return answer

    def stream(self, request):
        return self.inner.stream(request)

    async def aclose(self):
        await self.inner.aclose()


class Expired(MemoryTokenStore):
    """Gives every pair out as expired for as long as it is told to."""

    over = False

    def load(self, key):
        pair = super().load(key)
        return replace(pair, ends_at=datetime.now(timezone.utc) - timedelta(1)) if pair and self.over else pair


@pytest.fixture
def hard(fault_module):
    """Make a client with an expired token whose first post will lose its answer."""
    sends, personal_data = fault_module("sends"), fault_module("personal_data")

    def make(gateway, http, base_url=sends.BASE_URL, **further):
        store = Expired()
        auth = JWTAuth(personal_data.LOGIN, personal_data.PASSWORD, [Scope.ALL_ANY], store=store)
        options = {"auth": auth, "base_url": base_url, "retry": sends.QUICK, "pin_device": True}
        APIClient(http=gateway.http(), **options).list_devices()
        store.over = True
        return AsyncAPIClient(http=http, **options, **further)

    return make


def texts(gateway):
    return [row.content["textMessage"]["text"] for row in gateway.messages]


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:encryption with")
@pytest.mark.parametrize("sealed", [False, True])
async def test_in_memory_the_next_send_works_wherever_the_last_one_was_cancelled(fault_module, hard, sealed):
    sends, personal_data = fault_module("sends"), fault_module("personal_data")
    encryptor = Encryptor(personal_data.PASSPHRASE, iterations=1) if sealed else None
    number, hit = 0, True

    while hit:
        number += 1
        gateway = sends.account(clock=ManualClock())
        client = hard(gateway, Awaiting(gateway.async_http()), encryptor=encryptor)
        gateway.faults = Faults.script(["lost", "lost"], only=["POST /messages"])
        hit = await cancelled_at(number, lambda client=client: client.send(sends.message(1)))
        with anyio.fail_after(LIMIT):
            again = await client.send(sends.message(2))
            await client.aclose()
        stored = [encryptor.decrypt(text) if encryptor else text for text in texts(gateway)]

        assert number < MOST
        assert stored.count(personal_data.text(1)) <= 1
        assert hit or stored.count(personal_data.text(1)) == 1
        assert stored.count(personal_data.text(2)) == 1
        assert again.id in {row.id for row in gateway.messages}

    assert number > 10


@pytest.mark.anyio
@pytest.mark.parametrize("backend", ["httpx", "aiohttp", "pyreqwest"])
async def test_over_sockets_the_next_send_works_wherever_the_last_one_was_cancelled(  # noqa: PLR0917 - fixtures
    fault_module, hard, wire, gateway, backend, anyio_backend_name
):
    if anyio_backend_name == "trio" and backend != "httpx":
        pytest.skip(f"{backend} runs under asyncio only")
    from smsgate import ahttp

    sends, personal_data, opened = (
        fault_module("sends"),
        fault_module("personal_data"),
        fault_module("server").open_files,
    )
    number, hit = 0, True
    one = HttpxAsyncHttpClient(max_connections=1) if backend == "httpx" else ahttp.get_client(backend)
    warm = hard(gateway, one, wire.url)
    await warm.send(sends.message(0))
    await warm.aclose()
    files = opened()
    others = asyncio.all_tasks() if asyncio_runs() else set()

    while hit:
        number += 1
        wire.faults = Faults.script([None, None, "lost", None, None])
        client = hard(gateway, one, wire.url)
        index = 2 * number
        hit = await cancelled_at(number, lambda client=client, index=index: client.send(sends.message(index)))
        wire.faults = None
        retries = []
        with anyio.fail_after(LIMIT):
            patient = client.with_options(retry=replace(sends.QUICK, on_retry=retries.append))
            await patient.send(sends.message(index + 1))
        assert retries == []  # such as after waiting for a connection that is never given back
        stored = texts(gateway)

        assert number < MOST
        assert stored.count(personal_data.text(index)) <= 1
        assert hit or stored.count(personal_data.text(index)) == 1
        assert stored.count(personal_data.text(index + 1)) == 1
    await one.aclose()
    if asyncio_runs():
        await eventually_async(lambda: asyncio.all_tasks() <= others)

    assert number > 10
    eventually(lambda: gc.collect() >= 0 and opened() <= files + 1)


def test_an_interrupt_in_any_exchange_leaves_a_synchronous_client_usable(fault_module):
    sends, personal_data = fault_module("sends"), fault_module("personal_data")
    number, hit = 0, True

    while hit:
        number += 1
        hit = False
        gateway = sends.account()
        exchanges = iter(range(1, MOST))

        def interrupt(_request, exchanges=exchanges, number=number):
            if next(exchanges) == number:
                raise KeyboardInterrupt

        gateway.faults = interrupt
        auth = JWTAuth(personal_data.LOGIN, personal_data.PASSWORD, [Scope.ALL_ANY])
        client = APIClient(auth=auth, base_url=sends.BASE_URL, retry=sends.QUICK, pin_device=True, http=gateway.http())
        try:
            client.send(sends.message(1))
        except KeyboardInterrupt:
            hit = True
        gateway.faults = None
        client.send(sends.message(2))

        assert texts(gateway).count(personal_data.text(2)) == 1

    assert number == 4  # token, devices, message, and none


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_of_one_of_many_messages_is_not_kept_back(fault_module, gateway, end):
    sends, personal_data = fault_module("sends"), fault_module("personal_data")
    results = []

    def interrupt(_):
        raise end

    with (
        APIClient(
            personal_data.LOGIN,
            personal_data.PASSWORD,
            base_url=sends.BASE_URL,
            http=gateway.http(),
            on_request=interrupt,
        ) as client,
        pytest.raises(end),
    ):
        results.extend(client.send_many([sends.message(number) for number in range(3)]))

    assert results == []


@pytest.mark.anyio
async def test_cancelling_many_messages_is_not_kept_back(fault_module, gateway):
    sends, personal_data = fault_module("sends"), fault_module("personal_data")
    results = []
    note = results.append

    with anyio.CancelScope() as scope:
        client = AsyncAPIClient(
            personal_data.LOGIN,
            personal_data.PASSWORD,
            base_url=sends.BASE_URL,
            http=Awaiting(gateway.async_http()),
            on_request=lambda _: scope.cancel(),
        )
        async for result in client.send_many([sends.message(number) for number in range(3)]):
            note(result)

    assert scope.cancelled_caught
    assert results == []
