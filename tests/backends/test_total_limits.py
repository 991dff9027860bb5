"""The contract of every asynchronous backend: the total limit of one exchange touches nothing but that exchange."""

from __future__ import annotations

import asyncio
import time

import anyio
import pytest

from eventually import LIMIT, in_proportion
from smsgate.errors import RequestTimeoutError

pytestmark = pytest.mark.anyio

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(autouse=True)
def _only_asynchronous(case):
    if case.is_sync:
        pytest.skip("its limits are the library's own")


@pytest.fixture
def silent(server):
    """A server that answers `/0.3` after so many seconds and everything else never."""

    def script(connection, received):
        if received.target == "/":
            connection.until_gone()
        else:
            connection.wait(float(received.target[1:]))
            connection.send(ANSWER)

    server.script = script
    return server


async def test_exchanges_with_different_limits_end_each_at_its_own(silent, backend, ask):
    async def attempt(scale):
        ended = {}

        async def one(total):
            begun = time.monotonic()
            with pytest.raises(RequestTimeoutError):
                await backend.send(ask(f"{silent.origin}/", total=total * scale))
            ended[total] = (time.monotonic() - begun) / scale

        async with anyio.create_task_group() as group:
            for total in (0.45, 0.1, 0.25, 0.11):
                group.start_soon(one, total)

        assert all(total - 0.01 <= taken < total + 0.12 for total, taken in ended.items()), ended

    await in_proportion(attempt)


async def test_exchanges_that_begin_later_end_later(silent, backend, ask):
    async def attempt(scale):
        taken = []

        async def one(pause):
            await anyio.sleep(pause * scale)
            begun = time.monotonic()
            with pytest.raises(RequestTimeoutError):
                await backend.send(ask(f"{silent.origin}/", total=0.2 * scale))
            taken.append((time.monotonic() - begun) / scale)

        async with anyio.create_task_group() as group:
            for pause in (0.0, 0.05, 0.1):
                group.start_soon(one, pause)

        assert all(0.19 <= seconds < 0.32 for seconds in taken), taken

    await in_proportion(attempt)


async def test_limit_of_an_exchange_that_has_ended_does_not_touch_its_task(silent, backend, ask):
    async def attempt(scale):
        answer = await backend.send(ask(f"{silent.origin}/{0.1 * scale}", total=0.2 * scale))
        await anyio.sleep(0.2 * scale)  # beyond that limit
        assert answer.content == b"ok"

    await in_proportion(attempt)


async def test_task_goes_on_uncancelled_after_a_limit(silent, backend, ask, case):
    for _ in range(3):
        with pytest.raises(RequestTimeoutError):
            await backend.send(ask(f"{silent.origin}/", total=0.1))

    answer = await backend.send(ask(f"{silent.origin}/0.01"))

    assert answer.status == 200
    if case.loop == "asyncio" and hasattr(asyncio.Task, "cancelling"):
        assert asyncio.current_task().cancelling() == 0


async def test_scope_that_ends_before_the_limit_keeps_its_cancellation(silent, backend, ask):
    async def attempt(scale):
        with anyio.move_on_after(0.1 * scale) as scope:
            await backend.send(ask(f"{silent.origin}/", total=0.2 * scale))
        await anyio.sleep(0.2 * scale)
        assert scope.cancelled_caught

    await in_proportion(attempt)


@pytest.mark.skipif(not hasattr(asyncio.Task, "uncancel"), reason="cancellations are counted since Python 3.11")
async def test_cancellation_at_the_moment_of_the_limit_goes_before(silent, backend, ask, case):
    if case.loop != "asyncio":
        pytest.skip("tasks of asyncio")

    async def attempt(scale):
        total = 0.2 * scale
        task = asyncio.create_task(backend.send(ask(f"{silent.origin}/", total=total)))
        await asyncio.sleep(0.9 * total)
        time.sleep(0.3 * total)  # noqa: ASYNC251 - so that both are due when the loop comes to it
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    await in_proportion(attempt)


@pytest.mark.skipif(not hasattr(asyncio.Task, "uncancel"), reason="cancellations are counted since Python 3.11")
async def test_cancellation_right_after_the_limit_goes_before(silent, backend, ask, case):
    if case.library != "aiohttp":
        pytest.skip("the others' limits are anyio's and pyreqwest's own")

    async def attempt(scale):
        task = asyncio.create_task(backend.send(ask(f"{silent.origin}/", total=0.2 * scale)))
        await asyncio.sleep(0.1 * scale)
        loop = asyncio.get_running_loop()
        loop.call_later(0.115 * scale, task.cancel)  # after the deadline, in the same turn of the loop
        time.sleep(0.2 * scale)  # noqa: ASYNC251 - so that both are due
        with pytest.raises(asyncio.CancelledError):
            await task

    await in_proportion(attempt)


async def test_limits_in_turns_leave_no_timers_behind(silent, backend, ask, case):
    if case.library != "aiohttp":
        pytest.skip("the others' timers are not ours")
    silent.script = lambda connection, _: connection.send(ANSWER)

    for number in range(50):
        await backend.send(ask(f"{silent.origin}/", total=LIMIT + number % 2))

    pending = [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]
    assert len(pending) < 10


@pytest.mark.skipif(not hasattr(asyncio, "timeout"), reason="new in Python 3.11")
async def test_shorter_limit_around_an_exchange_is_told_from_its_own(silent, backend, ask, case):
    if case.loop != "asyncio":
        pytest.skip("a limit of asyncio's")

    async def attempt(scale):
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.1 * scale):
                await backend.send(ask(f"{silent.origin}/", total=0.2 * scale))
        assert not isinstance(caught.value, RequestTimeoutError)
        assert asyncio.current_task().cancelling() == 0

    await in_proportion(attempt)


async def test_no_limit_is_none(silent, backend, ask):
    answer = await backend.send(ask(f"{silent.origin}/0.1", total=None, read=None))

    assert answer.content == b"ok"
